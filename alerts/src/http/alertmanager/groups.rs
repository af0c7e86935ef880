//! Groups of alerts.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::alerts::alert_shown;
use super::answer::labels;
use super::filters::{AlertFilter, Pairs};
use crate::Alerts;
use crate::routing::{Hush, RoutedAlert, compared, listed};

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
    let mut wanted = Vec::new();
    let mut receivers: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for (id, group) in &held.groups {
        let route = config.routes.route.by_path(&id.route);
        let muted_by = route.map_or_else(Vec::new, |route| config.routes.muting(route, now));
        let is_left_out = !muted_by.is_empty() && !filter.wants_muted();
        if is_left_out || !filter.wants_receiver(&group.receiver) {
            continue;
        }
        let members = group.members.iter().filter_map(|id| held.alerts.get(id));
        let members = members.filter(|alert| !alert.is_resolved(now));
        let mut members: Vec<(&RoutedAlert, _)> = members
            .filter_map(|alert| {
                let mut suppression = hush.of(&alert.labels);
                suppression.muted_by.clone_from(&muted_by);
                filter
                    .wants(&alert.labels, &suppression)
                    .then_some((alert, suppression))
            })
            .collect();
        if members.is_empty() {
            continue;
        }
        members.sort_by(|(a, _), (b, _)| listed(&a.labels, &b.labels));
        for (alert, _) in &members {
            let of_alert = receivers.entry(alert.fingerprint()).or_default();
            of_alert.push(&group.receiver);
            of_alert.sort_unstable();
        }
        wanted.push((group, members));
    }
    wanted.sort_by(|(a, _), (b, _)| {
        compared(&a.labels, &b.labels).then_with(|| a.receiver.cmp(&b.receiver))
    });
    let open_end = now + config.routes.resolve_timeout;
    let shown = wanted.iter().map(|(group, members)| {
        let members = members.iter().map(|(alert, suppression)| {
            let receivers = receivers.get(&alert.fingerprint());
            let receivers = receivers.map_or(&[][..], Vec::as_slice);
            alert_shown(alert, receivers, suppression, open_end)
        });
        json!({
            "alerts": members.collect::<Vec<Value>>(),
            "labels": labels(&group.labels),
            "receiver": {"name": group.receiver},
        })
    });
    Json(shown.collect::<Vec<Value>>()).into_response()
}
