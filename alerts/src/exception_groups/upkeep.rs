//! What becomes of groups as time goes on: ignored ones are heard of again, archived ones escalate,
//! what nobody touched is forgotten, and what changed is counted.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use watchfire_schemas::Timestamp;

use super::escalation::{HOURS, hourly_limit};
use super::log::{self, GroupEvent, GroupLogEntry};
use super::{StoredGroup, store, view::Merges};
use crate::{Alerts, ExceptionGroup, GroupStatus, SignalError, StoreError};

/// How often all that is looked at.
const UPKEEP: Duration = Duration::from_secs(30);
/// A group that nobody touched is kept so long after it was last seen.
const KEPT: Duration = Duration::from_hours(90 * 24);
const HOUR: Duration = Duration::from_hours(1);

impl Alerts {
    /// Looks after groups until cancelled.
    pub(crate) async fn run_group_upkeep(&self, cancel: CancellationToken) {
        while cancel
            .run_until_cancelled(tokio::time::sleep(UPKEEP))
            .await
            .is_some()
        {
            if let Err(error) = self.look_after_groups().await {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "exception groups could not be looked after");
            }
        }
    }

    /// One round of it.
    pub async fn look_after_groups(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut connection = self.pool.acquire().await?;
        let merges = Merges::read(&mut connection).await?;
        let waiting = store::waiting(&mut connection).await?;
        drop(connection);
        for row in waiting {
            let group = merges.shown(row.clone());
            match self.end_of(&row, &group, now).await {
                Ok(Some(entry)) => self.hear_of_again(&row, &entry, now).await?,
                Ok(None) => {}
                Err(error) => {
                    let id = &group.id;
                    self.meters.signal_failures.inc();
                    tracing::warn!(group = %id, %error, "how often {id} happened could not be read");
                }
            }
        }
        self.count_group_changes().await;
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let forgotten = store::forget_before(&mut tx, now - KEPT).await?;
        tx.commit().await?;
        if forgotten > 0 {
            tracing::info!(
                forgotten,
                "exception groups not seen for long are forgotten"
            );
        }
        Ok(())
    }

    /// What ends the status of an ignored or archived group, if anything does by now.
    async fn end_of(
        &self,
        row: &StoredGroup,
        group: &ExceptionGroup,
        now: Timestamp,
    ) -> Result<Option<GroupLogEntry>, SignalError> {
        if row.group.status == GroupStatus::Archived {
            return self.outgrown(group, now).await;
        }
        let triage = &row.group.triage;
        let (Some(ignored), Some(since)) = (triage.ignored, triage.decided_at) else {
            return Ok(None);
        };
        if ignored.until.is_some_and(|until| until <= now) {
            let over = "the time for which it was ignored is over";
            return Ok(Some(GroupLogEntry::new(now, GroupEvent::Unignored, over)));
        }
        let Some(most) = ignored.count.filter(|_| group.last_seen > since) else {
            return Ok(None);
        };
        let length = now.since(since).max(Duration::from_secs(1));
        let count = self.occurrences(group, since, length, 1).await?;
        let count: f64 = count.into_iter().sum();
        let words = format!("happened {count} times since it was ignored until {most} more");
        Ok((count >= most as f64).then(|| GroupLogEntry::new(now, GroupEvent::Escalating, words)))
    }

    async fn outgrown(
        &self,
        group: &ExceptionGroup,
        now: Timestamp,
    ) -> Result<Option<GroupLogEntry>, SignalError> {
        if group.last_seen + HOUR < now {
            return Ok(None);
        }
        let start = now - HOUR * (HOURS as u32 + 1);
        let hours = self.occurrences(group, start, HOUR, HOURS + 1).await?;
        let Some((lately, week)) = hours.split_last() else {
            return Ok(None);
        };
        let is_week_old = group.first_seen <= start + HOUR;
        let known = now.since(group.first_seen).as_secs() / HOUR.as_secs();
        let known = usize::try_from(known).unwrap_or(HOURS).clamp(1, HOURS);
        let limit = hourly_limit(&week[week.len().saturating_sub(known)..], is_week_old);
        let words =
            format!("{lately} times within an hour, where up to {limit:.0} were to be expected");
        Ok((*lately > limit).then(|| GroupLogEntry::new(now, GroupEvent::Escalating, words)))
    }

    /// How often a group happened in each of some bins, over all that belongs to it.
    async fn occurrences(
        &self,
        group: &ExceptionGroup,
        start: Timestamp,
        bin: Duration,
        bins: usize,
    ) -> Result<Vec<f64>, SignalError> {
        self.signals
            .increments(&group.selector(), start, bin, bins)
            .await
    }

    async fn hear_of_again(
        &self,
        seen: &StoredGroup,
        entry: &GroupLogEntry,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let found = store::by_id(&mut tx, &seen.group.id).await?;
        // Somebody may have decided otherwise meanwhile.
        let Some(mut row) = found.filter(|row| {
            row.group.status == seen.group.status
                && row.group.triage.decided_at == seen.group.triage.decided_at
        }) else {
            return Ok(());
        };
        match entry.kind {
            GroupEvent::Escalating => row.escalate(now),
            _ => row.reopen(),
        }
        store::save(&mut tx, &row).await?;
        log::tell(&mut tx, &row.group.id, entry).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Writes what is new, back or escalating as a series that rules can ask for. What cannot be
    /// written now is written in a later round; after a crash it may be counted once more.
    pub(crate) async fn count_group_changes(&self) {
        loop {
            let untold = match log::untold(&self.pool).await {
                Ok(Some(untold)) => untold,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "changes of exception groups could not be read");
                    return;
                }
            };
            let (last, series) = untold;
            if let Err(error) = self.samples.write(series).await {
                tracing::debug!(%error, "changes of exception groups are counted later");
                return;
            }
            if let Err(error) = log::told(&self.pool, last).await {
                tracing::warn!(%error, "changes of exception groups may be counted again");
                return;
            }
        }
    }
}
