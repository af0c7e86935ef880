use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use watchfire_schemas::{LabelSet, Sample};

use crate::number::{push_time, push_value};
use crate::{QueryError, QueryValue, RangeSeries};

/// `data` of an answer, as JSON.
#[derive(Debug)]
pub(crate) struct Data(pub(crate) String);

/// An error in Prometheus' form.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    text: String,
}

impl ApiError {
    pub(crate) fn bad_data(text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "bad_data",
            text: text.into(),
        }
    }

    /// A parameter that cannot be read.
    pub(crate) fn invalid(name: &str, reason: &str) -> Self {
        Self::bad_data(format!("invalid parameter \"{name}\": {reason}"))
    }

    pub(crate) fn internal(text: impl Into<String>) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            kind: "internal",
            text: text.into(),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::BadData(text) => Self::bad_data(text),
            QueryError::Execution(text) => Self {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                kind: "execution",
                text,
            },
            QueryError::Timeout => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                kind: "timeout",
                text: "query timed out in expression evaluation".to_owned(),
            },
            QueryError::Canceled => Self {
                status: StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
                kind: "canceled",
                text: "query was canceled".to_owned(),
            },
            error @ QueryError::TooMany => Self {
                status: StatusCode::SERVICE_UNAVAILABLE,
                kind: "unavailable",
                text: error.to_string(),
            },
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"status": "error", "errorType": self.kind, "error": self.text});
        let header = [(CONTENT_TYPE, "application/json")];
        (self.status, header, body.to_string()).into_response()
    }
}

impl IntoResponse for Data {
    fn into_response(self) -> Response {
        let body = format!("{{\"status\":\"success\",\"data\":{}}}", self.0);
        ([(CONTENT_TYPE, "application/json")], body).into_response()
    }
}

/// The answer to an instant query.
pub(crate) fn query_data(value: &QueryValue) -> Data {
    match value {
        QueryValue::Scalar(sample) => {
            let mut result = String::new();
            push_sample(&mut result, *sample);
            typed("scalar", &result)
        }
        QueryValue::String(at, text) => {
            let mut result = String::from("[");
            push_time(&mut result, at.millis());
            result.push(',');
            push_text(&mut result, text);
            result.push(']');
            typed("string", &result)
        }
        QueryValue::Vector(samples) => {
            let mut result = String::from("[");
            for (i, one) in samples.iter().enumerate() {
                push_metric(&mut result, i, &one.labels);
                result.push_str(",\"value\":");
                push_sample(&mut result, one.sample);
                result.push('}');
            }
            result.push(']');
            typed("vector", &result)
        }
        QueryValue::Matrix(series) => matrix_data(series),
    }
}

/// The answer to a range query.
pub(crate) fn matrix_data(series: &[RangeSeries]) -> Data {
    let mut result = String::from("[");
    for (i, one) in series.iter().enumerate() {
        push_metric(&mut result, i, &one.labels);
        result.push_str(",\"values\":[");
        for (i, &sample) in one.samples.iter().enumerate() {
            if i > 0 {
                result.push(',');
            }
            push_sample(&mut result, sample);
        }
        result.push_str("]}");
    }
    result.push(']');
    typed("matrix", &result)
}

/// Labels as a JSON object.
pub(crate) fn push_labels(json: &mut String, labels: &LabelSet) {
    json.push('{');
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            json.push(',');
        }
        push_text(json, name);
        json.push(':');
        push_text(json, value);
    }
    json.push('}');
}

fn typed(kind: &str, result: &str) -> Data {
    Data(format!("{{\"resultType\":\"{kind}\",\"result\":{result}}}"))
}

fn push_metric(json: &mut String, place: usize, labels: &LabelSet) {
    if place > 0 {
        json.push(',');
    }
    json.push_str("{\"metric\":");
    push_labels(json, labels);
}

fn push_sample(json: &mut String, sample: Sample) {
    json.push('[');
    push_time(json, sample.t);
    json.push(',');
    push_value(json, sample.v);
    json.push(']');
}

fn push_text(json: &mut String, text: &str) {
    json.push_str(&serde_json::Value::from(text).to_string());
}
