use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use watchfire_logsearch::SpanScatterSearch;

use super::super::Problem;
use super::millis;
use crate::api::events::Events;
use crate::ask::DEADLINE;
use crate::params::Params;
use crate::range::Asked;

/// `GET /api/v1/traces/scatter?q=&start=&end=&columns=&rows=&outliers=`: spans by when they began
/// and how long they took.
pub(super) async fn answer(
    State(traces): State<Events>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let range = Asked::from_params(&params, traces.clock.now(), "24h")?.range;
    let search = SpanScatterSearch {
        query: params.text("q"),
        range,
        columns: params.count("columns", 60, 1_000)?,
        rows: params.count("rows", 30, 200)?,
        outliers: params.count("outliers", 20, 1_000)?,
        deadline: DEADLINE,
    };
    let found = traces.events.span_scatter(search).await?;
    let rows = (0..found.rows as u32).map(|row| {
        let (least, below) = found.row_durations(row);
        json!({"from_ms": millis(least), "below_ms": millis(below)})
    });
    let cells = found.cells.iter().map(|cell| {
        json!({
            "column": cell.column,
            "row": cell.row,
            "spans": cell.spans,
            "errors": cell.errors,
            "trace_id": cell.example.0,
            "span_id": cell.example.1,
        })
    });
    let outliers = found.outliers.iter().map(|outlier| {
        json!({
            "trace_id": outlier.trace_id,
            "span_id": outlier.span_id,
            "start": outlier.start,
            "duration_ms": millis(outlier.duration),
            "error": outlier.is_error,
            "service": outlier.service,
            "name": outlier.name,
        })
    });
    Ok(Json(json!({
        "start": range.start,
        "end": range.end,
        "columns": found.columns,
        "rows": rows.collect::<Vec<Value>>(),
        "cells": cells.collect::<Vec<Value>>(),
        "outliers": outliers.collect::<Vec<Value>>(),
        "total_spans": found.total,
        "partial": found.partial,
        "took_ms": millis(found.took),
        "hints": found.hints,
    })))
}
