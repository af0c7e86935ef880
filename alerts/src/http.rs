//! Rules and alerts as Prometheus' HTTP API shows them.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use watchfire_schemas::{LabelSet, Timestamp};

use crate::{AlertInstance, AlertState, Alerts, RuleStatus};

/// `/prometheus/api/v1/{rules,alerts}`.
pub fn http_router(alerts: Arc<Alerts>) -> Router {
    Router::new()
        .route("/prometheus/api/v1/rules", get(rules))
        .route("/prometheus/api/v1/alerts", get(alerts_list))
        .with_state(alerts)
}

#[derive(Debug, Deserialize)]
struct RulesQuery {
    #[serde(rename = "type")]
    kind: Option<String>,
    exclude_alerts: Option<String>,
}

async fn rules(
    State(alerts): State<Arc<Alerts>>,
    Query(query): Query<RulesQuery>,
) -> (StatusCode, Json<Value>) {
    let shows_alerting = match query.kind.as_deref() {
        None | Some("" | "alert") => true,
        Some("record") => false,
        Some(other) => {
            let error = format!("invalid query parameter type={other:?}");
            let body = json!({"status": "error", "errorType": "bad_data", "error": error});
            return (StatusCode::BAD_REQUEST, Json(body));
        }
    };
    let with_alerts = query.exclude_alerts.as_deref() != Some("true");
    let statuses = alerts.rules();
    let mut rest = statuses.as_slice();
    let mut groups = Vec::new();
    for (place, group) in alerts.groups.iter().enumerate() {
        let (own, after) = rest.split_at(group.rules.len());
        rest = after;
        let last = own.iter().filter_map(|rule| rule.last_evaluation).max();
        let shown: Vec<Value> = own
            .iter()
            .filter(|_| shows_alerting)
            .map(|status| rule(status, with_alerts))
            .collect();
        if shows_alerting || group.rules.is_empty() {
            groups.push(json!({
                "name": group.name,
                "file": alerts.files[place],
                "interval": alerts.interval_of(place).as_secs_f64(),
                "limit": group.limit,
                "rules": shown,
                "evaluationTime": own.iter().map(|rule| rule.evaluation_seconds).sum::<f64>(),
                "lastEvaluation": time(last),
            }));
        }
    }
    success(&json!({"groups": groups}))
}

async fn alerts_list(State(alerts): State<Arc<Alerts>>) -> (StatusCode, Json<Value>) {
    let active: Vec<Value> = alerts.active_alerts().iter().map(alert).collect();
    success(&json!({"alerts": active}))
}

fn success(data: &Value) -> (StatusCode, Json<Value>) {
    (
        StatusCode::OK,
        Json(json!({"status": "success", "data": data})),
    )
}

fn rule(status: &RuleStatus, with_alerts: bool) -> Value {
    let health = match (&status.last_error, status.last_evaluation) {
        (Some(_), _) => "err",
        (None, Some(_)) => "ok",
        (None, None) => "unknown",
    };
    let mut rule = json!({
        "state": state(status.state),
        "name": status.name,
        "query": status.expr,
        "duration": status.hold_seconds,
        "keepFiringFor": status.keep_firing_seconds,
        "labels": labels(&status.labels),
        "annotations": labels(&status.annotations),
        "alerts": status.alerts.iter().filter(|_| with_alerts).map(alert).collect::<Vec<_>>(),
        "health": health,
        "evaluationTime": status.evaluation_seconds,
        "lastEvaluation": time(status.last_evaluation),
        "type": "alerting",
    });
    if let Some(error) = &status.last_error {
        rule["lastError"] = json!(error);
    }
    rule
}

fn alert(alert: &AlertInstance) -> Value {
    json!({
        "labels": labels(&alert.labels),
        "annotations": labels(&alert.annotations),
        "state": state(alert.state),
        "activeAt": alert.active_at,
        "value": value(alert.value),
    })
}

const fn state(state: AlertState) -> &'static str {
    match state {
        AlertState::Inactive => "inactive",
        AlertState::Pending => "pending",
        AlertState::Firing => "firing",
    }
}

fn labels(labels: &LabelSet) -> Map<String, Value> {
    let pairs = labels.iter();
    pairs
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect()
}

/// Go's zero time stands for "never".
fn time(at: Option<Timestamp>) -> Value {
    at.map_or_else(|| json!("0001-01-01T00:00:00Z"), |at| json!(at))
}

/// As Go writes it: `1e+00`.
fn value(value: f64) -> String {
    crate::rules::template::exponent(value)
}
