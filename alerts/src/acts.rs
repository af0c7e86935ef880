//! What humans do to incidents and exception groups, with who and why.

use watchfire_schemas::Timestamp;

use crate::incident::{IncidentRecord, entry, store};
use crate::notification::{EventAction, NewNotification};
use crate::{
    ActError, Alerts, ExceptionGroup, GroupStatus, Incident, IncidentStatus, Onset, OnsetMethod,
    OnsetSource, StoreError, TimelineEntry, TimelineKind, exception_groups,
};

/// How long a note or a reason may be.
const MAX_TEXT: usize = 10_000;
const MAX_NAME: usize = 200;

/// What an act makes of an incident: what to tell, and whom.
struct Act {
    told: Option<TimelineEntry>,
    notifies: Option<EventAction>,
}

impl Alerts {
    /// Somebody takes the incident on. To acknowledge again changes nothing.
    pub async fn acknowledge(&self, id: &str, who: &str) -> Result<Incident, ActError> {
        let who = name(who)?;
        self.act(id, |incident, now| {
            if incident.status == IncidentStatus::Resolved {
                return refused("the incident is resolved");
            }
            if incident.acknowledged_at.is_some() {
                return Ok(Act {
                    told: None,
                    notifies: None,
                });
            }
            incident.acknowledged_at = Some(now);
            incident.acknowledged_by = Some(who.clone());
            if incident.status == IncidentStatus::Triggered {
                incident.status = IncidentStatus::Acknowledged;
            }
            let text = format!("acknowledged by {who}");
            Ok(Act {
                told: Some(entry(now, TimelineKind::Acknowledged, text, &who)),
                notifies: Some(EventAction::Acknowledge),
            })
        })
        .await
    }

    /// Somebody closes the incident. To resolve again changes nothing.
    pub async fn resolve(&self, id: &str, who: &str) -> Result<Incident, ActError> {
        let who = name(who)?;
        self.act(id, |incident, now| {
            if incident.status == IncidentStatus::Resolved {
                return Ok(Act {
                    told: None,
                    notifies: None,
                });
            }
            incident.status = IncidentStatus::Resolved;
            incident.resolved_at = Some(now);
            let text = format!("resolved by {who}");
            Ok(Act {
                told: Some(entry(now, TimelineKind::Resolved, text, &who)),
                notifies: Some(EventAction::Resolve),
            })
        })
        .await
    }

    /// A human says when it began; no estimate moves that again.
    pub async fn set_onset(
        &self,
        id: &str,
        at: Timestamp,
        who: &str,
        why: &str,
    ) -> Result<Incident, ActError> {
        let (who, why) = (name(who)?, text("the reason", why)?);
        self.act(id, |incident, now| {
            if at > now {
                return refused("the onset cannot lie in the future");
            }
            if at > incident.detected_at {
                return refused(&format!(
                    "the onset cannot come after the detection at {}",
                    incident.detected_at
                ));
            }
            incident.body.onset = Onset {
                at,
                earliest: at,
                latest: at,
                source: OnsetSource::Human,
                method: OnsetMethod::Human,
                evidence: None,
                set_by: Some(who.clone()),
                reason: Some(why.clone()),
            };
            let text = format!("onset set to {at}: {why}");
            Ok(Act {
                told: Some(entry(now, TimelineKind::OnsetSet, text, &who)),
                notifies: None,
            })
        })
        .await
    }

    /// A line for the timeline.
    pub async fn note(&self, id: &str, who: &str, note: &str) -> Result<Incident, ActError> {
        let (who, note) = (name(who)?, text("the note", note)?);
        self.act(id, |_, now| {
            Ok(Act {
                told: Some(entry(now, TimelineKind::Note, note.clone(), &who)),
                notifies: None,
            })
        })
        .await
    }

    /// Resolves, ignores, opens or assigns a group; `Some(None)` takes the assignee off.
    pub async fn set_group(
        &self,
        id: &str,
        status: Option<GroupStatus>,
        assignee: Option<Option<String>>,
        who: &str,
    ) -> Result<ExceptionGroup, ActError> {
        let who = name(who)?;
        let assignee = match assignee {
            Some(Some(to)) => Some(Some(name(&to)?)),
            other => other,
        };
        let now = self.clock.now();
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(unwritten)?;
        let known = exception_groups::store::by_id(&mut tx, id)
            .await
            .map_err(unwritten)?;
        let mut stored = known.ok_or_else(|| not_found("exception group", id))?;
        if let Some(status) = status {
            stored.group.status = status;
            stored.resolved_at = (status == GroupStatus::Resolved).then_some(now);
        }
        if let Some(assignee) = assignee {
            stored.group.assignee = assignee;
        }
        exception_groups::store::save(&mut tx, &stored)
            .await
            .map_err(unwritten)?;
        tx.commit().await.map_err(unwritten)?;
        tracing::info!(group = %id, %who, ?status, "exception group {id} changed");
        Ok(stored.group)
    }

    /// Does something to an incident in one transaction.
    async fn act(
        &self,
        id: &str,
        act: impl FnOnce(&mut IncidentRecord, Timestamp) -> Result<Act, ActError>,
    ) -> Result<Incident, ActError> {
        {
            let _one_at_a_time = self.step.lock().await;
            let now = self.clock.now();
            let mut tx = self
                .pool
                .begin_with("BEGIN IMMEDIATE")
                .await
                .map_err(unwritten)?;
            let known = store::by_id(&mut tx, id).await.map_err(unwritten)?;
            let mut incident = known.ok_or_else(|| not_found("incident", id))?;
            let Act { told, notifies } = act(&mut incident, now)?;
            let notifications: Vec<NewNotification> = match notifies {
                Some(action) if incident.body.paged.is_some() => {
                    self.notify(&incident, action, now)
                }
                _ => Vec::new(),
            };
            store::save(&mut tx, &incident).await.map_err(unwritten)?;
            store::tell(&mut tx, id, told.as_slice())
                .await
                .map_err(unwritten)?;
            self.outbox
                .enqueue(&mut tx, &notifications)
                .await
                .map_err(unwritten)?;
            tx.commit().await.map_err(unwritten)?;
            if !notifications.is_empty() {
                self.outbox.wake();
            }
        }
        let incident = self.incident(id).await.map_err(ActError::Store)?;
        incident.ok_or_else(|| not_found("incident", id))
    }
}

fn refused<T>(reason: &str) -> Result<T, ActError> {
    Err(ActError::Refused(reason.to_owned()))
}

fn unwritten(error: sqlx::Error) -> ActError {
    ActError::Store(StoreError(error))
}

fn not_found(what: &'static str, id: &str) -> ActError {
    ActError::NotFound {
        what,
        id: id.chars().take(MAX_NAME).collect(),
    }
}

fn name(who: &str) -> Result<String, ActError> {
    let who = who.trim();
    if who.is_empty() || who.chars().count() > MAX_NAME {
        return refused("say who, in at most 200 characters");
    }
    Ok(who.to_owned())
}

fn text(what: &str, text: &str) -> Result<String, ActError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > MAX_TEXT {
        return refused(&format!("{what} must have 1 to {MAX_TEXT} characters"));
    }
    Ok(text.to_owned())
}
