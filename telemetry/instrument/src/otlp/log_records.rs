use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger, LoggerProvider, Severity};
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry::{InstrumentationScope, Key};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{LogBatch, LogProcessor, SdkLogRecord, SdkLogger, SdkLoggerProvider};
use serde_json::Value;
use watchfire_schemas::{Attributes, LogRecord, Timestamp};

use crate::resource::Resource;

/// How many names of events are kept for the life of the process: the SDK wants them static. Of
/// a service that invents more, the rest go as an attribute.
const MOST_EVENT_NAMES: usize = 1024;

/// Turns records of ours into those of the SDK, which only its own logger can make.
#[derive(Debug)]
pub(super) struct LogRecords {
    logger: SdkLogger,
    made: Made,
    /// Attributes that the resource says already.
    resource: Attributes,
    event_names: HashMap<String, &'static str>,
}

#[derive(Debug, Clone, Default)]
struct Made(Arc<Mutex<Vec<(SdkLogRecord, InstrumentationScope)>>>);

impl LogProcessor for Made {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        made.push((record.clone(), scope.clone()));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl LogRecords {
    pub(super) fn new(resource: &Resource) -> Self {
        let made = Made::default();
        let provider = SdkLoggerProvider::builder()
            .with_log_processor(made.clone())
            .build();
        Self {
            logger: provider.logger(env!("CARGO_PKG_NAME")),
            made,
            resource: resource.attributes.clone(),
            event_names: HashMap::new(),
        }
    }

    /// Gives `export` the batch that the SDK's exporters take.
    pub(super) fn with_batch<T>(
        &mut self,
        records: Vec<LogRecord>,
        export: impl FnOnce(LogBatch<'_>) -> T,
    ) -> T {
        for record in records {
            let record = self.sdk_record(record);
            self.logger.emit(record);
        }
        let made = std::mem::take(&mut *self.made.0.lock().unwrap_or_else(PoisonError::into_inner));
        let borrowed: Vec<_> = made.iter().map(|(record, scope)| (record, scope)).collect();
        export(LogBatch::new(&borrowed))
    }

    fn sdk_record(&mut self, record: LogRecord) -> SdkLogRecord {
        let mut out = self.logger.create_log_record();
        out.set_timestamp(system_time(record.timestamp));
        out.set_observed_timestamp(system_time(record.observed_timestamp));
        out.set_severity_number(severity(record.severity.get()));
        out.set_severity_text(record.severity.as_str());
        out.set_body(AnyValue::from(record.message));
        if let (Some(trace), Some(span)) = (record.trace_id, record.span_id) {
            out.set_trace_context(
                TraceId::from_bytes(trace.bytes()),
                SpanId::from_bytes(span.bytes()),
                None,
            );
        }
        if let Some(name) = record.event_name {
            match self.event_name(&name) {
                Some(name) => out.set_event_name(name),
                None => out.add_attribute("event.name", name),
            }
        }
        if let Some(exception) = record.exception {
            let parts = [
                ("exception.type", exception.kind),
                ("exception.message", exception.message),
                ("exception.stacktrace", exception.stacktrace),
            ];
            out.add_attributes(parts.into_iter().filter(|(_, part)| !part.is_empty()));
        }
        for (key, value) in record.attributes {
            let is_told = self.resource.get(&key) == Some(&value);
            if !is_told && let Some(value) = any_value(value) {
                out.add_attribute(key, value);
            }
        }
        out
    }

    fn event_name(&mut self, name: &str) -> Option<&'static str> {
        if let Some(known) = self.event_names.get(name) {
            return Some(known);
        }
        if self.event_names.len() >= MOST_EVENT_NAMES {
            return None;
        }
        let kept: &'static str = Box::leak(name.to_owned().into_boxed_str());
        self.event_names.insert(name.to_owned(), kept);
        Some(kept)
    }
}

fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(u64::try_from(at.nanos()).unwrap_or(0))
}

fn severity(number: u8) -> Severity {
    const ALL: [Severity; 24] = [
        Severity::Trace,
        Severity::Trace2,
        Severity::Trace3,
        Severity::Trace4,
        Severity::Debug,
        Severity::Debug2,
        Severity::Debug3,
        Severity::Debug4,
        Severity::Info,
        Severity::Info2,
        Severity::Info3,
        Severity::Info4,
        Severity::Warn,
        Severity::Warn2,
        Severity::Warn3,
        Severity::Warn4,
        Severity::Error,
        Severity::Error2,
        Severity::Error3,
        Severity::Error4,
        Severity::Fatal,
        Severity::Fatal2,
        Severity::Fatal3,
        Severity::Fatal4,
    ];
    ALL[usize::from(number.clamp(1, 24)) - 1]
}

/// `None` for JSON's null, which says nothing.
fn any_value(value: Value) -> Option<AnyValue> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => value.into(),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.into(),
            (None, Some(real)) => real.into(),
            (None, None) => number.to_string().into(),
        },
        Value::String(text) => text.into(),
        Value::Array(values) => values.into_iter().filter_map(any_value).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .filter_map(|(key, value)| Some((Key::from(key), any_value(value)?)))
            .collect(),
    })
}
