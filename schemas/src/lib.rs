//! The contract: JSON Schema files, the domain types of telemetry and their validators.
//!
//! Everything here is pure. A value that exists is valid; nothing logs, reads a file or asks for
//! the time. The crate depends on no other crate of ours, and every other crate may depend on it.

#![warn(missing_docs)]

mod batch;
mod change;
mod clock;
#[cfg(feature = "validators")]
mod contract;
mod exception;
mod exposition;
mod flatten;
mod ids;
mod json_place;
mod log_record;
mod metric;
mod native_histogram;
#[cfg(feature = "validators")]
mod registry;
mod replay;
mod schema_definition;
mod scrape_target;
mod severity;
mod span;
mod timestamp;

pub use batch::{Batch, ExceptionSeen, Origin};
pub use change::{ChangeEvent, ChangeKind};
pub use clock::{Clock, ManualClock, SystemClock};
#[cfg(feature = "validators")]
pub use contract::{CompileError, Contract, Documents, Violation};
pub use exception::{Exception, ExceptionHashes};
pub use exposition::{
    ExpositionError, ExpositionFormat, ExpositionLine, ExpositionReader, MetricFamily, SampleLine,
    parse_exposition,
};
pub use flatten::flatten;
pub use ids::{BatchSeq, IdError, RecordId, SpanId, TraceId};
pub use json_place::{line_and_column, locate};
pub use log_record::{LogRecord, LogRecordError};
pub use metric::{
    Exemplar, LabelSet, MetricKind, MetricMetadata, Sample, SeriesSamples, Temporality,
};
pub use native_histogram::{
    BucketSpan, CounterReset, HistogramBuckets, HistogramFault, HistogramSample, NativeHistogram,
};
#[cfg(feature = "validators")]
pub use registry::{RegisterError, RegisteredSchema, SchemaSet, Subject};
pub use replay::{ReplayFailure, ReplayReport, ReplayRequest, ReplayState, contract_keys};
pub use schema_definition::{
    DefinitionError, FormatRule, SchemaDefinition, SchemaPolicy, SchemaVersion,
};
pub use scrape_target::{DroppedTarget, TargetHealth, TargetMetadata, TargetState};
pub use severity::{AlertSeverity, SeverityError, SeverityNumber, SeverityRange};
pub use span::{Span, SpanEvent, SpanKind, SpanLink, SpanStatus};
pub use timestamp::{TimeRange, Timestamp, TimestampError};

/// Attributes of a record: dotted flat keys, sorted.
pub type Attributes = serde_json::Map<String, serde_json::Value>;

/// The contract of one JSON log line, draft 2020-12.
pub const LOG_RECORD_V1: &str = include_str!("../log_record.v1.schema.json");
