//! `/api/v1/logs`, its histogram and its fields.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use watchfire_logsearch::{FoundLog, LogPage};
use watchfire_schemas::SeverityRange;

use super::{LIMIT, MOST, Problem};
use crate::params::{BadParam, Params};
use crate::range::Asked;
use crate::{Console, ask};

/// A page of records. Each is its own canonical line with its id put first.
#[derive(Debug, Serialize)]
pub(super) struct PageOfRecords {
    records: Vec<Box<RawValue>>,
    total: u64,
    total_is_exact: bool,
    next: Option<String>,
    partial: bool,
    took_ms: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
}

impl From<LogPage> for PageOfRecords {
    fn from(page: LogPage) -> Self {
        Self {
            records: page.records.iter().map(line_with_id).collect(),
            total: page.total,
            total_is_exact: page.total_is_exact,
            next: page.next,
            partial: page.partial,
            took_ms: (page.took.as_secs_f64() * 1e6).round() / 1e3,
            hints: page.hints,
        }
    }
}

/// A record's canonical line with its id put first.
pub(crate) fn line_with_id(found: &FoundLog) -> Box<RawValue> {
    let line = found.record.to_line();
    let line = format!("{{\"id\":\"{}\",{}", found.id, &line[1..]);
    RawValue::from_string(line).expect("a canonical line is a JSON object that is not empty")
}

pub(super) async fn search(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<PageOfRecords>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "24h")?;
    let limit = params.limit(LIMIT, MOST)?;
    let (query, cursor) = (params.text("q"), params.get("cursor"));
    let page = ask::logs(&console, &query, asked.range, limit, cursor).await?;
    Ok(Json(page.into()))
}

pub(super) async fn histogram(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "24h")?;
    let step = step(&params, &asked)?;
    let bars = console
        .events
        .log_histogram(params.text("q"), asked.range, step)
        .await?;
    let bars = bars.iter().map(|bar| {
        let counts: Map<String, Value> = SeverityRange::ALL
            .iter()
            .zip(bar.counts)
            .map(|(severity, count)| (severity.as_str().to_owned(), count.into()))
            .collect();
        json!({ "start": bar.start, "counts": counts })
    });
    Ok(Json(json!({
        "step_seconds": step.as_secs_f64(),
        "bars": bars.collect::<Vec<_>>(),
    })))
}

/// `step` in seconds, never so short that there would be more than 2,000 steps.
fn step(params: &Params, asked: &Asked) -> Result<Duration, BadParam> {
    let Some(text) = params.get("step") else {
        return Ok(asked.step(90));
    };
    let seconds: f64 = text
        .trim_end_matches('s')
        .parse()
        .map_err(|_| BadParam::new("step", "expected seconds"))?;
    let is_usable = seconds.is_finite() && seconds > 0.0 && seconds < 1e9;
    if !is_usable {
        return Err(BadParam::new(
            "step",
            "expected a number of seconds above zero",
        ));
    }
    Ok(Duration::from_secs_f64(seconds).max(asked.length() / 2000))
}

pub(super) async fn fields(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "24h")?;
    let limit = params.limit(10, 100)?;
    let field = params
        .get("field")
        .ok_or_else(|| BadParam::new("field", "is required"))?;
    let values = console
        .events
        .top_values(params.text("q"), asked.range, field.to_owned(), limit)
        .await?;
    let values = values
        .iter()
        .map(|value| json!({ "value": value.value, "count": value.count }));
    Ok(Json(
        json!({ "field": field, "values": values.collect::<Vec<_>>() }),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    #[test]
    fn a_record_carries_its_id_and_its_own_line() {
        let page = samples::log_page();
        let id = page.records[0].id.to_string();
        let records = serde_json::to_value(PageOfRecords::from(page)).unwrap();
        assert_eq!(records["records"][0]["id"], id);
        assert!(records["records"][0]["timestamp"].is_string());
        assert!(records["took_ms"].is_number());
        super::super::schemas::tests::check("log_page.v1", &records);
    }

    #[test]
    fn steps_are_bounded() {
        let now = samples::now();
        let asked = Asked::from_params(&Params::parse("last=24h"), now, "1h").unwrap();
        let step = |query: &str| step(&Params::parse(query), &asked);
        assert_eq!(step("step=60"), Ok(Duration::from_mins(1)));
        assert_eq!(step("step=0.001"), Ok(Duration::from_millis(43_200)));
        assert_eq!(step("step=-1").unwrap_err().name, "step");
        assert_eq!(step("step=NaN").unwrap_err().name, "step");
    }
}
