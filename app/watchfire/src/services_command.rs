//! The application services by themselves: all of them, or some in a process of their own.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use tokio::sync::mpsc;
use watchfire_schemas::{ChangeEvent, SystemClock};
use watchfire_services::{CacheUrl, Export, Launch, PostgresUrl, Running, Secrets, ServiceName};

use crate::api::Api;
use crate::cli::ServicesArgs;
use crate::config::ConfigError;
use crate::listeners::print_addresses;
use crate::stack::{StopSignal, runtime};

pub(crate) fn run(args: &ServicesArgs) -> anyhow::Result<ExitCode> {
    let mut launch = launch(args)?;
    let server = args.server.as_deref().map(Api::new).transpose()?;
    runtime()?.block_on(async {
        let (changes, inflow) = mpsc::channel(16);
        launch.changes = server.is_some().then_some(changes);
        let telling = server.map(|server| tell_changes(server, inflow));
        let services = Running::launch(launch).await?;
        let stop = StopSignal::listen()?;
        if args.print_addresses {
            print_addresses(services.addresses());
        }
        let running = async {
            stop.come().await;
            services.stop().await;
        };
        // The services hold the sending end, so that it ends after them.
        match telling {
            Some(telling) => drop(tokio::join!(running, telling)),
            None => running.await,
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// What was written, made into what is meant.
fn launch(args: &ServicesArgs) -> Result<Launch, ConfigError> {
    let services = match args.only.as_slice() {
        [] => ServiceName::ALL.to_vec(),
        only => only.to_vec(),
    };
    let runs = |service: &ServiceName| services.contains(service);
    let mut listen = BTreeMap::new();
    for given in &args.listen {
        let mut behind = services
            .iter()
            .filter(|service| **service != ServiceName::Gateway);
        let service = match (given.service, behind.next(), behind.next()) {
            (Some(ServiceName::Gateway), ..) => {
                return Err(wrong("listen", "--gateway says where the gateway listens"));
            }
            (Some(service), ..) if runs(&service) => service,
            (Some(service), ..) => {
                return Err(wrong("listen", &format!("{service} is not started")));
            }
            (None, Some(service), None) => *service,
            (None, ..) => {
                return Err(wrong(
                    "listen",
                    &format!("{} must say for which service: NAME=ADDRESS", given.address),
                ));
            }
        };
        listen.insert(service, given.address);
    }
    let upstreams = args.upstream.iter();
    let upstreams: BTreeMap<_, _> = upstreams
        .map(|given| (given.service, given.url.clone()))
        .collect();
    if services == [ServiceName::Gateway] && upstreams.is_empty() {
        return Err(wrong(
            "upstream",
            "a gateway by itself needs NAME=URL for each service behind it",
        ));
    }
    let needs_gateway = !upstreams.is_empty() || args.traffic > 0.0;
    if needs_gateway && !runs(&ServiceName::Gateway) {
        return Err(wrong("only", "--upstream and --traffic need the gateway"));
    }
    if args.cache.is_some() && !runs(&ServiceName::Gateway) {
        return Err(wrong("only", "--cache needs the gateway"));
    }
    let cache = args.cache.as_ref().map(|given| CacheUrl::parse(&given.0));
    let cache = cache.transpose();
    let cache = cache.map_err(|error| wrong("cache", &error.to_string()))?;
    Ok(Launch {
        services,
        data_dir: args.data_dir.clone(),
        postgres: database(args)?,
        gateway: args.gateway,
        listen,
        upstreams,
        cache,
        export: Export::Environment,
        environment: args.environment.clone(),
        // What several processes share cannot be drawn by each.
        secrets: if args.only.is_empty() {
            Secrets::GivenOrDrawn
        } else {
            Secrets::Given
        },
        traffic: args.traffic,
        seed: args.seed,
        clock: Arc::new(SystemClock),
        changes: None,
    })
}

/// The Postgres that is given, as an option or as a secret.
fn database(args: &ServicesArgs) -> Result<Option<PostgresUrl>, ConfigError> {
    let given = PostgresUrl::given().map_err(|error| wrong("database", &error.to_string()))?;
    match (&args.database, given) {
        (Some(_), Some(_)) => Err(wrong(
            "database",
            "it is given twice, by the option and as a secret",
        )),
        (None, given) => Ok(given),
        (Some(url), None) => {
            let url = url.read();
            url.map(Some)
                .map_err(|error| wrong("database", &error.to_string()))
        }
    }
}

fn wrong(option: &'static str, reason: &str) -> ConfigError {
    let reason = reason.to_owned();
    ConfigError::Option { option, reason }
}

/// Tells a Watchfire of each change. One that it does not take is written down and left.
async fn tell_changes(server: Api, mut inflow: mpsc::Receiver<ChangeEvent>) {
    let json = HeaderValue::from_static("application/json");
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, json)]);
    while let Some(change) = inflow.recv().await {
        let body = serde_json::to_vec(&change).expect("a change is plain data");
        let told = server.post::<ChangeEvent>("/api/v1/changes", headers.clone(), body);
        if let Err(error) = told.await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "{} was not told of a change: {}",
                server.server(),
                change.summary
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn check(args: &[&str], expected: Result<usize, &str>) {
        let cli = Cli::parse_from(["watchfire", "services"].iter().chain(args));
        let Command::Services(args) = cli.command else {
            unreachable!("it is asked for services")
        };
        let found = launch(&args).map(|launch| launch.services.len());
        let found = found.map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{args:?}");
    }

    #[test]
    fn what_is_started_alone_must_know_what_it_needs() {
        check(&[], Ok(6));
        check(&["--only", "payments", "--listen", "127.0.0.1:0"], Ok(1));
        check(&["--only", "payments,messages"], Ok(2));
        let upstream = "--upstream=payments=http://127.0.0.1:1";
        check(&["--only", "gateway", upstream], Ok(1));
        check(
            &["--only", "gateway"],
            Err("upstream: a gateway by itself needs NAME=URL for each service behind it"),
        );
        check(
            &["--only", "payments", upstream],
            Err("only: --upstream and --traffic need the gateway"),
        );
        check(&["--cache", "redis://:s3cret@cache:6379/1"], Ok(6));
        check(
            &["--cache", "s3cret"],
            Err(
                "cache: the gateway's cache is no address of a Redis; it must be of the form redis://[user:password@]host[:port][/db], or rediss:// over TLS",
            ),
        );
        check(
            &["--only", "payments", "--cache", "redis://cache"],
            Err("only: --cache needs the gateway"),
        );
        check(&["--database", "postgres://ann@localhost/shop"], Ok(6));
        check(
            &["--database", "mysql://ann:hunter2@localhost/shop"],
            Err(
                "database: expected postgres://USER:PASSWORD@HOST:PORT/NAME, with what is special in a password as %XX",
            ),
        );
        check(
            &["--listen", "127.0.0.1:1"],
            Err("listen: 127.0.0.1:1 must say for which service: NAME=ADDRESS"),
        );
        check(
            &["--only", "payments", "--listen", "messages=127.0.0.1:1"],
            Err("listen: messages is not started"),
        );
        check(
            &["--listen", "gateway=127.0.0.1:1"],
            Err("listen: --gateway says where the gateway listens"),
        );
    }
}
