use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1 as proto;
use serde_json::Value;
use watchfire_schemas::{
    Attributes, Exception, LogRecord, SeverityNumber, SpanId, Timestamp, TraceId,
};

use super::attributes::{in_words, scope, value_of};
use super::logs::{self, FIELDS};
use super::{attributes, time_of};

/// A record of a request, if all that it says has its place and its type; else the object of its
/// line, in which something is of a rare form, or wrong.
pub(crate) type Arrived = Result<LogRecord, Attributes>;

/// Every record of a request, in its order. Nothing of it is copied that could be moved.
pub(crate) fn records(
    request: ExportLogsServiceRequest,
    received_at: Timestamp,
) -> impl Iterator<Item = Arrived> {
    request
        .resource_logs
        .into_iter()
        .flat_map(move |of_resource| {
            let resource = attributes::resource(of_resource.resource.as_ref());
            of_resource
                .scope_logs
                .into_iter()
                .flat_map(move |of_scope| {
                    let shared = Shared::new(&resource, of_scope.scope.as_ref());
                    let records = of_scope.log_records.into_iter();
                    records.map(move |record| shared.arrived(record, received_at))
                })
        })
}

/// What the records of one scope have in common.
struct Shared {
    /// All of it, the service too.
    object: Attributes,
    /// The service and the rest, if they have their types.
    typed: Option<(String, Vec<(String, Value)>)>,
}

impl Shared {
    fn new(resource: &Attributes, of_scope: Option<&InstrumentationScope>) -> Self {
        let object = logs::base(resource.clone(), scope(of_scope));
        let rest = object.iter().filter(|(key, _)| *key != "service.name");
        let is_plain = rest.clone().all(|(key, _)| !is_field(key));
        let service = object.get("service.name").and_then(Value::as_str);
        let typed = service.filter(|_| is_plain).map(|service| {
            let rest = rest.map(|(key, value)| (key.clone(), value.clone()));
            (service.to_owned(), rest.collect())
        });
        Self { object, typed }
    }

    fn arrived(&self, record: proto::LogRecord, received_at: Timestamp) -> Arrived {
        match &self.typed {
            Some((service, rest)) if is_plain(&record) => {
                Ok(typed(record, service, rest, received_at))
            }
            _ => Err(logs::object(&record, &self.object, received_at)),
        }
    }
}

/// Whether nothing of the record can be wrong, and no attribute has to make way for a field.
fn is_plain(record: &proto::LogRecord) -> bool {
    let number = i64::from(record.severity_number);
    let id = |id: &[u8], length: usize| id.len() == length || id.iter().all(|byte| *byte == 0);
    (number == 0 || SeverityNumber::new(number).is_some())
        && id(&record.trace_id, 16)
        && id(&record.span_id, 8)
        && record.attributes.iter().all(is_plain_attribute)
}

fn is_plain_attribute(pair: &KeyValue) -> bool {
    use any_value::Value::{KvlistValue, StringValue};
    let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
    match value {
        Some(StringValue(_)) => !is_field(&pair.key) || pair.key.starts_with("exception."),
        // It is flattened, and what is in it can meet other keys.
        Some(KvlistValue(list)) if !list.values.is_empty() => false,
        _ => !is_field(&pair.key),
    }
}

/// Whether a line has a field of this name.
fn is_field(key: &str) -> bool {
    matches!(
        key,
        "service.name" | "exception.type" | "exception.message" | "exception.stacktrace"
    ) || FIELDS.contains(&key)
}

fn typed(
    record: proto::LogRecord,
    service: &str,
    shared: &[(String, Value)],
    received_at: Timestamp,
) -> LogRecord {
    let times = [record.time_unix_nano, record.observed_time_unix_nano];
    let range = logs::severity(&record);
    let severity = SeverityNumber::new(i64::from(record.severity_number));
    let mut exception = Exception::default();
    let mut all = Vec::with_capacity(shared.len() + record.attributes.len() + 3);
    all.extend_from_slice(shared);
    for pair in record.attributes {
        let value = pair.value.map_or(Value::Null, value_of);
        match (pair.key.as_str(), value) {
            ("exception.type", Value::String(text)) => exception.kind = text,
            ("exception.message", Value::String(text)) => exception.message = text,
            ("exception.stacktrace", Value::String(text)) => exception.stacktrace = text,
            (_, value) => all.push((pair.key, value)),
        }
    }
    let mut put = |key: &str, value: Value| all.push((key.to_owned(), value));
    if !record.severity_text.is_empty()
        && !record.severity_text.eq_ignore_ascii_case(range.as_str())
    {
        put("severity_text", record.severity_text.into());
    }
    if record.flags & 0xff != 0 {
        put("trace_flags", (record.flags & 0xff).into());
    }
    if record.dropped_attributes_count > 0 {
        let count = record.dropped_attributes_count;
        put("otel.dropped_attributes_count", count.into());
    }
    LogRecord {
        timestamp: time_of(&times, received_at),
        observed_timestamp: received_at,
        severity: severity.unwrap_or(range.number()),
        service: service.to_owned(),
        message: match record.body {
            Some(body) => in_words(body),
            None => record.event_name.clone(),
        },
        event_name: Some(record.event_name).filter(|name| !name.is_empty()),
        trace_id: TraceId::from_slice(&record.trace_id),
        span_id: SpanId::from_slice(&record.span_id),
        exception: (exception != Exception::default()).then_some(exception),
        exception_group: None,
        pattern_id: None,
        // Of a key that comes twice the last counts.
        attributes: all.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests;
