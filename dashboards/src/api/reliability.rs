//! `/api/v1/reliability`: response times, their comparison, DORA's keys, and each incident as CSV.

mod table;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;
use serde_json::{Map, Value, json};
use watchfire_alerts::{Curve, Measure, Reliability, Scope};

use super::Problem;
use crate::Console;
use crate::pages::reliability::asked::{by_param, periods_param, scope_param};
use crate::pages::reliability::words;
use crate::params::{BadParam, Params};
use crate::range::Asked;

pub(super) fn router() -> Router<Console> {
    Router::new()
        .route("/api/v1/reliability", get(report))
        .route("/api/v1/reliability/compare", get(compare))
        .route("/api/v1/reliability/dora", get(dora))
        .route("/api/v1/reliability/incidents.csv", get(incidents))
}

async fn report(State(console): State<Console>, params: Params) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "30d")?;
    let scope = scope_param(&params, asked.range)?;
    let by = by_param(&params)?;
    let told = console.alerts.reliability(&scope, by).await?;
    let mut answer = json!({
        "start": asked.range.start,
        "end": asked.range.end,
        "warnings": told.warnings,
        "trend": told.trend,
        "definitions": definitions(),
        "next": null,
    });
    if by.is_none() {
        answer["curves"] = curves(&told);
    }
    answer["reports"] = match by {
        None => json!([told.all]),
        Some(_) => json!(told.groups),
    };
    Ok(Json(answer))
}

fn curves(told: &Reliability) -> Value {
    let named = |(measure, curve): (Measure, &Curve)| (measure.key().to_owned(), json!(curve));
    let curves = Measure::ALL.into_iter().zip(&told.curves).map(named);
    Value::Object(curves.collect::<Map<_, _>>())
}

fn definitions() -> Value {
    let named = |measure: Measure| (measure.key().to_owned(), json!(measure.definition()));
    Value::Object(Measure::ALL.map(named).into_iter().collect::<Map<_, _>>())
}

async fn compare(State(console): State<Console>, params: Params) -> Result<Json<Value>, Problem> {
    let now = console.clock.now();
    let periods = periods_param(&params, now)?;
    let (before, after) = periods.ok_or_else(|| {
        let reason =
            "is missing: give before_start, before_end, after_start and after_end, or at and days";
        BadParam::new("before_start", reason)
    })?;
    let before = scope_param(&params, before)?;
    let after = Scope {
        range: after,
        ..before.clone()
    };
    let told = console.alerts.compare_reliability(&before, &after).await?;
    let verdicts = told.measures.iter().map(|one| json!(words::verdict(one)));
    let verdicts: Vec<Value> = verdicts.collect();
    let mut answer = json!(told);
    if let Some(measures) = answer["measures"].as_array_mut() {
        for (measure, verdict) in measures.iter_mut().zip(verdicts) {
            measure["verdict"] = verdict;
        }
    }
    Ok(Json(answer))
}

async fn dora(State(console): State<Console>, params: Params) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "30d")?;
    let told = console
        .alerts
        .dora(asked.range, params.get("service"))
        .await?;
    let mut answer = json!(told);
    answer["start"] = json!(asked.range.start);
    answer["end"] = json!(asked.range.end);
    Ok(Json(answer))
}

async fn incidents(
    State(console): State<Console>,
    params: Params,
) -> Result<impl IntoResponse, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "30d")?;
    let scope = scope_param(&params, asked.range)?;
    let told = console.alerts.reliability(&scope, None).await?;
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"incidents.csv\"",
        ),
    ];
    Ok((headers, table::csv(&told.incidents)))
}
