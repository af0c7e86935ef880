//! A store in a folder of its own, and records to put in.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use watchfire_logsearch::{Config, Entry, EventStore, LogPage, LogSearch, OpenError};
use watchfire_schemas::{
    BatchSeq, LogRecord, ManualClock, SeverityNumber, Span, SpanKind, SpanStatus, TimeRange,
    Timestamp,
};

/// How long a test waits for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Noon of an ordinary day.
pub(crate) const NOON: Timestamp = Timestamp::from_secs(1_795_608_000);

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(NOON))
}

/// Seals only when it is told to.
pub(crate) fn open(dir: &Path) -> Arc<EventStore> {
    try_open(dir).unwrap()
}

pub(crate) fn try_open(dir: &Path) -> Result<Arc<EventStore>, OpenError> {
    EventStore::open(dir, quiet(), clock(), &mut Registry::default())
}

/// Merges only when it is told to.
pub(crate) fn quiet() -> Config {
    Config {
        merge_every: Duration::from_hours(1),
        ..Config::default()
    }
}

pub(crate) fn record(seconds: i64, message: &str) -> LogRecord {
    let at = Timestamp::from_secs(NOON.nanos() / 1_000_000_000 + seconds);
    LogRecord::new(at, SeverityNumber::INFO, "payments", message)
}

pub(crate) fn with(mut record: LogRecord, attributes: &serde_json::Value) -> LogRecord {
    record
        .attributes
        .clone_from(attributes.as_object().unwrap());
    record
}

pub(crate) fn span(trace: u128, id: u64, millis: u64) -> Span {
    Span {
        trace_id: watchfire_schemas::TraceId::from_bytes(trace.to_be_bytes()).unwrap(),
        span_id: watchfire_schemas::SpanId::from_bytes(id.to_be_bytes()).unwrap(),
        parent_span_id: None,
        trace_state: String::new(),
        name: "GET /pois".to_owned(),
        kind: SpanKind::Server,
        start: NOON + Duration::from_millis(id),
        end: NOON + Duration::from_millis(id + millis),
        status: SpanStatus::Unset,
        service: "content".to_owned(),
        resource: watchfire_schemas::Attributes::new(),
        scope: String::new(),
        attributes: watchfire_schemas::Attributes::new(),
        events: Vec::new(),
        links: Vec::new(),
    }
}

/// Appends batches from `first` on, one record each.
pub(crate) fn append_each(store: &EventStore, first: u64, records: Vec<LogRecord>) {
    for (batch, record) in (first..).zip(records) {
        store.append(BatchSeq(batch), Entry::Logs(vec![record]));
        store.advance(BatchSeq(batch));
    }
}

pub(crate) fn asking(query: &str) -> LogSearch {
    LogSearch {
        query: query.to_owned(),
        range: TimeRange::ALL,
        limit: 1_000,
        cursor: None,
        deadline: PATIENCE,
    }
}

pub(crate) async fn page(store: &Arc<EventStore>, query: &str) -> LogPage {
    store.search_logs(asking(query)).await.unwrap()
}

/// The messages that a query finds, newest first.
pub(crate) async fn found(store: &Arc<EventStore>, query: &str) -> Vec<String> {
    let page = page(store, query).await;
    assert!(page.total_is_exact && !page.partial, "{query}: {page:?}");
    assert_eq!(page.total, page.records.len() as u64, "{query}");
    page.records
        .into_iter()
        .map(|found| found.record.message)
        .collect()
}
