//! What people do to groups, each in one transaction and with who did it.

use sqlx::SqliteConnection;
use watchfire_schemas::Timestamp;

use super::log::{self, GroupEvent, GroupLogEntry};
use super::view::{self, Merges};
use super::{IgnoredUntil, Resolution, StoredGroup, releases, store};
use crate::acts::{invalid, name, not_found, text, unwritten};
use crate::{ActError, Alerts, ExceptionGroup, GroupStatus};

/// How many groups one act may merge or take apart.
const MOST_MERGED: usize = 100;

/// In what a group is said to be resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolveIn {
    Now,
    Release(String),
    /// The one after the newest that is known now.
    NextRelease,
}

/// One thing that somebody does to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupAct {
    Open,
    Resolve(ResolveIn),
    Ignore(IgnoredUntil),
    /// Until it escalates.
    Archive,
    Assign(Option<String>),
    Note(String),
    /// Takes other groups in, with all that belongs to them.
    Merge(Vec<String>),
    /// Takes fingerprints out again, as they were.
    Split(Vec<String>),
}

impl Alerts {
    /// Does all of it, or nothing. The group is the one that `id` is of.
    pub async fn act_on_group(
        &self,
        id: &str,
        who: &str,
        acts: Vec<GroupAct>,
    ) -> Result<ExceptionGroup, ActError> {
        let who = name("who", who)?;
        let now = self.clock.now();
        let mut tx = self
            .pool
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(unwritten)?;
        let merges = Merges::read(&mut tx).await.map_err(unwritten)?;
        let head = merges.head(id).to_owned();
        let found = store::by_id(&mut tx, &head).await.map_err(unwritten)?;
        let mut row = found.ok_or_else(|| not_found("exception group", id))?;
        for act in acts {
            let entry = match act {
                GroupAct::Merge(others) => merge(&mut tx, &row, &others).await?,
                GroupAct::Split(others) => split(&mut tx, &row, &others, (&who, now)).await?,
                act => decide(&mut tx, &mut row, act, (&who, now)).await?,
            };
            let entry = GroupLogEntry {
                who: Some(who.clone()),
                at: now,
                ..entry
            };
            log::tell(&mut tx, &row.group.id, &entry)
                .await
                .map_err(unwritten)?;
        }
        store::save(&mut tx, &row).await.map_err(unwritten)?;
        let shown = view::one(&mut tx, &head).await.map_err(unwritten)?;
        tx.commit().await.map_err(unwritten)?;
        tracing::info!(group = %head, %who, "exception group {head} changed");
        shown.ok_or_else(|| not_found("exception group", id))
    }

    /// The same for a status and an assignee alone.
    pub async fn set_group(
        &self,
        id: &str,
        status: Option<GroupStatus>,
        assignee: Option<Option<String>>,
        who: &str,
    ) -> Result<ExceptionGroup, ActError> {
        let status = status.map(|status| match status {
            GroupStatus::Open => GroupAct::Open,
            GroupStatus::Resolved => GroupAct::Resolve(ResolveIn::Now),
            GroupStatus::Ignored => GroupAct::Ignore(IgnoredUntil::default()),
            GroupStatus::Archived => GroupAct::Archive,
        });
        let acts = status.into_iter().chain(assignee.map(GroupAct::Assign));
        self.act_on_group(id, who, acts.collect()).await
    }
}

async fn decide(
    tx: &mut SqliteConnection,
    row: &mut StoredGroup,
    act: GroupAct,
    (who, now): (&str, Timestamp),
) -> Result<GroupLogEntry, ActError> {
    let (kind, words) = match act {
        GroupAct::Assign(to) => {
            let to = to.map(|to| name("assignee", &to)).transpose()?;
            let words = match &to {
                Some(to) => format!("assigned to {to}"),
                None => "assigned to nobody".to_owned(),
            };
            row.group.assignee = to;
            return Ok(GroupLogEntry::new(now, GroupEvent::Assigned, words));
        }
        GroupAct::Note(note) => {
            let note = text("note", &note, 10_000)?;
            return Ok(GroupLogEntry::new(now, GroupEvent::Note, note));
        }
        GroupAct::Open => {
            row.reopen();
            (GroupEvent::Reopened, "reopened".to_owned())
        }
        GroupAct::Archive => {
            row.reopen();
            row.group.status = GroupStatus::Archived;
            (
                GroupEvent::Archived,
                "archived until it escalates".to_owned(),
            )
        }
        GroupAct::Ignore(until) => {
            check_ignored(until, now)?;
            row.reopen();
            row.group.status = GroupStatus::Ignored;
            row.group.triage.ignored = Some(until);
            (GroupEvent::Ignored, until.in_words())
        }
        GroupAct::Resolve(how) => {
            let resolution = resolution(tx, &row.group.service, how).await?;
            row.reopen();
            row.group.status = GroupStatus::Resolved;
            let words = resolution.in_words();
            row.group.triage.resolution = Some(resolution);
            (GroupEvent::Resolved, words)
        }
        GroupAct::Merge(_) | GroupAct::Split(_) => {
            return Err(ActError::Refused("a merge is no decision".to_owned()));
        }
    };
    row.resolved_at = (row.group.status == GroupStatus::Resolved).then_some(now);
    row.group.triage.decided_at = Some(now);
    row.group.triage.decided_by = Some(who.to_owned());
    row.group.triage.escalated_at = None;
    Ok(GroupLogEntry::new(now, kind, words))
}

