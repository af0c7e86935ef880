//! `/api/v1/reliability`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::Problem;
use crate::Console;
use crate::pages::reliability::by_param;
use crate::params::Params;
use crate::range::Asked;

pub(super) async fn report(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "30d")?;
    let reports = console
        .alerts
        .reliability(asked.range, by_param(&params)?)
        .await?;
    Ok(Json(json!({
        "start": asked.range.start,
        "end": asked.range.end,
        "reports": reports,
        "next": null,
    })))
}
