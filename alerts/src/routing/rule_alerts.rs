//! Alerts of our own rules, as a Prometheus would tell them: when they begin to fire, when they
//! end, and every minute in between and for a while after.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use watchfire_schemas::Timestamp;

use super::alert::{Origin, RoutedAlert};
use super::received::is_received;
use crate::rules::template::url_query;
use crate::{AlertInstance, AlertState, Alerts, StoreError};

/// How often an alert is told that has not changed.
const RESEND: Duration = Duration::from_mins(1);
/// How often it is looked whether one has to be.
const LOOK: Duration = Duration::from_secs(5);

/// What was told of rules' alerts so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The version of the board, and when it was looked at.
    seen: Option<(u64, Timestamp)>,
    alerts: HashMap<u64, (RoutedAlert, Timestamp)>,
}

impl Alerts {
    /// Takes over how the alerts of rules stand, if it is time.
    pub(super) async fn take_rule_alerts(&self) -> Result<(), StoreError> {
        let mut writer = self.routing.writing.lock().await;
        let now = self.clock.now();
        let version = self.board().version();
        let told = &mut writer.rules;
        let seen = |(known, at): (u64, Timestamp)| known == version && now.since(at) < LOOK;
        if told.seen.is_some_and(seen) {
            return Ok(());
        }
        let stand = self.standing(now);
        let present: HashSet<u64> = stand.iter().map(RoutedAlert::fingerprint).collect();
        let mut news: Vec<RoutedAlert> = stand
            .into_iter()
            .filter(|alert| {
                told.alerts
                    .get(&alert.fingerprint())
                    .is_none_or(|(known, at)| {
                        let same =
                            (known.starts_at, known.ends_at) == (alert.starts_at, alert.ends_at);
                        !same || now.since(*at) >= RESEND
                    })
            })
            .collect();
        news.extend(self.gone(&present, now));
        self.route_within(news.clone()).await?;
        told.seen = Some((version, now));
        told.alerts.retain(|id, _| present.contains(id));
        for alert in news {
            if present.contains(&alert.fingerprint()) {
                told.alerts.insert(alert.fingerprint(), (alert, now));
            }
        }
        Ok(())
    }

    /// Alerts that fire, and those that did.
    fn standing(&self, now: Timestamp) -> Vec<RoutedAlert> {
        let groups = self.groups();
        let rules = groups.iter().flat_map(|group| &group.rules.rules);
        let exprs: BTreeMap<&str, &str> = rules.map(|rule| (rule.key(), rule.expr())).collect();
        let board = self.board();
        let fired = board.fired().filter(|(key, _)| !is_received(key));
        fired
            .map(|(key, alert)| {
                let expr = exprs.get(key).copied().unwrap_or_default();
                self.routed(alert, expr, now)
            })
            .collect()
    }

    fn routed(&self, alert: &AlertInstance, expr: &str, now: Timestamp) -> RoutedAlert {
        let mut labels = alert.labels.clone();
        for (name, value) in self.config.external_labels.iter() {
            if labels.get(name).is_none() {
                labels = labels.with(name, value);
            }
        }
        let is_over = alert.state == AlertState::Inactive;
        let root = self.config.external_url.trim_end_matches('/');
        RoutedAlert {
            origin: Origin::Rules,
            labels,
            annotations: alert.annotations.clone(),
            starts_at: alert.fired_at.unwrap_or(alert.active_at),
            ends_at: is_over.then(|| alert.resolved_at.unwrap_or(now)),
            times_out: false,
            updated_at: now,
            generator_url: format!("{root}/graph?g0.expr={}&g0.tab=1", url_query(expr)),
        }
    }

    /// Alerts of rules that are no more.
    fn gone(&self, present: &HashSet<u64>, now: Timestamp) -> Vec<RoutedAlert> {
        let held = self.routing.held();
        let gone = held.alerts.iter().filter(|(fingerprint, alert)| {
            alert.origin == Origin::Rules
                && !alert.is_resolved(now)
                && !present.contains(fingerprint)
        });
        gone.map(|(_, alert)| RoutedAlert {
            ends_at: Some(now),
            updated_at: now,
            ..alert.clone()
        })
        .collect()
    }
}
