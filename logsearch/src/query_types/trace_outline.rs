use watchfire_schemas::{RecordId, SpanId, SpanKind, Timestamp};

/// A whole trace, as much as a picture of it takes: no attributes, events or links.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceOutline {
    /// By start, the earliest first; of equal starts, the first to arrive first. Of a trace of more
    /// than 100,000 spans the earliest.
    pub spans: Vec<SpanOutline>,
    /// What [`SpanOutline::service`] counts in, each once.
    pub services: Vec<String>,
    /// What [`SpanOutline::name`] counts in, each once.
    pub names: Vec<String>,
    /// How many spans there are, those that are left out included.
    pub total: u64,
    /// Whether the deadline cut the search short, so that some are missing.
    pub partial: bool,
}

/// One span of a [`TraceOutline`]. Its span id may be that of another: programs do send one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanOutline {
    /// Its place in the write-ahead log; that of no other span.
    pub id: RecordId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span that caused it; none for a root.
    pub parent_span_id: Option<SpanId>,
    /// An index into [`TraceOutline::services`].
    pub service: u32,
    /// An index into [`TraceOutline::names`].
    pub name: u32,
    /// The part it plays between services.
    pub kind: SpanKind,
    /// When it began.
    pub start: Timestamp,
    /// When it ended; never before it began.
    pub end: Timestamp,
    /// Whether its status is an error.
    pub is_error: bool,
}
