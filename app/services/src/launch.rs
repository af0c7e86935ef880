use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use watchfire_schemas::{Batch, ChangeEvent, Clock, TimeRange};

/// Where the services' telemetry goes.
#[derive(Debug, Clone)]
pub enum Export {
    /// To a collector in this process.
    InProcess(mpsc::Sender<Batch>),
    /// By `OTEL_EXPORTER_OTLP_ENDPOINT`; log lines on stdout.
    Environment,
}

#[derive(Debug, Clone)]
pub struct Launch {
    /// SQLite files go here.
    pub data_dir: PathBuf,
    /// The gateway's address. The services behind it bind loopback ports of their own.
    pub gateway: SocketAddr,
    pub export: Export,
    /// Requests per second that the built-in traffic generator makes; 0 for none.
    pub traffic: f64,
    pub seed: u64,
    pub clock: Arc<dyn Clock>,
    /// Told of each deploy that the services make.
    pub changes: Option<mpsc::Sender<ChangeEvent>>,
}

#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("{address} cannot be bound")]
    Bind {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("the database {path} cannot be opened")]
    Database {
        path: PathBuf,
        #[source]
        source: sqlx::Error,
    },
    #[error("telemetry could not be started")]
    Telemetry(#[source] watchfire_telemetry::StartError),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// A share of one route's requests fails with an exception.
    Errors,
    /// One route becomes slow.
    Latency,
    /// The content service's database cannot be reached.
    DependencyDown,
    /// A new version that throws on one kind of input; ends by a roll-back. Both are change events.
    BadDeploy,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    pub kind: FaultKind,
    /// The share of requests it hits, 0 to 1.
    pub share: f64,
}

/// Begins and ends faults.
#[derive(Debug, Clone)]
pub struct FaultSwitch {}

impl FaultSwitch {
    pub fn begin(&self, fault: Fault) {
        let _ = fault;
        unimplemented!()
    }
    pub fn end(&self) {
        unimplemented!()
    }
    pub fn current(&self) -> Option<Fault> {
        unimplemented!()
    }
}

/// The running services.
#[derive(Debug)]
pub struct Running {}

impl Running {
    pub async fn launch(launch: Launch) -> Result<Self, LaunchError> {
        let _ = launch;
        unimplemented!()
    }
    pub fn gateway_address(&self) -> SocketAddr {
        unimplemented!()
    }
    pub fn faults(&self) -> FaultSwitch {
        unimplemented!()
    }
    /// Stops accepting, finishes requests, flushes telemetry.
    pub async fn stop(self) {
        unimplemented!()
    }
}

/// Telemetry of a quiet stretch of the past, of the same shape as the running services emit at
/// `traffic` requests per second: batches in the order of time.
pub fn history(range: TimeRange, traffic: f64, seed: u64) -> impl Iterator<Item = Batch> {
    let _ = (range, traffic, seed);
    std::iter::empty()
}
