use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use watchfire_schemas::Timestamp;

use super::answer::{Failure, listed, number};
use super::names::quoted;
use crate::params::Params;
use crate::{Console, ask};

const CALLS: &str = "traces_service_graph_request_total";
/// Calls between services, not those from outside or of what sends no spans.
const SERVICES: &str = "virtual_node=\"\"";
const LOOKBACK: i64 = 86_400_000;

/// Who called whom how often, over the length of time before `endTs`.
pub(super) async fn dependencies(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Failure> {
    let end = number(&params, "endTs", "milliseconds")?;
    let end = end.map_or_else(|| console.clock.now(), Timestamp::from_millis);
    let lookback = number(&params, "lookback", "milliseconds")?.unwrap_or(LOOKBACK);
    let length = Duration::from_millis(lookback.max(1_000).unsigned_abs());
    let service = params.get("service");
    let of_service = |pair: &(String, String)| {
        service.is_none_or(|service| pair.0 == service || pair.1 == service)
    };
    let calls = ask::calls(&console, SERVICES, end, length).await?;
    let pairs: BTreeSet<(String, String)> = calls
        .into_iter()
        .map(|call| (call.client, call.server))
        .filter(of_service)
        .collect();
    // A rate is an estimate; here each call counts.
    let selectors = pairs.iter().map(|(client, server)| {
        format!(
            "{CALLS}{{client={},server={}}}",
            quoted(client),
            quoted(server)
        )
    });
    let grown = ask::trends(&console, selectors.collect(), end - length, length, 1).await?;
    let told = pairs.iter().zip(grown).map(|((client, server), grown)| {
        let count = grown.iter().sum::<f64>().round() as u64;
        json!({"parent": client, "child": server, "callCount": count})
    });
    Ok(listed(&params, told.collect::<Vec<Value>>()))
}
