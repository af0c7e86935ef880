use std::sync::Arc;

use axum::Router;
use serde_json::Value;
use watchfire_alerts::Alerts;
use watchfire_logsearch::EventStore;
use watchfire_schemas::{Clock, Timestamp};
use watchfire_tsdb::Tsdb;

/// What `/status` shows and the stores do not know. Implemented by the binary.
pub trait StatusSource: Send + Sync + std::fmt::Debug {
    fn ingest(&self) -> IngestReport;
    fn disk(&self) -> Vec<DiskUse>;
    /// Payloads that the built-in receiver of the demo got, newest first; empty outside the demo.
    fn inbox(&self) -> Vec<InboxEntry>;
    fn version(&self) -> &'static str;
    fn started_at(&self) -> Timestamp;
}

/// The collector's state, as data.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IngestReport {
    /// receiver, signal, service, records accepted, last seen
    pub sources: Vec<(String, String, String, u64, Timestamp)>,
    /// (reason, count)
    pub drops: Vec<(String, u64)>,
    pub wal_bytes: u64,
    pub memory_used: u64,
    pub memory_budget: u64,
    pub batches_behind: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DiskUse {
    pub what: String,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct InboxEntry {
    pub at: Timestamp,
    pub path: String,
    pub body: Value,
}

/// What the pages are made of.
#[derive(Debug, Clone)]
pub struct Console {
    pub events: Arc<EventStore>,
    pub tsdb: Arc<Tsdb>,
    pub alerts: Arc<Alerts>,
    pub status: Arc<dyn StatusSource>,
    pub clock: Arc<dyn Clock>,
    /// Shown in the header, so that nobody takes the demo for production.
    pub is_demo: bool,
}

/// All pages, static files and the JSON API under `/api/v1` save ingest.
pub fn console_router(console: Console) -> Router {
    let _ = console;
    unimplemented!()
}
