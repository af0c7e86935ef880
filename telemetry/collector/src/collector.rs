use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus_client::registry::Registry;
use serde::Serialize;
use tokio::sync::mpsc;
use watchfire_logsearch::EventStore;
use watchfire_schemas::{Batch, Clock, ExceptionSeen, Timestamp};
use watchfire_tsdb::Tsdb;

#[derive(Debug, Clone)]
pub struct Config {
    /// Where the write-ahead log lives.
    pub dir: PathBuf,
    /// What may wait in memory, decoded or not yet in a split, before requests are refused.
    pub memory_budget: usize,
    /// The largest request body, decompressed.
    pub max_body: usize,
    pub snapshot_interval: Duration,
}

/// What became of the records of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Receipt {
    pub accepted: u64,
    pub quarantined: u64,
    pub rejected: u64,
}

/// Why a request was refused as a whole. Its records are not kept; the sender should try again, or not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the memory budget of {budget} bytes is in use")]
    Overload {
        budget: usize,
        retry_after: Duration,
    },
    #[error("the disk is full")]
    DiskFull { retry_after: Duration },
    #[error("the collector is stopping")]
    Stopping,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{path} cannot be opened")]
    Io {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is damaged: {reason}")]
    Damaged { path: PathBuf, reason: String },
}

/// For `/status`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct IngestStatus {
    pub sources: Vec<SourceStatus>,
    /// (reason, count) of all that was refused, quarantined or dropped since start.
    pub drops: Vec<(String, u64)>,
    pub wal_bytes: u64,
    pub memory_used: usize,
    pub memory_budget: usize,
    pub last_batch: u64,
    /// Batches in the log that are not yet in a split or a snapshot.
    pub batches_behind: u64,
}

/// A way in and a service that uses it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceStatus {
    pub receiver: String,
    pub signal: String,
    pub service: String,
    pub accepted: u64,
    pub last_at: Timestamp,
}

#[derive(Debug)]
pub struct Collector {}

impl Collector {
    /// Opens the log, replays what the stores do not hold yet, and starts its threads.
    pub async fn open(
        config: Config,
        events: Arc<EventStore>,
        tsdb: Arc<Tsdb>,
        exceptions: mpsc::Sender<Vec<ExceptionSeen>>,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let _ = (config, events, tsdb, exceptions, clock, registry);
        unimplemented!()
    }

    /// Validates, enriches and logs a batch, in process; returns when it is on disk and searchable.
    pub async fn accept(&self, receiver: &'static str, batch: Batch) -> Result<Receipt, Refusal> {
        let _ = (receiver, batch);
        unimplemented!()
    }

    /// `POST /api/v1/ingest/logs`, for the console listener.
    pub fn ingest_router(self: &Arc<Self>) -> Router {
        unimplemented!()
    }

    /// `POST /v1/{logs,traces,metrics}`.
    pub fn otlp_http_router(self: &Arc<Self>) -> Router {
        unimplemented!()
    }

    /// The three OTLP services; to be served over HTTP/2 in clear text.
    pub fn otlp_grpc_router(self: &Arc<Self>) -> Router {
        unimplemented!()
    }

    pub fn status(&self) -> IngestStatus {
        unimplemented!()
    }

    /// Whether a record would be taken now: the log is writable and the budget is not used up.
    pub fn is_ready(&self) -> Result<(), Refusal> {
        unimplemented!()
    }

    /// Refuses new batches, finishes those under way, snapshots the stores.
    pub async fn close(&self) {
        unimplemented!()
    }
}
