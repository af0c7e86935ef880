//! Rules and alerts as Prometheus' HTTP API shows them, and Alertmanager's API.

mod alertmanager;
mod rules_query;

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use watchfire_schemas::{LabelSet, Timestamp};

use crate::evaluation::LoadedGroup;
use crate::{AlertInstance, AlertState, Alerts, RuleKind, RuleStatus};
use rules_query::RulesQuery;

/// `/prometheus/api/v1/{rules,alerts}`, `/alertmanager`, and the address that `graphLink` gives.
pub fn http_router(alerts: Arc<Alerts>) -> Router {
    Router::new()
        .route("/prometheus/api/v1/rules", get(rules))
        .route("/prometheus/api/v1/alerts", get(alerts_list))
        .with_state(Arc::clone(&alerts))
        .route("/graph", get(graph))
        .merge(alertmanager::router(alerts))
}

/// What a query string holds; a name may come several times.
type Pairs = Query<Vec<(String, String)>>;
type Answer = (StatusCode, Json<Value>);

async fn rules(State(alerts): State<Arc<Alerts>>, Query(pairs): Pairs) -> Answer {
    let query = match RulesQuery::read(&pairs) {
        Ok(query) => query,
        Err(reason) => return bad_data(&reason),
    };
    let mut groups: Vec<Arc<LoadedGroup>> = alerts.groups().to_vec();
    groups.sort_by(|a, b| (&a.file, &a.rules.name).cmp(&(&b.file, &b.rules.name)));
    let from = match query.first_group(&groups) {
        Ok(from) => from,
        Err(reason) => return bad_data(&reason),
    };
    let mut shown = Vec::new();
    let mut next = None;
    for group in &groups[from..] {
        let rules: Vec<Value> = group
            .rules
            .rules
            .iter()
            .filter_map(|of_group| {
                let status = alerts.board().status(group, of_group);
                query
                    .wants(&status)
                    .then(|| rule(&status, query.with_alerts))
            })
            .collect();
        if rules.is_empty() {
            continue;
        }
        if query.group_limit.is_some_and(|most| shown.len() == most) {
            next = Some(rules_query::token(group));
            break;
        }
        shown.push(group_shown(&alerts, group, &rules));
    }
    let mut data = json!({"groups": shown});
    if let Some(token) = next {
        data["groupNextToken"] = json!(token);
    }
    success(&data)
}

fn group_shown(alerts: &Alerts, group: &LoadedGroup, rules: &[Value]) -> Value {
    let health = alerts.board().group(group);
    json!({
        "name": group.rules.name,
        "file": group.file,
        "interval": alerts.interval_of(group).as_secs_f64(),
        "limit": group.rules.limit,
        "rules": rules,
        "evaluationTime": health.seconds,
        "lastEvaluation": time(health.last_evaluation),
    })
}

async fn alerts_list(State(alerts): State<Arc<Alerts>>) -> Answer {
    let active: Vec<Value> = alerts.active_alerts().iter().map(alert).collect();
    success(&json!({"alerts": active}))
}

/// Where links that templates make with `graphLink` and `tableLink` lead.
async fn graph(Query(pairs): Pairs) -> Redirect {
    let expr = pairs.iter().find(|(name, _)| name == "g0.expr");
    let expr = expr.map_or("", |(_, expr)| expr.as_str());
    Redirect::temporary(&format!(
        "/explore?expr={}",
        crate::rules::template::url_query(expr)
    ))
}

fn success(data: &Value) -> Answer {
    (
        StatusCode::OK,
        Json(json!({"status": "success", "data": data})),
    )
}

fn bad_data(reason: &str) -> Answer {
    let body = json!({"status": "error", "errorType": "bad_data", "error": reason});
    (StatusCode::BAD_REQUEST, Json(body))
}

fn rule(status: &RuleStatus, with_alerts: bool) -> Value {
    let health = match (&status.last_error, status.last_evaluation) {
        (Some(_), _) => "err",
        (None, Some(_)) => "ok",
        (None, None) => "unknown",
    };
    let mut shown = json!({
        "name": status.name,
        "query": status.expr,
        "health": health,
        "evaluationTime": status.evaluation_seconds,
        "lastEvaluation": time(status.last_evaluation),
    });
    if let Some(error) = &status.last_error {
        shown["lastError"] = json!(error);
    }
    match status.kind {
        RuleKind::Recording => {
            shown["type"] = json!("recording");
            if !status.labels.is_empty() {
                shown["labels"] = json!(labels(&status.labels));
            }
        }
        RuleKind::Alerting => {
            let alerts = status.alerts.iter().filter(|_| with_alerts);
            shown["type"] = json!("alerting");
            shown["state"] = json!(state(status.state));
            shown["duration"] = json!(status.hold_seconds);
            shown["keepFiringFor"] = json!(status.keep_firing_seconds);
            shown["labels"] = json!(labels(&status.labels));
            shown["annotations"] = json!(labels(&status.annotations));
            shown["alerts"] = alerts.map(alert).collect();
        }
    }
    shown
}

fn alert(alert: &AlertInstance) -> Value {
    let mut shown = json!({
        "labels": labels(&alert.labels),
        "annotations": labels(&alert.annotations),
        "state": state(alert.state),
        "activeAt": alert.active_at,
        "value": value(alert.value),
    });
    if let Some(since) = alert.kept_since {
        shown["keepFiringSince"] = json!(since);
    }
    shown
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
