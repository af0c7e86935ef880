use std::sync::Arc;

use watchfire_schemas::Clock;
use watchfire_telemetry::{LogOutput, StartError, Telemetry};

use crate::launch::Export;

pub(crate) const GATEWAY: &str = "gateway";
pub(crate) const CONTENT: &str = "content";
pub(crate) const CONTENT_SYNC: &str = "content-sync";
pub(crate) const ENVIRONMENT: &str = "demo";

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

/// Starts the telemetry of one service.
pub(crate) fn start(
    service: &str,
    version: Version,
    export: &Export,
    clock: &Arc<dyn Clock>,
) -> Result<Telemetry, StartError> {
    let builder = Telemetry::service(service)
        .version(&version.to_string())
        .environment(ENVIRONMENT)
        .instance(&format!("{service}-1"))
        .clock(Arc::clone(clock));
    match export {
        Export::InProcess(collector) => builder
            .log_output(LogOutput::Nowhere)
            .hand_over(collector.clone()),
        Export::Environment => builder.log_output(LogOutput::Stdout),
    }
    .start()
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
