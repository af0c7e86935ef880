//! Alerts, told and asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use watchfire_schemas::{LabelSet, Timestamp};

use super::answer::{broken, is_json, labels, refused, time};
use super::filters::{AlertFilter, Pairs};
use super::form::{Fields, Wrong};
use crate::routing::{Hush, Origin, RoutedAlert, hex};
use crate::{Alerts, Suppression};

/// More alerts than this are not taken: who tells of them is to try again.
const MOST_ALERTS: usize = 100_000;

pub(super) async fn list(
    State(alerts): State<Arc<Alerts>>,
    Query(pairs): Query<Pairs>,
) -> Response {
    let filter = match AlertFilter::read(&pairs) {
        Ok(filter) => filter,
        Err(refusal) => return *refusal,
    };
    let (config, silences) = (alerts.routing.config(), alerts.routing.silences());
    let held = alerts.routing.held();
    let now = alerts.clock.now();
    let hush = Hush::new(&config, &held, &silences, now);
    let mut shown = Vec::new();
    for (fingerprint, alert) in &held.alerts {
        if alert.is_resolved(now) {
            continue;
        }
        let suppression = hush.of(&alert.labels);
        let receivers = config.routes.receivers_of(&alert.labels);
        let wants_receiver = receivers.iter().any(|name| filter.wants_receiver(name));
        if wants_receiver && filter.wants(&alert.labels, &suppression) {
            let timeout = config.routes.resolve_timeout;
            shown.push((
                *fingerprint,
                alert_shown(alert, &receivers, &suppression, now + timeout),
            ));
        }
    }
    shown.sort_by_key(|(fingerprint, _)| *fingerprint);
    let shown: Vec<Value> = shown.into_iter().map(|(_, alert)| alert).collect();
    Json(shown).into_response()
}

/// `open_end` is told of an alert that ends when its rule says so.
pub(super) fn alert_shown(
    alert: &RoutedAlert,
    receivers: &[&str],
    suppression: &Suppression,
    open_end: Timestamp,
) -> Value {
    let receivers: Vec<Value> = receivers.iter().map(|name| json!({"name": name})).collect();
    let state = if suppression.is_empty() {
        "active"
    } else {
        "suppressed"
    };
    let mut shown = json!({
        "annotations": labels(&alert.annotations),
        "endsAt": time(alert.ends_at.unwrap_or(open_end)),
        "fingerprint": hex(alert.fingerprint()),
        "receivers": receivers,
        "startsAt": time(alert.starts_at),
        "status": {
            "inhibitedBy": suppression.inhibited_by,
            "mutedBy": suppression.muted_by,
            "silencedBy": suppression.silenced_by,
            "state": state,
        },
        "updatedAt": time(alert.updated_at),
        "labels": labels(&alert.labels),
    });
    if !alert.generator_url.is_empty() {
        shown["generatorURL"] = json!(alert.generator_url);
    }
    shown
}

/// Takes the alerts that are right; if one is not, the answer says so.
pub(super) async fn receive(
    State(alerts): State<Arc<Alerts>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Err(refusal) = is_json(&headers) {
        return *refusal;
    }
    let told = match read(&body) {
        Ok(told) => told,
        Err(wrong) => return wrong.into_response(),
    };
    if alerts.routing.held().alerts.len() + told.len() > MOST_ALERTS {
        let reason = format!("more than {MOST_ALERTS} alerts are held already");
        return (StatusCode::TOO_MANY_REQUESTS, Json(json!(reason))).into_response();
    }
    let now = alerts.clock.now();
    let timeout = alerts.routing.config().routes.resolve_timeout;
    let (mut right, mut reasons) = (Vec::new(), Vec::new());
    for one in told {
        let alert = one.routed(now, timeout);
        alerts.routing.meters.received(!alert.is_resolved(now));
        match fault(&alert) {
            None => right.push(alert),
            Some(reason) => {
                alerts.routing.meters.invalid();
                reasons.push(reason);
            }
        }
    }
    if let Err(error) = alerts.route_alerts(right).await {
        return broken(&error);
    }
    if reasons.is_empty() {
        return StatusCode::OK.into_response();
    }
    refused(&reasons.join("; "))
}

/// An alert as it was told.
struct ToldAlert {
    labels: LabelSet,
    annotations: LabelSet,
    starts_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
    generator_url: String,
}

fn read(body: &[u8]) -> Result<Vec<ToldAlert>, Wrong> {
    if body.is_empty() {
        let nothing = Value::Object(serde_json::Map::new());
        Fields::of("", &nothing)?.needed("alerts")?;
    }
    let told: Vec<Value> =
        serde_json::from_slice(body).map_err(|error| Wrong::unreadable("alerts", &error))?;
    let alert = |(index, value): (usize, &Value)| {
        let fields = Fields::of(&index.to_string(), value)?;
        fields.needed("labels")?;
        Ok(ToldAlert {
            labels: LabelSet::new(fields.pairs("labels")?),
            annotations: LabelSet::new(fields.pairs("annotations")?),
            starts_at: fields.time("startsAt")?,
            ends_at: fields.time("endsAt")?,
            generator_url: fields.text("generatorURL")?.unwrap_or_default().to_owned(),
        })
    };
    told.iter().enumerate().map(alert).collect()
}

impl ToldAlert {
    /// What nobody said is filled in: it began now, and ends when nobody tells of it any more.
    fn routed(self, now: Timestamp, timeout: Duration) -> RoutedAlert {
        RoutedAlert {
            origin: Origin::Received,
            labels: self.labels,
            annotations: self.annotations,
            starts_at: self.starts_at.or(self.ends_at).unwrap_or(now),
            ends_at: Some(self.ends_at.unwrap_or(now + timeout)),
            times_out: self.ends_at.is_none(),
            updated_at: now,
            generator_url: self.generator_url,
        }
    }
}

fn fault(alert: &RoutedAlert) -> Option<String> {
    let has_empty_name = |labels: &LabelSet| labels.iter().any(|(name, _)| name.is_empty());
    if alert.ends_at.is_some_and(|end| end < alert.starts_at) {
        Some("start time must be before end time".to_owned())
    } else if alert.labels.is_empty() {
        Some("at least one label pair required".to_owned())
    } else if has_empty_name(&alert.labels) {
        Some("invalid label set: invalid name \"\"".to_owned())
    } else if has_empty_name(&alert.annotations) {
        Some("invalid annotations: invalid name \"\"".to_owned())
    } else {
        None
    }
}
