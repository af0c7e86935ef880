//! What humans do to incidents and exception groups, with who and why.

mod draft;
mod human_act;
mod regroup;

use sqlx::SqliteConnection;
use watchfire_schemas::Timestamp;

use crate::incident::{IncidentRecord, Told, store};
use crate::notification::{EventAction, Link, NewNotification};
use crate::{ActError, Alerts, Incident, StoreError};

use draft::{Draft, Other};
pub use human_act::{Actor, Channel, HumanAct};
pub(crate) use human_act::{invalid, name, text};

impl Alerts {
    /// Does things to an incident, in their order and in one transaction: all of them or none. The
    /// destination through which the actor speaks is not told again. What is asked for twice is
    /// done once. To merge or to split must come last.
    pub async fn act(
        &self,
        id: &str,
        who: &Actor,
        acts: Vec<HumanAct>,
    ) -> Result<Incident, ActError> {
        let now = self.clock.now();
        self.act_at(id, who, acts, now).await
    }

    /// As [`Self::act`], for what was done at an earlier time and is heard of only now.
    pub(crate) async fn act_at(
        &self,
        id: &str,
        who: &Actor,
        acts: Vec<HumanAct>,
        done_at: Timestamp,
    ) -> Result<Incident, ActError> {
        let who = &Actor {
            name: name("who", &who.name)?,
            through: who.through.clone(),
        };
        let acts: Result<Vec<HumanAct>, ActError> =
            acts.into_iter().map(HumanAct::checked).collect();
        let acts = acts?;
        {
            let _one_at_a_time = self.step.lock().await;
            let now = self.clock.now();
            let known = self.known(id).await?;
            // Clocks differ: nobody acts before there is something to act on.
            let done_at = done_at.max(known.detected_at).min(now);
            let mut draft = Draft::of(known);
            for act in acts {
                self.draft(&mut draft, act, who, done_at).await?;
            }
            self.keep(draft, who, now).await?;
        }
        let incident = self.incident(id).await.map_err(ActError::Store)?;
        incident.ok_or_else(|| not_found("incident", id))
    }

    async fn draft(
        &self,
        draft: &mut Draft,
        act: HumanAct,
        who: &Actor,
        now: Timestamp,
    ) -> Result<(), ActError> {
        if draft.other.is_some() {
            return Err(human_act::invalid(
                "acts",
                "merging and splitting must come last",
            ));
        }
        match act {
            HumanAct::Merge { into } => self.merge(draft, &into, who, now).await,
            HumanAct::Split { alerts } => self.split(draft, &alerts, who, now).await,
            other => draft.take(other, &who.name, now),
        }
    }

    async fn known(&self, id: &str) -> Result<IncidentRecord, ActError> {
        let mut connection = self.pool.acquire().await.map_err(unwritten)?;
        let known = store::by_id(&mut connection, id).await.map_err(unwritten)?;
        known.ok_or_else(|| not_found("incident", id))
    }

    /// Writes what acts made, and puts what destinations must hear of it into the outbox.
    async fn keep(&self, mut draft: Draft, who: &Actor, now: Timestamp) -> Result<(), ActError> {
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(unwritten)?;
        let mut notifications = Vec::new();
        if let Some(Other::TakesOver { incident, .. }) = &draft.other {
            let moved = store::copy_timeline(&mut tx, &draft.incident.id, &incident.id);
            moved.await.map_err(unwritten)?;
        }
        if let Some(other) = &mut draft.other {
            let (before, incident, told) = other.parts();
            let new = self.prepare(&mut tx, before, incident, who, now).await?;
            notifications.extend(new);
            self.write_act(&mut tx, incident, told).await?;
        }
        let before = Some(&draft.before);
        let new = self.prepare(&mut tx, before, &mut draft.incident, who, now);
        notifications.extend(new.await?);
        self.write_act(&mut tx, &draft.incident, &draft.told)
            .await?;
        self.outbox
            .enqueue(&mut tx, &notifications)
            .await
            .map_err(unwritten)?;
        tx.commit().await.map_err(unwritten)?;
        if !notifications.is_empty() {
            self.outbox.wake();
        }
        Ok(())
    }

    /// Takes over what deliveries wrote in the meantime, and finds what is to be sent.
    async fn prepare(
        &self,
        tx: &mut SqliteConnection,
        before: Option<&IncidentRecord>,
        incident: &mut IncidentRecord,
        who: &Actor,
        now: Timestamp,
    ) -> Result<Vec<NewNotification>, ActError> {
        if before.is_some_and(|before| before.notified_at == incident.notified_at) {
            let stored = store::by_id(tx, &incident.id).await.map_err(unwritten)?;
            incident.notified_at = stored.and_then(|stored| stored.notified_at);
        }
        let mut notifications = Vec::new();
        for action in before.map_or_else(Vec::new, |before| actions(before, incident)) {
            if action == EventAction::Trigger {
                incident.is_told(now);
            }
            let new = self.notify(incident, action, now).into_iter();
            let new = new.filter(|row| Some(row.destination.as_str()) != who.knows());
            notifications.extend(new.map(|row| self.pointing(incident, row)));
        }
        Ok(notifications)
    }

    /// What is resolved because another incident took it over says which.
    fn pointing(&self, incident: &IncidentRecord, mut row: NewNotification) -> NewNotification {
        if let Some(into) = &incident.merged_into {
            let console = self.config.external_url.trim_end_matches('/');
            row.content.description = format!("Merged into incident {into}, which goes on.");
            row.content.links.push(Link {
                text: "Merged into".to_owned(),
                href: format!("{console}/incidents/{into}"),
            });
        }
        row
    }

    async fn write_act(
        &self,
        tx: &mut SqliteConnection,
        incident: &IncidentRecord,
        told: &[crate::TimelineEntry],
    ) -> Result<(), ActError> {
        store::save(tx, incident).await.map_err(unwritten)?;
        store::tell(tx, &incident.id, told).await.map_err(unwritten)
    }
}

impl IncidentRecord {
    /// Notes what destinations are told with a page.
    pub(crate) fn is_told(&mut self, now: Timestamp) {
        self.body.paged = Some(self.severity);
        self.body.told = Some(Told {
            title_of: self.body.title_of(),
            severity: self.severity,
            at: now,
        });
    }
}

/// What destinations must hear of a change. Nobody hears of what was never paged.
fn actions(before: &IncidentRecord, after: &IncidentRecord) -> Vec<EventAction> {
    if before.body.paged.is_none() {
        return Vec::new();
    }
    if !after.is_open() {
        let ends = before.is_open();
        return ends.then_some(EventAction::Resolve).into_iter().collect();
    }
    let mut actions = Vec::new();
    let is_another =
        before.severity != after.severity || before.body.title_of() != after.body.title_of();
    if is_another || !before.is_open() {
        actions.push(EventAction::Trigger);
    }
    if before.acknowledged_at.is_none() && after.acknowledged_at.is_some() {
        actions.push(EventAction::Acknowledge);
    }
    if actions.is_empty() && before.status != after.status {
        actions.push(EventAction::Update);
    }
    actions
}

fn refused<T>(reason: &str) -> Result<T, ActError> {
    Err(ActError::Refused(reason.to_owned()))
}

pub(crate) fn unwritten(error: sqlx::Error) -> ActError {
    ActError::Store(StoreError(error))
}

pub(crate) fn not_found(what: &'static str, id: &str) -> ActError {
    const MAX_SHOWN: usize = 200;
    ActError::NotFound {
        what,
        id: id.chars().take(MAX_SHOWN).collect(),
    }
}
