//! `/api/v1/quarantine`: lines that broke a contract, and judging them again.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use watchfire_schemas::{ReplayReport, ReplayRequest, ReplayState, TimeRange, Timestamp};

use super::logs::PageOfRecords;
use super::{LIMIT, MOST, Problem};
use crate::contracts::ContractRefusal;
use crate::params::{BadParam, Params, read_time};
use crate::range::Asked;
use crate::{Console, ask, query_text};

/// How long an answer waits for a replay to be done.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn search(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<PageOfRecords>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "24h")?;
    let limit = params.limit(LIMIT, MOST)?;
    let (query, cursor) = (narrowed(&params), params.get("cursor"));
    let page = ask::quarantine(&console, &query, asked.range, limit, cursor).await?;
    Ok(Json(page.into()))
}

/// The query of a list of quarantined lines: `q`, narrowed by `schema`, `path`, `service` and
/// `reason`.
pub(crate) fn narrowed(params: &Params) -> String {
    let fields = [
        ("schema", "quarantine.schema"),
        ("path", "quarantine.path"),
        ("service", "service"),
        ("reason", "quarantine.reason"),
    ];
    let clauses = fields
        .iter()
        .filter_map(|(name, field)| Some(query_text::term(field, params.get(name)?)));
    clauses.fold(params.text("q"), |query, clause| {
        query_text::with(&query, &clause)
    })
}

/// What a replay is asked for by. Times as everywhere; nothing said means all that is kept.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asking {
    schema: Option<String>,
    service: Option<String>,
    path: Option<String>,
    start: Option<String>,
    end: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

/// Starts a replay. The answer holds the counts if they are known within two seconds, else it
/// says where they will be.
pub(super) async fn replay(
    State(console): State<Console>,
    body: Bytes,
) -> Result<(StatusCode, Json<ReplayReport>), Problem> {
    let asking: Asking = if body.trim_ascii().is_empty() {
        Asking::default()
    } else {
        serde_json::from_slice(&body).map_err(Problem::body)?
    };
    let time = |name: &'static str, text: &Option<String>, default: Timestamp| match text {
        None => Ok(default),
        Some(text) => read_time(text).ok_or_else(|| BadParam::new(name, "expected a time")),
    };
    let request = ReplayRequest {
        range: TimeRange {
            start: time("start", &asking.start, TimeRange::ALL.start)?,
            end: time("end", &asking.end, TimeRange::ALL.end)?,
        },
        schema: asking.schema,
        service: asking.service,
        path: asking.path,
        dry_run: asking.dry_run,
    };
    let report = started(&console, request).await?;
    let status = match report.state {
        ReplayState::Running => StatusCode::ACCEPTED,
        ReplayState::Done | ReplayState::Failed => StatusCode::OK,
    };
    Ok((status, Json(report)))
}

/// Starts a replay and waits a little for it.
pub(crate) async fn started(
    console: &Console,
    request: ReplayRequest,
) -> Result<ReplayReport, ContractRefusal> {
    let id = console.contracts.start_replay(request)?;
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        let mut replays = console.contracts.replays().into_iter();
        let Some(report) = replays.find(|report| report.id == id) else {
            return Err(ContractRefusal::Unavailable(format!(
                "replay {id} is no longer remembered"
            )));
        };
        if report.state != ReplayState::Running || tokio::time::Instant::now() >= until {
            return Ok(report);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(super) async fn replays(State(console): State<Console>) -> Json<Value> {
    let replays = console.contracts.replays();
    Json(json!({ "replays": replays, "next": null }))
}

pub(super) async fn report(
    State(console): State<Console>,
    Path(id): Path<u64>,
) -> Result<Json<ReplayReport>, Problem> {
    let mut replays = console.contracts.replays().into_iter();
    let found = replays.find(|report| report.id == id);
    found
        .map(Json)
        .ok_or_else(|| Problem::not_found(&format!("replay {id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_narrowed_by_name() {
        let query = |given: &str| narrowed(&Params::parse(given));
        assert_eq!(query(""), "");
        assert_eq!(
            query("schema=order.v2&path=/payload/id&service=a%20b&q=x"),
            "x quarantine.schema:order.v2 quarantine.path:/payload/id service:\"a b\""
        );
        assert_eq!(
            query("q=a+or+b&reason=schema"),
            "(a or b) quarantine.reason:schema"
        );
    }
}
