use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Redirect;
use axum::routing::{get, post};
use serde_json::Value;
use watchfire_alerts::Alerts;
use watchfire_logsearch::EventStore;
use watchfire_schemas::{Clock, Exception, Timestamp};
use watchfire_tsdb::Tsdb;

use crate::contracts::ContractSource;
use crate::saved_searches::SavedSearches;
use crate::{api, assets, headers, jaeger};

/// What `/status` shows and the stores do not know. Implemented by the binary.
pub trait StatusSource: Send + Sync + std::fmt::Debug {
    fn ingest(&self) -> IngestReport;
    fn disk(&self) -> Vec<DiskUse>;
    /// What of the disk may be used, as last measured.
    fn disk_limit(&self) -> DiskLimit;
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
    /// (label, count): how often a derived series has `other` in place of a value.
    pub limited: Vec<(String, u64)>,
    pub wal_bytes: u64,
    pub memory_used: u64,
    pub memory_budget: u64,
    pub batches_behind: u64,
    /// Batches that could not be applied and lie in files of their own.
    pub dead_letters: u64,
}

impl IngestReport {
    /// Records that are gone. A quarantined line is not: it is kept and can be searched.
    pub(crate) fn lost(&self) -> u64 {
        const KEPT: [&str; 5] = [
            "schema",
            "not_json",
            "not_an_object",
            "not_utf8",
            "too_far_ahead",
        ];
        let lost = self
            .drops
            .iter()
            .filter(|(reason, _)| !KEPT.contains(&reason.as_str()));
        lost.map(|(_, count)| count).sum()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DiskUse {
    pub what: String,
    pub bytes: u64,
}

/// Our share of the disk, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskLimit {
    /// What all our files take.
    pub used: u64,
    /// What they may take; the oldest records are dropped before.
    pub allowed: u64,
    /// What the disk has left.
    pub free: u64,
    /// Nothing is left to drop and it is still too much.
    pub is_short: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct InboxEntry {
    pub at: Timestamp,
    pub path: String,
    pub body: Value,
}

/// A stack trace as it is read for its group. Implemented by the binary over the collector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadStack {
    /// The calls that led to the exception with which all began, innermost first, and whether each
    /// is of the application's own code.
    pub calls: Vec<(String, bool)>,
    /// The types of the chain, the one thrown last first.
    pub chain: Vec<String>,
}

/// What the pages are made of.
#[derive(Debug, Clone)]
pub struct Console {
    pub events: Arc<EventStore>,
    pub tsdb: Arc<Tsdb>,
    pub alerts: Arc<Alerts>,
    pub saved: SavedSearches,
    pub status: Arc<dyn StatusSource>,
    pub contracts: Arc<dyn ContractSource>,
    pub clock: Arc<dyn Clock>,
    /// Reads the stack trace of an exception of a service.
    pub read_stack: fn(&str, &Exception) -> ReadStack,
    /// Shown in the header, so that nobody takes the demo for production.
    pub is_demo: bool,
}

/// All pages, static files and the JSON API under `/api/v1` save ingest.
pub fn console_router(console: Console) -> Router {
    use crate::pages;
    Router::new()
        .route("/", get(pages::overview::page))
        .route("/logs", get(pages::logs::page))
        .route("/logs/searches", post(pages::logs::saved::save))
        .route(
            "/logs/searches/{id}/forget",
            post(pages::logs::saved::forget),
        )
        .route(
            "/exceptions",
            get(pages::exceptions::page).post(pages::posted_exception::several),
        )
        .route("/exceptions/{id}", get(pages::exception::page))
        .route(
            "/exceptions/{id}/{action}",
            post(pages::posted_exception::one),
        )
        .route("/incidents", get(pages::incidents::page))
        .route("/incidents/{id}", get(pages::incident::page))
        .route(
            "/incidents/{id}/{action}",
            post(pages::posted_incident::act),
        )
        .route("/traces", get(pages::traces::page))
        .route("/traces/{trace_id}", get(pages::trace::page))
        .route("/services", get(pages::services::page))
        .route("/services/{name}", get(pages::service::page))
        .route("/explore", get(pages::explore::page))
        .route("/alerts", get(pages::alerts::page))
        .route(
            "/alerts/silences",
            get(pages::alerts::silences::page).post(pages::alerts::silences::create),
        )
        .route(
            "/alerts/silences/{id}/expire",
            post(pages::alerts::silences::expire),
        )
        .route(
            "/alerts/destinations/{name}/test",
            post(pages::alerts::destinations::test),
        )
        .route(
            "/alerts/letters/{id}/again",
            post(pages::alerts::destinations::again),
        )
        .route("/alerts/{rule}", get(pages::alerts::rule::page))
        .route("/runbooks/{alert}", get(pages::runbook::page))
        .route("/reliability", get(pages::reliability::page))
        .route("/schemas", get(pages::schemas::page))
        .route("/schemas/replay", post(pages::posted_schema::replay))
        .route(
            "/schemas/{name}/{version}",
            post(pages::posted_schema::change),
        )
        .route("/status", get(pages::status::page))
        .route("/settings", get(pages::settings::page))
        .route("/static/{name}", get(assets::serve))
        .route(
            "/favicon.ico",
            get(|| async { Redirect::permanent(&assets::ICON.href) }),
        )
        .merge(api::router())
        .merge(jaeger::router())
        .fallback(pages::missing::answer)
        .layer(from_fn_with_state(console.clone(), api::write_problem))
        .layer(from_fn(headers::secure))
        .with_state(console)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quarantined_is_not_lost() {
        let report = IngestReport {
            drops: vec![("schema".to_owned(), 37), ("overload".to_owned(), 2)],
            ..IngestReport::default()
        };
        assert_eq!(report.lost(), 2);
    }
}
