//! From transitions of alerts to incidents, in one transaction.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::SqliteConnection;
use watchfire_schemas::{AlertSeverity, TimeRange, Timestamp};

use crate::alert_state::{AlertStates, Evaluated, Transition};
use crate::dating::{self, Dated};
use crate::incident::{EARLY_BY, Fired, IncidentRecord, Neighbourhood, belongs_to, entry, store};
use crate::rules::severity;
use crate::{
    Alerts, JoinReason, Onset, OnsetSource, TimelineEntry, TimelineKind, alert_store, changes,
    exception_groups,
};

/// How long before onset a change is still shown beside an incident.
const CHANGES_BEFORE: Duration = Duration::from_mins(30);
/// How far from its interval a later look may move an onset: a ramp shows itself late.
const CLEARER_BY: Duration = Duration::from_mins(5);
/// How many exception groups are looked at for an incident.
const MAX_GROUPS: usize = 50;

/// What the evaluation of a rule changed.
#[derive(Debug)]
pub(crate) struct Update {
    pub rule_key: String,
    pub before: AlertStates,
    pub after: Evaluated,
}

/// An incident that takes alerts in, and how it is dated with them.
struct Gathering {
    incident: IncidentRecord,
    is_new: bool,
    fired: Vec<(Fired, JoinReason)>,
}

impl Alerts {
    pub(crate) async fn settle(
        &self,
        now: Timestamp,
        interval: Duration,
        mut updates: Vec<Update>,
    ) -> Result<(), sqlx::Error> {
        let _one_at_a_time = self.step.lock().await;
        // What was let go since the evaluation began must not come back by it; the next one tells.
        updates.retain(|u| !alert_store::differ(&u.before, &self.board().states(&u.rule_key)));
        let fired: Vec<Fired> = updates.iter().flat_map(|u| fired(u, interval)).collect();
        let fired = self.leave_out_echoes(fired, &mut updates, now).await?;
        let is_same = |u: &Update| !alert_store::differ(&u.before, &u.after.states);
        if fired.is_empty() && updates.iter().all(is_same) {
            self.take_over(updates);
            return Ok(());
        }
        let mut gatherings = self.gather(fired, now).await?;
        for gathering in &mut gatherings {
            self.assemble(&mut gathering.incident, now).await?;
        }
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for update in &updates {
            alert_store::save(
                &mut tx,
                &update.rule_key,
                &update.before,
                &update.after.states,
            )
            .await?;
        }
        for gathering in gatherings {
            self.write(&mut tx, gathering, now).await?;
        }
        tx.commit().await?;
        self.take_over(updates);
        Ok(())
    }

    fn take_over(&self, updates: Vec<Update>) {
        let mut board = self.board();
        for update in updates {
            board.put(&update.rule_key, update.after.states);
        }
    }

    /// Finds or opens the incident of each alert that began to fire.
    async fn gather(
        &self,
        fired: Vec<Fired>,
        now: Timestamp,
    ) -> Result<Vec<Gathering>, sqlx::Error> {
        let open = if fired.is_empty() {
            Vec::new()
        } else {
            store::open(&self.pool).await?
        };
        let mut gatherings: Vec<Gathering> = open
            .into_iter()
            .map(|incident| Gathering {
                incident,
                is_new: false,
                fired: Vec::new(),
            })
            .collect();
        let neighbours = self.neighbourhood(&fired, now).await;
        for alert in fired {
            let open = gatherings.iter().map(|g| &g.incident);
            let known = belongs_to(&alert, open, &neighbours);
            let known = known.map(|(incident, reason)| (incident.id.clone(), reason));
            let (id, reason) = known.unzip();
            let gathering = match id {
                Some(id) => gatherings.iter_mut().find(|g| g.incident.id == id),
                None if severity(&alert.alert.labels) == AlertSeverity::Info => None,
                None => {
                    gatherings.push(Gathering {
                        incident: IncidentRecord::opened(&alert, now),
                        is_new: true,
                        fired: Vec::new(),
                    });
                    gatherings.last_mut()
                }
            };
            if let Some(gathering) = gathering {
                gathering.incident.take(&alert, now);
                let reason = reason.unwrap_or(JoinReason::Opened);
                gathering.fired.push((alert, reason));
            }
        }
        gatherings.retain(|gathering| !gathering.fired.is_empty());
        Ok(gatherings)
    }

    /// Who calls whom, where it matters: with nothing that fires it is not asked. If it cannot be
    /// read, alerts are grouped without it.
    async fn neighbourhood(&self, fired: &[Fired], now: Timestamp) -> Neighbourhood {
        if fired.is_empty() {
            return Neighbourhood::default();
        }
        match Neighbourhood::ask(&*self.signals, now).await {
            Ok(known) => known,
            Err(error) => {
                self.meters.signal_failures.inc();
                tracing::warn!(%error, "the service graph could not be read");
                Neighbourhood::default()
            }
        }
    }

