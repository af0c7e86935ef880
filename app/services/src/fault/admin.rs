use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fault, FaultError, FaultSwitch};
use crate::content::FORWARDED_PREFIX;
use crate::problem::{Body, InQuery, Problem, no_method};

const MAX_BODY: usize = 4 << 10;

/// What DELETE asks for; all faults if it names no service.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    service: Option<String>,
}

/// `/admin/faults`: GET tells the faults that are on, PUT begins one, DELETE ends those of one
/// service or all. Only for who sits at this machine: the address must be loopback by name too, no
/// page may ask, and no gateway for somebody else.
pub(crate) fn router(faults: FaultSwitch) -> Router {
    Router::new()
        .route("/admin/faults", get(current).put(begin).delete(end))
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(only_from_here))
        .with_state(faults)
}

async fn current(State(faults): State<FaultSwitch>) -> Json<Value> {
    Json(json!({ "faults": faults.current(), "services": faults.services() }))
}

async fn begin(
    State(faults): State<FaultSwitch>,
    Body(fault): Body<Fault>,
) -> Result<Json<Value>, Problem> {
    faults.begin(fault)?;
    Ok(current(State(faults)).await)
}

async fn end(
    State(faults): State<FaultSwitch>,
    InQuery(whose): InQuery<Whose>,
) -> Result<Json<Value>, Problem> {
    match whose.service {
        None => faults.end_all(),
        Some(service) => faults.end(&service)?,
    }
    Ok(current(State(faults)).await)
}

impl From<FaultError> for Problem {
    fn from(error: FaultError) -> Self {
        Self::unprocessable(error.to_string()).at(&error.pointer(), error.to_string())
    }
}

async fn only_from_here(request: Request, next: Next) -> Response {
    if is_from_here(request.headers()) {
        next.run(request).await
    } else {
        Problem::new(
            StatusCode::FORBIDDEN,
            "the fault switch is for this machine only",
        )
        .into_response()
    }
}

fn is_from_here(headers: &HeaderMap) -> bool {
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
        && !headers.contains_key(ORIGIN)
        && !headers.contains_key(FORWARDED_PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(http::HeaderName, &str)], expected: bool) {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()));
        assert_eq!(is_from_here(&headers.collect()), expected, "{pairs:?}");
    }

    #[test]
    fn a_foreign_host_any_page_and_the_gateway_are_refused() {
        check(&[(HOST, "127.0.0.1:7118")], true);
        check(&[(HOST, "localhost")], true);
        check(&[(HOST, "evil.example:7118")], false);
        check(&[], false);
        check(
            &[(HOST, "127.0.0.1:7118"), (ORIGIN, "https://evil.example")],
            false,
        );
        let forwarded = http::HeaderName::from_static(FORWARDED_PREFIX);
        check(&[(HOST, "127.0.0.1:7118"), (forwarded, "/payments")], false);
    }
}
