use crate::{ExceptionHashes, LogRecord, SeriesSamples, Span, SpanId, Timestamp, TraceId};

/// What a service hands to the collector in one go.
#[derive(Debug, Clone, PartialEq)]
pub enum Batch {
    /// Log records.
    Logs(Vec<LogRecord>),
    /// Finished spans.
    Spans(Vec<Span>),
    /// Samples of series.
    Metrics(Vec<SeriesSamples>),
}

/// Whether an exception came in a log record or on a span; emitters may send both for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A log record with `exception.*`.
    Log,
    /// A span event named `exception`.
    Span,
}

/// One occurrence of an exception, as told at intake to those who keep the groups.
#[derive(Debug, Clone, PartialEq)]
pub struct ExceptionSeen {
    /// The group's id, made of its fingerprint.
    pub group: String,
    /// The service that threw it.
    pub service: String,
    /// Its class.
    pub kind: String,
    /// What it says, of this occurrence.
    pub message: String,
    /// The innermost frame of the application's own code, for a title; may be empty.
    pub culprit: String,
    /// When it happened.
    pub at: Timestamp,
    /// `service.version`.
    pub release: Option<String>,
    /// `deployment.environment.name`.
    pub environment: Option<String>,
    /// The trace it happened in.
    pub trace_id: Option<TraceId>,
    /// The span it happened in.
    pub span_id: Option<SpanId>,
    /// Where it was read.
    pub origin: Origin,
    /// What tells that it is of its group, and of others that are the same.
    pub hashes: ExceptionHashes,
    /// A hash of who was affected (`user.id`), where that is said.
    pub user: Option<u64>,
}
