//! What completion in the editor of expressions is made of.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Problem;
use crate::pages::explore::browser::{first_queries, gathered, matching};
use crate::params::Params;
use crate::promql_words::WORDS;
use crate::{Console, ask};

/// `GET /api/v1/metrics?find=&limit=`: metrics with all words of `find` in name or help.
pub(super) async fn list(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let limit = params.limit(20, 1000)?;
    let (said, counts) = tokio::join!(
        ask::metadata(&console),
        ask::series_counts(&console, "__name__")
    );
    let all = gathered(&counts, said);
    let find = params.text("find");
    let found = matching(&all, &find);
    let shown = found.iter().take(limit).map(|metric| {
        json!({
            "name": metric.meta.family,
            "kind": metric.meta.kind,
            "help": metric.meta.help,
            "unit": metric.meta.unit,
            "series": metric.series,
            "classic": metric.is_classic,
            "queries": first_queries(metric),
        })
    });
    Ok(Json(
        json!({"metrics": shown.collect::<Vec<_>>(), "total": found.len()}),
    ))
}

/// `GET /api/v1/metrics/functions`: functions and aggregations of PromQL.
pub(super) async fn functions() -> Json<Value> {
    let functions = WORDS.iter().map(
        |(name, signature, about)| json!({"name": name, "signature": signature, "about": about}),
    );
    Json(json!({"functions": functions.collect::<Vec<_>>()}))
}
