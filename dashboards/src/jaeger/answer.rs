use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::{Value, json};
use watchfire_logsearch::QueryError;
use watchfire_schemas::TraceId;

use crate::params::Params;

/// Why there is no answer. Its form is Jaeger's: `errors` beside an empty `data`, the status in the
/// answer's head too.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let status = match &error {
            QueryError::Parse { .. } | QueryError::Cursor => StatusCode::BAD_REQUEST,
            QueryError::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            QueryError::TimedOut | QueryError::TooCostly { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            QueryError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl From<watchfire_tsdb::QueryError> for Failure {
    fn from(error: watchfire_tsdb::QueryError) -> Self {
        Self::internal(error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = json!({"code": self.status.as_u16(), "msg": self.message});
        (self.status, Json(wrapped(&Value::Null, &[error]))).into_response()
    }
}

/// A list, in what Jaeger wraps each answer in.
pub(super) fn listed(params: &Params, data: Vec<Value>) -> Response {
    plain(params, &wrapped(&Value::Array(data), &[]))
}

/// An answer without a wrapping.
pub(super) fn plain(params: &Params, whole: &Value) -> Response {
    let body = text(whole, is_pretty(params));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// What is answered beside data that is not all there is.
pub(super) fn remark(message: &str, trace: Option<TraceId>) -> Value {
    match trace {
        Some(id) => json!({"msg": message, "traceID": id}),
        None => json!({"msg": message}),
    }
}

/// `errors` is null where there are none, as Go writes a list that was never made.
fn wrapped(data: &Value, errors: &[Value]) -> Value {
    let total = data.as_array().map_or(0, Vec::len);
    json!({
        "data": data,
        "total": total,
        "limit": 0,
        "offset": 0,
        "errors": or_null(errors),
    })
}

pub(super) fn or_null(list: &[Value]) -> Value {
    if list.is_empty() {
        Value::Null
    } else {
        list.into()
    }
}

/// `prettyPrint` with any value but `false`.
pub(super) fn is_pretty(params: &Params) -> bool {
    params
        .get("prettyPrint")
        .is_some_and(|text| text != "false")
}

pub(super) fn text(value: &Value, is_pretty: bool) -> String {
    if is_pretty {
        format!("{value:#}")
    } else {
        value.to_string()
    }
}

/// A truth value as Go reads one.
pub(super) fn truth(params: &Params, name: &str) -> Result<bool, Failure> {
    match params.get(name) {
        None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some(text) => Err(Failure::bad(format!(
            "unable to parse param '{name}': expected true or false, found {text:?}"
        ))),
    }
}

/// A whole number; of what, the message says.
pub(super) fn number(params: &Params, name: &str, of: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = params.get(name) else {
        return Ok(None);
    };
    let number = text.parse().map_err(|_| {
        Failure::bad(format!(
            "unable to parse param '{name}': expected {of}, found {text:?}"
        ))
    })?;
    Ok(Some(number))
}

/// Jaeger leaves out zeros at the start.
pub(super) fn trace_id(text: &str) -> Result<TraceId, Failure> {
    let whole = format!("{:0>32}", text.to_ascii_lowercase());
    whole.parse().map_err(|_| {
        Failure::bad(format!(
            "trace id {text:?}: expected up to 32 hexadecimal digits, not all zero"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_may_lack_zeros_at_the_start() {
        let id = trace_id("2A7").unwrap();
        assert_eq!(id.to_string(), "000000000000000000000000000002a7");
        for wrong in ["", "0", "xyz", "4bf92f3577b34da6a3ce929d0e0e47361"] {
            let message = trace_id(wrong).unwrap_err().message;
            assert!(message.contains("32 hexadecimal digits"), "{message}");
        }
    }

    #[test]
    fn parameters_that_cannot_be_read_are_named() {
        let params = Params::parse("raw=maybe&endTs=now&ok=T");
        assert!(truth(&params, "raw").unwrap_err().message.contains("'raw'"));
        assert!(truth(&params, "ok").unwrap());
        let found = number(&params, "endTs", "milliseconds").unwrap_err();
        assert!(found.message.contains("'endTs': expected milliseconds"));
    }

    #[test]
    fn lists_are_wrapped_as_jaeger_wraps_them() {
        let whole = wrapped(&json!(["a"]), &[]);
        assert_eq!(
            whole,
            json!({"data": ["a"], "total": 1, "limit": 0, "offset": 0, "errors": null})
        );
    }
}
