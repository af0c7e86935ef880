//! OTLP's JSON form, read by hand: every field by name, a null as its default, numbers also as
//! strings, `NaN` and infinities as their names. Unknown fields are passed over, as OTLP demands;
//! a value of the wrong form is an error with its place, so that nothing is dropped in silence.

mod attributes;
mod fields;
mod logs;
mod metrics;
mod traces;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use serde_json::Value;

use fields::Fields;

/// Why a body is no OTLP request, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    /// Not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// A value of the wrong form.
    #[error("{path}: {reason}")]
    Field { path: String, reason: String },
    /// JSON without what it should hold: another signal's, or with `snake_case` names.
    #[error("the body has no field {0:?}; OTLP names fields in lowerCamelCase")]
    WithoutResources(&'static str),
}

impl JsonError {
    fn expected(what: &str) -> Self {
        Self::Field {
            path: String::new(),
            reason: format!("expected {what}"),
        }
    }

    /// The same error, one step further out.
    fn within(self, step: &str) -> Self {
        match self {
            Self::Field { path, reason } => {
                let dot = if path.is_empty() || path.starts_with('[') {
                    ""
                } else {
                    "."
                };
                Self::Field {
                    path: format!("{step}{dot}{path}"),
                    reason,
                }
            }
            other => other,
        }
    }
}

pub(crate) fn logs(body: &[u8]) -> Result<ExportLogsServiceRequest, JsonError> {
    let resource_logs = resources(body, "resourceLogs", logs::resource_logs)?;
    Ok(ExportLogsServiceRequest { resource_logs })
}

pub(crate) fn traces(body: &[u8]) -> Result<ExportTraceServiceRequest, JsonError> {
    let resource_spans = resources(body, "resourceSpans", traces::resource_spans)?;
    Ok(ExportTraceServiceRequest { resource_spans })
}

pub(crate) fn metrics(body: &[u8]) -> Result<ExportMetricsServiceRequest, JsonError> {
    let resource_metrics = resources(body, "resourceMetrics", metrics::resource_metrics)?;
    Ok(ExportMetricsServiceRequest { resource_metrics })
}

fn resources<T>(
    body: &[u8],
    name: &'static str,
    read: impl Fn(Fields<'_>) -> Result<T, JsonError>,
) -> Result<Vec<T>, JsonError> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| JsonError::NotJson(error.to_string()))?;
    let object = value
        .as_object()
        .ok_or_else(|| JsonError::expected("an object"))?;
    if !object.is_empty() && !object.contains_key(name) {
        return Err(JsonError::WithoutResources(name));
    }
    Fields(object).list(name, read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> String {
        logs(body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn an_error_names_its_place() {
        let record = |fields: &str| {
            error(&format!(
                r#"{{"resourceLogs":[{{}},{{"scopeLogs":[{{"logRecords":[{{{fields}}}]}}]}}]}}"#
            ))
        };
        let place = "resourceLogs[1].scopeLogs[0].logRecords[0]";
        assert_eq!(
            record(r#""traceId":5"#),
            format!("{place}.traceId: expected hexadecimal digits")
        );
        assert_eq!(
            record(r#""severityNumber":"SEVERITY_NUMBER_INFO""#),
            format!("{place}.severityNumber: expected a whole number")
        );
        assert_eq!(
            record(r#""attributes":[{"key":"a","value":{"intValue":1.5}}]"#),
            format!("{place}.attributes[0].value.intValue: expected a whole number")
        );
    }

    #[test]
    fn what_decodes_to_nothing_is_refused_and_the_empty_request_is_not() {
        assert_eq!(logs(b"{}"), Ok(ExportLogsServiceRequest::default()));
        assert!(logs(br#"{"resourceLogs":null}"#).is_ok());
        assert!(error(r#"{"resource_logs":[]}"#).contains("lowerCamelCase"));
        assert!(error(r#"{"resourceSpans":[]}"#).contains("resourceLogs"));
        assert!(error("[1]").contains("expected an object"));
        assert!(error("{").contains("not JSON"));
        assert!(error(&"[".repeat(100_000)).contains("recursion limit"));
    }

    #[test]
    fn nulls_are_defaults_and_unknown_fields_are_passed_over() {
        let body = br#"{"resourceLogs":[{"resource":null,"schemaUrl":null,"scopeLogs":[{"logRecords":[
            {"traceId":null,"attributes":null,"body":null,"timeUnixNano":null,"flags":null,"new":{"x":1}}]}]}]}"#;
        let request = logs(body).unwrap();
        let record = &request.resource_logs[0].scope_logs[0].log_records[0];
        assert_eq!(
            record,
            &opentelemetry_proto::tonic::logs::v1::LogRecord::default()
        );
    }

    #[test]
    fn quoted_doubles_and_names_of_no_numbers_are_read() {
        let body = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[
            {"key":"a","value":{"doubleValue":"NaN"}},{"key":"b","value":{"doubleValue":"1.5"}},
            {"key":"c","value":{"doubleValue":"-Infinity"}},{"key":"d","value":{"bytesValue":"Zm9v_-8="}}]}]}]}]}"#;
        let request = logs(body).unwrap();
        let attributes = &request.resource_logs[0].scope_logs[0].log_records[0].attributes;
        let in_words: Vec<String> = attributes
            .iter()
            .map(|a| format!("{:?}", a.value.as_ref().unwrap().value))
            .collect();
        assert_eq!(in_words[0], "Some(DoubleValue(NaN))");
        assert_eq!(in_words[1], "Some(DoubleValue(1.5))");
        assert_eq!(in_words[2], "Some(DoubleValue(-inf))");
        assert_eq!(in_words[3], "Some(BytesValue([102, 111, 111, 255, 239]))");
    }

    #[test]
    fn a_point_whose_value_has_no_number_is_kept() {
        let body = br#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"g","gauge":{"dataPoints":[
            {"asDouble":"NaN"},{"asInt":"9007199254740993"}]}}]}]}]}"#;
        let request = metrics(body).unwrap();
        let metric = &request.resource_metrics[0].scope_metrics[0].metrics[0];
        let Some(opentelemetry_proto::tonic::metrics::v1::metric::Data::Gauge(gauge)) =
            &metric.data
        else {
            panic!("a gauge")
        };
        assert_eq!(
            format!("{:?}", gauge.data_points[0].value),
            "Some(AsDouble(NaN))"
        );
        assert_eq!(
            format!("{:?}", gauge.data_points[1].value),
            "Some(AsInt(9007199254740993))"
        );
    }
}
