//! Echoes: alerts that begin to fire only because the window of their rule still holds a failure
//! that is over. They must not page for it a second time.

use std::time::Duration;

use watchfire_schemas::{LabelSet, Timestamp};

use super::settle::Update;
use crate::dating;
use crate::incident::{Fired, IncidentRecord, store};
use crate::{AlertState, Alerts};

/// How long after its end a failure can have an echo: the longest window by which a shipped rule
/// finds one.
const REMEMBERED: Duration = Duration::from_hours(1);
/// How far apart two signals may end and still be of one failure.
const END_TOGETHER: Duration = Duration::from_secs(30);

/// An alert, by its rule's key and its labels.
pub(super) type AlertKey = (String, LabelSet);

impl Alerts {
    /// Takes echoes out of the updates and out of what fired. An echo is forgotten, not kept as
    /// firing: as long as its rule is true it begins anew and is judged again, so that a failure
    /// that comes back is seen.
    pub(super) async fn leave_out_echoes(
        &self,
        fired: Vec<Fired>,
        updates: &mut [Update],
        now: Timestamp,
    ) -> Result<Vec<Fired>, sqlx::Error> {
        if fired.is_empty() {
            return Ok(fired);
        }
        let over = store::recovered_since(&self.pool, now - REMEMBERED).await?;
        let mut heard = Vec::with_capacity(fired.len());
        for alert in fired {
            if !self.is_echo(&alert, &over, now).await {
                heard.push(alert);
                continue;
            }
            self.meters.echoes.inc();
            tracing::debug!(rule = %alert.rule_key, "{} sees a failure that is over", alert.rule_key);
            for update in updates.iter_mut().filter(|u| u.rule_key == alert.rule_key) {
                update.after.states.remove(&alert.alert.labels);
            }
        }
        Ok(heard)
    }

    /// Whether what the alert is about has been as usual since one of these incidents was over. An
    /// alert that does not say what it is about is taken at its word.
    async fn is_echo(&self, fired: &Fired, over: &[IncidentRecord], now: Timestamp) -> bool {
        let about = dating::told_signals(&fired.alert);
        let related = over.iter().filter(|incident| incident.concerns(fired));
        for incident in related.filter(|_| !about.is_empty()) {
            let moments = (incident.body.onset.at, incident.detected_at);
            let quiet = self.config.quiet;
            let ended = dating::recovered(&*self.signals, &about, moments, now, quiet).await;
            match ended {
                Ok(Some(at)) if incident.ended_by(at, END_TOGETHER) => return true,
                Ok(_) => {}
                Err(error) => self.signal_failed(&error, &incident.id),
            }
        }
        false
    }

    /// Lets go of the alerts of an incident that ends while their rules are still true: they are
    /// echoes of it, or begin anew. Gives those that are to be forgotten.
    pub(super) fn let_go(incident: &mut IncidentRecord, now: Timestamp) -> Vec<AlertKey> {
        let firing = incident.body.alerts.iter_mut();
        firing
            .filter(|own| own.alert.state == AlertState::Firing)
            .map(|own| {
                own.alert.state = AlertState::Inactive;
                own.alert.resolved_at = Some(now);
                (own.rule_key.clone(), own.alert.labels.clone())
            })
            .collect()
    }
}
