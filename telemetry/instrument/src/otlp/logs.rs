use watchfire_schemas::{LogRecord, SeverityNumber, Timestamp};

use super::RECORD;
use super::attribute::{STRING, json, pair, pair_val};
use super::spans::nanos;
use super::wire::Wire;
use crate::fact_span::{FactRecord, Val};
use crate::resource::Resource;

/// The field of a record's attributes.
const ATTRIBUTES: u64 = 6;

/// A record in a request of `LogsService`. Attributes that the resource says already are left out.
pub(super) fn record(out: &mut Wire, record: &LogRecord, resource: &Resource) {
    out.message::<2>(RECORD, |out| log_record(out, record, resource));
}

/// The line of a request, if it leaves one.
pub(super) fn line(out: &mut Wire, record: &FactRecord) {
    let Some(log) = record.log() else { return };
    out.message::<2>(RECORD, |out| {
        head(out, log.at, log.at, log.severity, &log.message);
        record.log_attributes(&mut |key, value| pair_val(out, ATTRIBUTES, key, value));
        let context = &record.span.context;
        out.bytes(9, &context.trace_id().to_bytes());
        out.bytes(10, &context.span_id().to_bytes());
    });
}

fn head(
    out: &mut Wire,
    at: Timestamp,
    observed: Timestamp,
    severity: SeverityNumber,
    message: &[&str],
) {
    out.fixed64(1, nanos(at));
    out.varint(2, u64::from(severity.get()));
    out.text(3, severity.as_str());
    out.message::<2>(5, |out| out.texts(STRING, message));
    out.fixed64(11, nanos(observed));
}

fn log_record(out: &mut Wire, record: &LogRecord, resource: &Resource) {
    let (at, observed) = (record.timestamp, record.observed_timestamp);
    head(out, at, observed, record.severity, &[&record.message]);
    let exception = record.exception.iter().flat_map(|exception| {
        [
            ("exception.type", &exception.kind),
            ("exception.message", &exception.message),
            ("exception.stacktrace", &exception.stacktrace),
        ]
    });
    for (key, part) in exception.filter(|(_, part)| !part.is_empty()) {
        pair_val(out, ATTRIBUTES, key, Val::Text(part));
    }
    for (key, value) in &record.attributes {
        let is_told = resource.attributes.get(key) == Some(value);
        if !is_told && !value.is_null() {
            pair(out, ATTRIBUTES, key, |out| json(out, value));
        }
    }
    if let (Some(trace), Some(span)) = (record.trace_id, record.span_id) {
        out.bytes(9, &trace.bytes());
        out.bytes(10, &span.bytes());
    }
    if let Some(name) = &record.event_name {
        out.text(12, name);
    }
}