fn check_ignored(until: IgnoredUntil, now: Timestamp) -> Result<(), ActError> {
    if until.until.is_some_and(|until| until <= now) {
        return Err(invalid("until", "is over already"));
    }
    if until.count == Some(0) || until.users == Some(0) {
        return Err(invalid("ignored", "count and users are at least 1"));
    }
    if until.users.is_some_and(|users| users > 10_000) {
        return Err(invalid("users", "is more than 10000"));
    }
    Ok(())
}

async fn resolution(
    tx: &mut SqliteConnection,
    service: &str,
    how: ResolveIn,
) -> Result<Resolution, ActError> {
    Ok(match how {
        ResolveIn::Now => Resolution::Now,
        ResolveIn::Release(release) => Resolution::Release {
            release: name("release", &release)?,
        },
        ResolveIn::NextRelease => {
            let order = releases::order(tx, service).await.map_err(unwritten)?;
            Resolution::NextRelease {
                after: order.newest().map(str::to_owned),
            }
        }
    })
}

async fn merge(
    tx: &mut SqliteConnection,
    into: &StoredGroup,
    others: &[String],
) -> Result<GroupLogEntry, ActError> {
    check_many(others)?;
    let merges = Merges::read(&mut *tx).await.map_err(unwritten)?;
    for id in others {
        let head = merges.head(id);
        let found = store::by_id(&mut *tx, head).await.map_err(unwritten)?;
        let mut other = found.ok_or_else(|| not_found("exception group", id))?;
        if other.group.id == into.group.id {
            return refused(&format!("{id} is of this group already"));
        }
        if other.group.service != into.group.service {
            return refused(&format!("{id} is of another service"));
        }
        other.merged_into = Some(into.group.id.clone());
        store::save(&mut *tx, &other).await.map_err(unwritten)?;
    }
    let words = format!("merged {} into this one", others.join(", "));
    Ok(GroupLogEntry::new(
        into.group.last_seen,
        GroupEvent::Merged,
        words,
    ))
}

async fn split(
    tx: &mut SqliteConnection,
    from: &StoredGroup,
    others: &[String],
    (who, now): (&str, Timestamp),
) -> Result<GroupLogEntry, ActError> {
    check_many(others)?;
    let merges = Merges::read(&mut *tx).await.map_err(unwritten)?;
    for id in others {
        let found = store::by_id(&mut *tx, id).await.map_err(unwritten)?;
        let mut other = found.ok_or_else(|| not_found("exception group", id))?;
        if other.merged_into.is_none() || merges.head(id) != from.group.id {
            return refused(&format!("{id} was not merged into this group"));
        }
        other.merged_into = None;
        store::save(&mut *tx, &other).await.map_err(unwritten)?;
        let entry = GroupLogEntry {
            who: Some(who.to_owned()),
            ..GroupLogEntry::new(
                now,
                GroupEvent::Split,
                format!("split from {}", from.group.id),
            )
        };
        log::tell(&mut *tx, id, &entry).await.map_err(unwritten)?;
    }
    let words = format!("split {} off", others.join(", "));
    Ok(GroupLogEntry::new(now, GroupEvent::Split, words))
}

fn check_many(others: &[String]) -> Result<(), ActError> {
    match others.len() {
        0 => Err(invalid("groups", "name at least one")),
        many if many > MOST_MERGED => refused(&format!("more than {MOST_MERGED} groups at once")),
        _ => Ok(()),
    }
}

fn refused<T>(why: &str) -> Result<T, ActError> {
    Err(ActError::Refused(why.to_owned()))
}
