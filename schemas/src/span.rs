use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Attributes, SpanId, Timestamp, TraceId};

/// One finished operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// The trace that it is part of.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span that caused it; none for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_span_id: Option<SpanId>,
    /// W3C `tracestate`, as received.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub trace_state: String,
    /// The operation.
    pub name: String,
    /// The part it plays between services.
    pub kind: SpanKind,
    /// When it began.
    pub start: Timestamp,
    /// When it ended; never before it began.
    pub end: Timestamp,
    /// How it ended.
    #[serde(default)]
    pub status: SpanStatus,
    /// `service.name` of the resource.
    pub service: String,
    /// The resource's other attributes.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub resource: Attributes,
    /// The instrumentation library.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// The span's own attributes.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
    /// What happened during it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<SpanEvent>,
    /// Spans of other traces that it has to do with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<SpanLink>,
}

impl Span {
    /// How long it took.
    pub fn duration(&self) -> Duration {
        self.end.since(self.start)
    }

    /// Whether it ended in an error.
    pub fn is_error(&self) -> bool {
        matches!(self.status, SpanStatus::Error { .. })
    }
}

/// The part that a span plays between services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpanKind {
    /// Within one service.
    #[default]
    Internal,
    /// Answers a remote request.
    Server,
    /// Makes a remote request.
    Client,
    /// Hands a message to a broker.
    Producer,
    /// Takes a message from a broker.
    Consumer,
}

impl SpanKind {
    /// The value of the label `kind` of span metrics.
    pub const fn as_label(self) -> &'static str {
        match self {
            Self::Internal => "SPAN_KIND_INTERNAL",
            Self::Server => "SPAN_KIND_SERVER",
            Self::Client => "SPAN_KIND_CLIENT",
            Self::Producer => "SPAN_KIND_PRODUCER",
            Self::Consumer => "SPAN_KIND_CONSUMER",
        }
    }

    /// Its name in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

/// How a span ended.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "lowercase")]
pub enum SpanStatus {
    /// Nobody said; this is what success looks like.
    #[default]
    Unset,
    /// Somebody vouched for it.
    Ok,
    /// It failed.
    Error {
        /// Why; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        message: String,
    },
}

impl SpanStatus {
    /// The value of the label `status` of span metrics.
    pub const fn as_label(&self) -> &'static str {
        match self {
            Self::Unset => "STATUS_CODE_UNSET",
            Self::Ok => "STATUS_CODE_OK",
            Self::Error { .. } => "STATUS_CODE_ERROR",
        }
    }
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanEvent {
    /// When.
    pub timestamp: Timestamp,
    /// What; `exception` for an exception.
    pub name: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

/// A span of another trace that this one has to do with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpanLink {
    /// The other trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// More about it.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}
