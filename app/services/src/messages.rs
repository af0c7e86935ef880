//! Customer messages by e-mail, SMS and push. What is accepted is stored; workers hand it to
//! providers, who tell later what became of it. A message goes out at least once; where a provider
//! knows a repetition by its key, exactly once.

mod api;
mod backoff;
mod catalogue;
mod channel;
mod experiment;
mod health;
mod instruments;
mod interval;
mod journal;
mod keys;
mod lane;
mod provider;
mod recipient;
mod sandbox;
mod settings;
mod store;
mod submission;
mod template;
mod upkeep;
mod wording;
mod worker;

use std::sync::Arc;

use watchfire_telemetry::Telemetry;

use crate::database::Durability;
use crate::launch::LaunchError;
use crate::setup::{Setup, Started};
use crate::traced::traced;

use self::api::Api;
use self::channel::Channel;
use self::instruments::Instruments;
use self::journal::Journal;
use self::keys::Keys;
use self::lane::Lane;
use self::provider::{HttpWire, Provider, SmtpWire, Wire};
use self::sandbox::Sandbox;
use self::settings::{Endpoint, ProviderSettings, Settings};
use self::store::{MIGRATIONS, NAMESPACE, Store};
use self::worker::Worker;

pub(crate) use self::api::ROUTES;

pub(crate) const SERVICE: &str = "messages";

pub(crate) async fn start(setup: &Setup<'_>) -> Result<Started, LaunchError> {
    let telemetry = setup.telemetry(SERVICE)?;
    let settings = Settings::read(|variable| std::env::var(variable).ok());
    let settings = settings.map_err(LaunchError::Setting)?;
    let keys = Keys::read(setup)?;
    let sandbox = Sandbox::start(setup, &keys).await?;
    let lanes = lanes(&settings, &keys, &sandbox, (&telemetry, setup))?;
    let instruments = Instruments::register(&telemetry);
    let (store, catalogue) = open(setup, &telemetry).await?;
    for lane in &lanes {
        let worker = Worker {
            lane: Arc::clone(lane),
            store: store.clone(),
            telemetry: telemetry.clone(),
            instruments: instruments.clone(),
            backoff: settings.backoff,
            most_attempts: settings.most_attempts,
            faults: Arc::clone(&setup.faults),
        };
        setup.stage.spawn(|stop| telemetry.scope(worker.run(stop)));
    }
    let upkeep = |stop| telemetry.scope(upkeep::run(store.clone(), instruments.clone(), stop));
    setup.stage.spawn(upkeep);
    let api = api::router(Api {
        store,
        catalogue,
        lanes,
        keys,
        instruments,
        telemetry: telemetry.clone(),
    });
    let api = traced(api, &telemetry);
    let started = setup.serve(SERVICE, telemetry, api).await?;
    sandbox.send_receipts_to(started.address);
    Ok(started)
}

/// The store, with what was being sent when it was last closed back in its queues.
async fn open(
    setup: &Setup<'_>,
    telemetry: &Telemetry,
) -> Result<(Store, catalogue::Catalogue), LaunchError> {
    let database = setup
        .database(NAMESPACE, &MIGRATIONS, Durability::Power)
        .await?;
    let journal = Journal::start(database.clone(), setup.stage);
    let store = Store::new(database, journal, Arc::clone(&setup.clock));
    let unreadable = |source| setup.unopened(NAMESPACE, source);
    let recovered = store.recover().await.map_err(unreadable)?;
    if recovered > 0 {
        telemetry.in_scope(|| {
            tracing::warn!(
                "{recovered} messages were on their way when the service ended, they are sent again"
            );
        });
    }
    let catalogue = store.catalogue().await.map_err(unreadable)?;
    Ok((store, catalogue))
}

fn lanes(
    settings: &Settings,
    keys: &Keys,
    sandbox: &Sandbox,
    with: (&Telemetry, &Setup<'_>),
) -> Result<Vec<Arc<Lane>>, LaunchError> {
    let of_channel = |channel| {
        let providers = settings.providers.iter();
        let providers = providers.filter(|provider| provider.channel == channel);
        let providers = providers.map(|provider| {
            let wire = wire(provider, keys, sandbox, with)?;
            Ok(Arc::new(Provider::new(provider, wire)))
        });
        let providers: Result<Vec<_>, LaunchError> = providers.collect();
        Ok(Arc::new(Lane::new(channel, providers?)))
    };
    let lanes: Result<Vec<_>, LaunchError> = Channel::ALL.into_iter().map(of_channel).collect();
    let lanes = lanes?;
    let without = lanes.iter().find(|lane| lane.providers.is_empty());
    if let Some(lane) = without {
        let channel = lane.channel.as_str();
        return Err(LaunchError::Setting(format!(
            "the channel {channel} has no provider"
        )));
    }
    Ok(lanes)
}

fn wire(
    settings: &ProviderSettings,
    keys: &Keys,
    sandbox: &Sandbox,
    (telemetry, setup): (&Telemetry, &Setup<'_>),
) -> Result<Wire, LaunchError> {
    let key = keys.of(settings.channel).clone();
    let http = |url| {
        let wire = HttpWire::new(url, key.clone(), telemetry, Arc::clone(&setup.clock));
        wire.map(Wire::Http).map_err(LaunchError::Client)
    };
    match &settings.endpoint {
        Endpoint::Sandbox => http(format!(
            "http://{}/{}/messages",
            sandbox.http, settings.name
        )),
        Endpoint::Http(url) => http(url.clone()),
        Endpoint::SmtpSandbox => {
            let address = sandbox.smtp;
            Ok(Wire::Smtp(SmtpWire::new(
                address.ip().to_string(),
                address.port(),
                None,
            )))
        }
        Endpoint::Smtp { host, port, user } => {
            let login = user.clone().map(|user| (user, key.clone()));
            Ok(Wire::Smtp(SmtpWire::new(host.clone(), *port, login)))
        }
    }
}
