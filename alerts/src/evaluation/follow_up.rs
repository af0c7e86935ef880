//! What an open incident asks for as time goes on: its page, later looks at its onset, its recovery
//! and its end.

use std::time::Duration;

use watchfire_schemas::Timestamp;

use super::echo::AlertKey;
use super::settle::Told;
use crate::dating;
use crate::incident::{IncidentAlert, IncidentRecord, entry, pages, store};
use crate::notification::{EventAction, NewNotification};
use crate::rules::severity;
use crate::{AlertState, Alerts, IncidentStatus, StoreError, TimelineKind, alert_store};

/// How soon destinations may be told again of a title or severity that changed.
const RETELL_AFTER: Duration = Duration::from_mins(1);
/// The second time that an incident fails again it waits longer for its end, and so on up to this.
const MOST_DOUBLINGS: u32 = 3;
/// When the onset is looked at again, after detection; the last look is at the end.
const LATER_LOOKS: [Duration; 2] = [Duration::from_mins(5), Duration::from_mins(15)];

impl Alerts {
    /// Does what is due. Only a `thorough` one asks the telemetry; the other sends pages.
    pub(super) async fn follow_up(&self, thorough: bool) -> Result<(), StoreError> {
        let _one_at_a_time = self.step.lock().await;
        let now = self.clock.now();
        let open = store::open(&self.pool).await?;
        self.meters.incidents_open.set(open.len() as i64);
        for incident in open {
            let mut changed = incident.clone();
            let mut told = self.refresh(&mut changed, now);
            if thorough {
                told.extend(self.look_after(&mut changed, now).await?);
            }
            told.extend(self.hold_page(&mut changed, now));
            let notifications = self.page(&mut changed, &incident, now);
            let ends = !changed.is_open();
            let gone = if ends {
                Self::let_go(&mut changed, now)
            } else {
                Vec::new()
            };
            if changed != incident {
                self.write_changed(&changed, &told, &notifications, gone)
                    .await?;
            }
        }
        Ok(())
    }

    /// Takes over how the incident's alerts stand.
    fn refresh(&self, incident: &mut IncidentRecord, now: Timestamp) -> Told {
        let own: Vec<IncidentAlert> = incident.body.alerts.clone();
        let mut told = Told::new();
        let before = incident.clone();
        let mut matters = false;
        for IncidentAlert {
            rule_key, alert, ..
        } in own
        {
            let current = self.board().alert(&rule_key, &alert.labels).cloned();
            let (changed, entry) =
                incident.refresh(&rule_key, &alert.labels, current.as_ref(), now);
            matters |= changed;
            told.extend(entry);
        }
        if !matters {
            *incident = before;
        }
        told
    }

    async fn look_after(
        &self,
        incident: &mut IncidentRecord,
        now: Timestamp,
    ) -> Result<Told, StoreError> {
        let mut told = Told::new();
        let due = LATER_LOOKS.get(incident.body.onset_looks);
        if due.is_some_and(|after| now >= incident.detected_at + *after) {
            incident.body.onset_looks += 1;
            if incident.recovered_at.is_none() {
                self.assemble(incident, now).await?;
            }
        }
        let over = self.over_since(incident, now).await;
        match (incident.status, over) {
            (IncidentStatus::Triggered | IncidentStatus::Acknowledged, Some(at)) => {
                incident.status = IncidentStatus::Recovered;
                incident.recovered_at = Some(at);
                let text = "the telemetry is as it was before".to_owned();
                told.push(entry(at, TimelineKind::Recovered, text, ""));
            }
            (IncidentStatus::Recovered, None) if fires(incident) => {
                incident.recovered_at = None;
                incident.body.reopened += 1;
                incident.status = match incident.acknowledged_at {
                    Some(_) => IncidentStatus::Acknowledged,
                    None => IncidentStatus::Triggered,
                };
                let text = "the telemetry is bad again".to_owned();
                told.push(entry(now, TimelineKind::Reopened, text, ""));
            }
            _ => {}
        }
        // An alert with a long window may still fire: its signals are quiet, it is an echo.
        let ends_after = incident.ends_after(self.config.resolve_after);
        let resolves = incident.status == IncidentStatus::Recovered
            && over.is_some()
            && !incident.body.is_kept_open
            && incident
                .recovered_at
                .is_some_and(|at| now >= at + ends_after);
        if resolves {
            self.assemble_at_end(incident, now).await?;
            incident.status = IncidentStatus::Resolved;
            incident.resolved_at = Some(now);
            let text = "resolved by itself after recovery".to_owned();
            told.push(entry(now, TimelineKind::Resolved, text, ""));
        }
        Ok(told)
    }

