use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, extract};
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::fault::{Fault, FaultSwitch};
use crate::problem::Problem;

const MAX_BODY: usize = 4 << 10;

/// `/admin/faults`: GET tells the fault that is on, PUT begins one, DELETE ends it. Only for who
/// sits at this machine: the address must be loopback by name too, and no page may ask.
pub(crate) fn router(faults: FaultSwitch) -> Router {
    Router::new()
        .route("/admin/faults", get(current).put(begin).delete(end))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn(only_from_here))
        .with_state(faults)
}

async fn current(State(faults): State<FaultSwitch>) -> Json<Value> {
    Json(json!({ "fault": faults.current() }))
}

async fn begin(
    State(faults): State<FaultSwitch>,
    fault: Result<Json<Fault>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let Json(fault) =
        fault.map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))?;
    if !(0.0..=1.0).contains(&fault.share) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "share must be from 0 to 1",
        ));
    }
    faults.begin(fault);
    Ok(current(State(faults)).await)
}

async fn end(State(faults): State<FaultSwitch>) -> Json<Value> {
    faults.end();
    current(State(faults)).await
}

async fn only_from_here(request: extract::Request, next: Next) -> Response {
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
    matches!(name, "127.0.0.1" | "localhost" | "[::1]") && !headers.contains_key(ORIGIN)
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
    fn a_foreign_host_or_any_page_is_refused() {
        check(&[(HOST, "127.0.0.1:7118")], true);
        check(&[(HOST, "localhost")], true);
        check(&[(HOST, "evil.example:7118")], false);
        check(&[], false);
        check(
            &[(HOST, "127.0.0.1:7118"), (ORIGIN, "https://evil.example")],
            false,
        );
    }
}
