use std::sync::Arc;

use watchfire_schemas::{Attributes, Clock};
use watchfire_telemetry::{Distortion, LogOutput, StartError, Telemetry};

use crate::fault::Faults;
use crate::launch::{Export, Launch};

pub(crate) const GATEWAY: &str = "gateway";
pub(crate) const CONTENT: &str = "content";
pub(crate) const CONTENT_SYNC: &str = "content-sync";
/// Where a demonstration runs.
pub const DEMO: &str = "demo";

/// The version that the services run as when nothing has been deployed over them.
pub(crate) const VERSION: Version = Version { minor: 4 };

/// `1.x.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    minor: u32,
}

impl Version {
    #[must_use]
    pub(crate) const fn next(self) -> Self {
        Self {
            minor: self.minor + 1,
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "1.{}.0", self.minor)
    }
}

/// What the telemetry of all services of one launch has in common.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    export: Export,
    environment: Option<String>,
    clock: Arc<dyn Clock>,
}

impl Origin {
    pub(crate) fn of(launch: &Launch) -> Self {
        Self {
            export: launch.export.clone(),
            environment: launch.environment.clone(),
            clock: Arc::clone(&launch.clock),
        }
    }

    /// Starts the telemetry of one service, which those of its faults distort that can.
    pub(crate) fn start(
        &self,
        service: &str,
        version: Version,
        faults: &Arc<Faults>,
    ) -> Result<Telemetry, StartError> {
        let distortion: Arc<dyn Distortion> = Arc::<Faults>::clone(faults);
        let builder = Telemetry::service(service)
            .version(&version.to_string())
            .instance(&instance(service))
            .clock(Arc::clone(&self.clock))
            .distortion(distortion);
        let builder = match &self.environment {
            Some(environment) => builder.environment(environment),
            None => builder,
        };
        match &self.export {
            Export::InProcess(collector) => builder
                .log_output(LogOutput::Nowhere)
                .hand_over(collector.clone()),
            Export::Environment => builder.log_output(lines()),
        }
        .start()
    }
}

/// Lines on stdout, unless `OTEL_LOGS_EXPORTER` says that the receiver is all that is wanted.
fn lines() -> LogOutput {
    match std::env::var("OTEL_LOGS_EXPORTER").as_deref() {
        Ok("otlp") => LogOutput::Nowhere,
        _ => LogOutput::Stdout,
    }
}

/// The resource attributes that [`Origin::start`] leads to in a demonstration, besides the name of
/// the service.
pub(crate) fn resource(service: &str) -> Attributes {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let host = host.ok().or_else(|| std::env::var("HOSTNAME").ok());
    let host = host.map(|host| host.trim().to_owned());
    let known = [
        ("service.version", Some(VERSION.to_string())),
        ("deployment.environment.name", Some(DEMO.to_owned())),
        ("service.instance.id", Some(instance(service))),
        ("host.name", host.filter(|host| !host.is_empty())),
    ];
    let known = known.into_iter();
    let known = known.filter_map(|(key, value)| Some((key.to_owned(), value?.into())));
    known.collect()
}

fn instance(service: &str) -> String {
    format!("{service}-1")
}

/// Flushes and stops pipelines without blocking the runtime.
pub(crate) async fn stop(telemetries: Vec<Telemetry>) {
    let stopping = tokio::task::spawn_blocking(move || {
        for telemetry in telemetries {
            telemetry.shutdown();
        }
    });
    if let Err(error) = stopping.await {
        tracing::error!("telemetry did not stop in order: {error}");
    }
}
