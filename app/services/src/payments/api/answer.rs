use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::payments::idempotency::IDEMPOTENCY_REPLAYED;
use crate::problem::Problem;

/// Which page of a list is asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    pub(super) cursor: Option<i64>,
    pub(super) limit: Option<i64>,
}

const DEFAULT_LIMIT: i64 = 50;
const MOST: i64 = 200;

/// Checks a page's limit.
pub(super) fn limit(limit: Option<i64>) -> Result<i64, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let is_right = (1..=MOST).contains(&limit);
    let detail = format!("the parameter limit is a number from 1 to {MOST}");
    is_right
        .then_some(limit)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, detail))
}

/// Checks an id of the path: the letters of our own ids.
pub(super) fn id(id: String) -> Result<String, Problem> {
    let is_right = (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
    let detail = "an id is 1 to 64 letters, digits, dots, underscores, colons and hyphens";
    is_right
        .then_some(id)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, detail))
}

/// `{"<plural>": […], "next": …}` of rows read with one more than was asked for.
pub(super) fn list<T>(
    plural: &str,
    mut rows: Vec<T>,
    limit: i64,
    cursor: impl Fn(&T) -> i64,
    shown: impl Fn(&T) -> Value,
) -> Response {
    let there_is_more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| there_is_more).map(cursor);
    let rows: Value = rows.iter().map(shown).collect();
    axum::Json(json!({ plural: rows, "next": next })).into_response()
}

/// The database is away, or we are stopping: the request took no effect, and may be sent again.
pub(super) fn unavailable(failure: &Failure) -> Problem {
    if let Some(problem) = Problem::unstorable(failure) {
        return problem;
    }
    failure.report(format_args!("a request could not be answered"));
    let detail = "the data cannot be reached just now";
    let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail);
    problem.retry_after(std::time::Duration::from_secs(1))
}

/// An answer that is kept as it was given.
pub(super) fn json_text(status: StatusCode, body: String, is_replayed: bool) -> Response {
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/json");
    headers.insert(http::header::CONTENT_TYPE, json);
    if is_replayed {
        headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    (status, headers, body).into_response()
}