    /// The last look at the onset, with all that is known; then it stands.
    pub(crate) async fn assemble_at_end(
        &self,
        incident: &mut IncidentRecord,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        // What the signals say is read as of the recovery: afterwards the failure is over and
        // would not be found as one that goes on.
        let known = incident.body.onset.clone();
        let as_of = incident.recovered_at.unwrap_or(now).min(now);
        self.assemble(incident, as_of).await?;
        let lost = incident.body.onset.evidence.is_none() && known.evidence.is_some();
        if lost {
            incident.body.onset = known;
        }
        Ok(())
    }

    /// Since when it has been over; `None` while it goes on, or while that cannot be told.
    async fn over_since(&self, incident: &IncidentRecord, now: Timestamp) -> Option<Timestamp> {
        let body = &incident.body;
        let mut signals = body.signals.clone();
        let weighty =
            |a: &&IncidentAlert| a.alert.state == AlertState::Firing && weighs(incident, a);
        for firing in body.alerts.iter().filter(weighty) {
            let known: Vec<String> = signals.iter().map(dating::WatchedSignal::shown).collect();
            if dating::is_watched(&firing.alert, &known) {
                continue;
            }
            let told = dating::told_signals(&firing.alert);
            if told.is_empty() {
                return None;
            }
            signals.extend(told);
        }
        if signals.is_empty() {
            let last = body.alerts.iter().filter_map(|a| a.alert.resolved_at).max();
            return last.filter(|at| now.since(*at) >= self.config.quiet);
        }
        let moments = (body.onset.at, incident.detected_at);
        let over =
            dating::recovered(&*self.signals, &signals, moments, now, self.config.quiet).await;
        over.unwrap_or_else(|error| {
            self.signal_failed(&error, &incident.id);
            None
        })
    }

    /// Notifications that `changed` asks for, against what it was.
    fn page(
        &self,
        changed: &mut IncidentRecord,
        before: &IncidentRecord,
        now: Timestamp,
    ) -> Vec<NewNotification> {
        if (changed.page_is_due(now) || changed.has_news(now)) && !changed.body.page_held {
            changed.is_told(now);
            return self.notify(changed, EventAction::Trigger, now);
        }
        let ends = before.is_open() && !changed.is_open();
        if ends && changed.body.paged.is_some() {
            return self.notify(changed, EventAction::Resolve, now);
        }
        if changed.body.paged.is_some() && before.status != changed.status {
            return self.notify(changed, EventAction::Update, now);
        }
        Vec::new()
    }

    pub(crate) fn notify(
        &self,
        incident: &IncidentRecord,
        action: EventAction,
        now: Timestamp,
    ) -> Vec<NewNotification> {
        let destinations = self.outbox.destination_names();
        incident.notifications(action, &destinations, &self.config.external_url, now)
    }

    async fn write_changed(
        &self,
        changed: &IncidentRecord,
        told: &Told,
        notifications: &[NewNotification],
        gone: Vec<AlertKey>,
    ) -> Result<(), sqlx::Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let mut changed = changed.clone();
        // The one thing that others write: when the first page was taken.
        if let Some(stored) = store::by_id(&mut tx, &changed.id).await? {
            changed.notified_at = stored.notified_at;
        }
        store::save(&mut tx, &changed).await?;
        store::tell(&mut tx, &changed.id, told).await?;
        self.outbox.enqueue(&mut tx, notifications).await?;
        for (rule_key, labels) in &gone {
            alert_store::forget_alert(&mut tx, rule_key, labels).await?;
        }
        tx.commit().await?;
        for (rule_key, labels) in gone {
            self.board().forget(&rule_key, &labels);
        }
        if !notifications.is_empty() {
            self.outbox.wake();
        }
        Ok(())
    }
}

impl IncidentRecord {
    /// How long after its recovery it resolves by itself: one that flaps is one incident, not many.
    fn ends_after(&self, usual: Duration) -> Duration {
        let doublings = self.body.reopened.saturating_sub(1).min(MOST_DOUBLINGS);
        usual * 2_u32.pow(doublings)
    }

    /// Whether what destinations were told is no longer so: another title, not merely another
    /// figure in it, or another severity.
    pub(crate) fn has_news(&self, now: Timestamp) -> bool {
        let stale =
            self.body.told.as_ref().filter(|told| {
                told.severity != self.severity || told.title_of != self.body.title_of()
            });
        self.is_open() && stale.is_some_and(|told| now >= told.at + RETELL_AFTER)
    }
}

/// Whether an alert of the incident's own weight still fires: a warning that goes on does not keep
/// an outage open.
fn fires(incident: &IncidentRecord) -> bool {
    let firing = |a: &IncidentAlert| a.alert.state == AlertState::Firing && weighs(incident, a);
    incident.body.alerts.iter().any(firing)
}

fn weighs(incident: &IncidentRecord, alert: &IncidentAlert) -> bool {
    pages(severity(&alert.alert.labels)) || !pages(incident.severity)
}
