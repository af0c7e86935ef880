//! `/api/v1/schemas` and `/api/v1/quarantine`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use watchfire_schemas::LOG_RECORD_V1;

use super::logs::PageOfRecords;
use super::{LIMIT, MOST, Problem};
use crate::params::Params;
use crate::range::Asked;
use crate::{Console, ask};

pub(super) async fn list() -> Result<Json<Value>, Problem> {
    let schema: Value = serde_json::from_str(LOG_RECORD_V1).map_err(Problem::body)?;
    let contract = json!({ "name": "log_record.v1", "policy": "quarantine", "schema": schema });
    Ok(Json(json!({ "schemas": [contract], "next": null })))
}

pub(super) async fn quarantine(
    State(console): State<Console>,
    params: Params,
) -> Result<Json<PageOfRecords>, Problem> {
    let asked = Asked::from_params(&params, console.clock.now(), "24h")?;
    let limit = params.limit(LIMIT, MOST)?;
    let (query, cursor) = (params.text("q"), params.get("cursor"));
    let page = ask::quarantine(&console, &query, asked.range, limit, cursor).await?;
    Ok(Json(page.into()))
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::Value;
    use watchfire_schemas::Contract;

    /// Holds an answer against the JSON Schema of its shape.
    pub(in crate::api) fn check(name: &str, answer: &Value) {
        let schema = match name {
            "log_page.v1" => include_str!("../../../schemas/log_page.v1.schema.json"),
            "pattern_list.v1" => include_str!("../../../schemas/pattern_list.v1.schema.json"),
            "log_fields.v1" => include_str!("../../../schemas/log_fields.v1.schema.json"),
            "log_values.v1" => include_str!("../../../schemas/log_values.v1.schema.json"),
            "log_context.v1" => include_str!("../../../schemas/log_context.v1.schema.json"),
            "log_tail_event.v1" => include_str!("../../../schemas/log_tail_event.v1.schema.json"),
            "log_histogram.v1" => include_str!("../../../schemas/log_histogram.v1.schema.json"),
            "exception_group.v1" => include_str!("../../../schemas/exception_group.v1.schema.json"),
            "incident.v1" => include_str!("../../../schemas/incident.v1.schema.json"),
            other => panic!("there is no schema {other}"),
        };
        let contract = Contract::compile(name, schema).unwrap();
        assert_eq!(contract.violations(answer), [], "{name}: {answer:#}");
        let empty = serde_json::json!({});
        assert!(
            !contract.is_kept_by(&empty),
            "{name} must ask for something"
        );
    }
}
