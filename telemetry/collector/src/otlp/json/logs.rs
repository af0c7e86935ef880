use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};

use super::JsonError;
use super::attributes::{any_value, attributes, resource, scope};
use super::fields::Fields;

pub(super) fn resource_logs(fields: Fields<'_>) -> Result<ResourceLogs, JsonError> {
    Ok(ResourceLogs {
        resource: fields.message("resource", resource)?,
        scope_logs: fields.list("scopeLogs", |fields| {
            Ok(ScopeLogs {
                scope: fields.message("scope", scope)?,
                log_records: fields.list("logRecords", log_record)?,
                schema_url: fields.text("schemaUrl")?,
            })
        })?,
        schema_url: fields.text("schemaUrl")?,
    })
}

fn log_record(fields: Fields<'_>) -> Result<LogRecord, JsonError> {
    Ok(LogRecord {
        time_unix_nano: fields.whole("timeUnixNano")?,
        observed_time_unix_nano: fields.whole("observedTimeUnixNano")?,
        severity_number: fields.whole("severityNumber")?,
        severity_text: fields.text("severityText")?,
        body: fields.message("body", any_value)?,
        attributes: attributes(fields, "attributes")?,
        dropped_attributes_count: fields.whole("droppedAttributesCount")?,
        flags: fields.whole("flags")?,
        trace_id: fields.hex("traceId")?,
        span_id: fields.hex("spanId")?,
        event_name: fields.text("eventName")?,
    })
}