    /// Writes what gathering changed. A known incident is read anew within the transaction: what
    /// was delivered in the meantime must not be lost.
    async fn write(
        &self,
        tx: &mut SqliteConnection,
        gathering: Gathering,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let Gathering {
            incident: assembled,
            is_new,
            fired,
        } = gathering;
        let mut told = Vec::new();
        let mut incident = if is_new {
            let text = format!("detected: {}", assembled.body.title);
            told.push(entry(
                now,
                TimelineKind::Detected,
                text,
                &fired[0].0.alert.rule,
            ));
            let mut fresh = IncidentRecord::opened(&fired[0].0, now);
            fresh.id.clone_from(&assembled.id);
            self.meters.incidents_opened.inc();
            fresh
        } else {
            let Some(known) = store::by_id(tx, &assembled.id).await? else {
                return Ok(());
            };
            known
        };
        for (alert, reason) in &fired {
            told.extend(incident.take(alert, now));
            incident.explain(alert, reason);
        }
        incident.body.onset = assembled.body.onset;
        incident.body.signals = assembled.body.signals;
        incident.body.exceptions = assembled.body.exceptions;
        incident.body.changes = assembled.body.changes;
        incident.schedule_page(self.config.group_wait, now);
        store::save(tx, &incident).await?;
        store::tell(tx, &incident.id, &told).await?;
        if is_new {
            let id = &incident.id;
            tracing::info!(incident = %id, title = %incident.body.title, "incident {id} opened");
        }
        Ok(())
    }

    /// Asks the telemetry when the incident began and what goes with it. A human's word on the
    /// onset stands.
    pub(crate) async fn assemble(
        &self,
        incident: &mut IncidentRecord,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        let Dated { onset, signals } = self.date(incident, now).await;
        if may_replace(&incident.body.onset, &onset) {
            incident.body.onset = onset;
        }
        if !signals.is_empty() {
            incident.body.signals = signals;
        }
        let onset = incident.body.onset.at;
        let around = TimeRange {
            start: onset - CHANGES_BEFORE,
            end: incident.detected_at + Duration::from_nanos(1),
        };
        let mut changes = changes::within(&self.pool, around, None).await?;
        changes.sort_by_key(|change| {
            let own = incident.body.services.contains(&change.service);
            (!own, change.at.since(onset).max(onset.since(change.at)))
        });
        incident.body.changes = changes;
        let mut groups = Vec::new();
        for service in &incident.body.services {
            let since = incident.body.onset.earliest - EARLY_BY;
            let found = exception_groups::list(&self.pool, Some(service), None, since, MAX_GROUPS);
            groups.extend(found.await?);
        }
        match exception_groups::ranked(&*self.signals, groups, onset, now).await {
            Ok(ranked) => incident.body.exceptions = ranked,
            Err(error) => self.signal_failed(&error, &incident.id),
        }
        Ok(())
    }

    async fn date(&self, incident: &IncidentRecord, now: Timestamp) -> Dated {
        let alerts: Vec<_> = incident.body.alerts.iter().map(|a| &a.alert).collect();
        let report = |error: &crate::SignalError| self.signal_failed(error, &incident.id);
        dating::date(&*self.signals, &alerts, now, self.config.quiet, report).await
    }

    pub(super) fn signal_failed(&self, error: &crate::SignalError, incident: &str) {
        self.meters.signal_failures.inc();
        tracing::warn!(incident, %error, "telemetry of incident {incident} could not be read");
    }
}

fn fired(update: &Update, interval: Duration) -> Vec<Fired> {
    let mut fired: BTreeMap<_, Fired> = BTreeMap::new();
    for (labels, transition) in &update.after.transitions {
        if *transition == Transition::Firing
            && let Some(tracked) = update.after.states.get(labels)
        {
            let alert = Fired {
                rule_key: update.rule_key.clone(),
                interval_seconds: interval.as_secs_f64(),
                alert: tracked.alert.clone(),
            };
            fired.insert(labels.clone(), alert);
        }
    }
    fired.into_values().collect()
}

/// A human's word stands, and a later look makes an estimate finer: it never jumps to another change,
/// such as a failure that grew worse.
fn may_replace(known: &Onset, found: &Onset) -> bool {
    match known.source {
        OnsetSource::Human => false,
        OnsetSource::RuleFirstTrue => true,
        OnsetSource::Estimated => {
            let width = |onset: &Onset| onset.latest.since(onset.earliest);
            let finer = width(found) <= (width(known) * 3).max(CLEARER_BY);
            found.source == OnsetSource::Estimated
                && finer
                && found.at + CLEARER_BY >= known.earliest
                && found.at <= known.latest + CLEARER_BY
        }
    }
}

/// Told of an incident, for those who write it.
pub(super) type Told = Vec<TimelineEntry>;
