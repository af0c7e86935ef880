use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use watchfire_logsearch::{SpanComparisonSearch, SpanDifference};

use super::super::{LIMIT, MOST, Problem};
use crate::api::events::Events;
use crate::ask::DEADLINE;
use crate::params::{BadParam, Params};
use crate::range::Asked;

/// `GET /api/v1/traces/comparison?q=&region=&start=&end=&limit=`: which values are more frequent
/// among the spans of a region than among the others of the query.
pub(super) async fn answer(
    State(traces): State<Events>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let Some(region) = params.get("region") else {
        let expected = "expected a query such as duration:>200ms: which of the spans are inside";
        return Err(BadParam::new("region", expected).into());
    };
    let search = SpanComparisonSearch {
        query: params.text("q"),
        range: Asked::from_params(&params, traces.clock.now(), "24h")?.range,
        region: region.to_owned(),
        limit: params.limit(LIMIT, MOST)?,
        deadline: DEADLINE,
    };
    let found = traces.events.span_comparison(search).await?;
    let sampled = found
        .sampled
        .map(|(inside, outside)| json!({"inside": inside, "outside": outside}));
    let differences = found.differences.iter().map(told);
    Ok(Json(json!({
        "differences": differences.collect::<Vec<Value>>(),
        "next": null,
        "inside": found.inside,
        "outside": found.outside,
        "sampled": sampled,
        "partial": found.partial,
        "hints": found.hints,
    })))
}

fn told(one: &SpanDifference) -> Value {
    json!({
        "field": one.field,
        "value": one.value,
        "inside": one.inside,
        "outside": one.outside,
        "inside_share": one.inside_share,
        "outside_share": one.outside_share,
        "score": one.score,
    })
}
