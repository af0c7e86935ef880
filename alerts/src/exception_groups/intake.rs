//! Occurrences told at intake, taken into the rows of their fingerprints.

use std::collections::{BTreeMap, btree_map::Entry};

use sqlx::SqliteConnection;
use watchfire_schemas::ExceptionSeen;

use super::log::{self, GroupEvent, GroupLogEntry};
use super::releases::{self, ReleaseOrder};
use super::{StoredGroup, store, view::Merges};
use crate::{Alerts, GroupStatus, StoreError};

impl Alerts {
    /// Takes occurrences told at intake; makes and updates groups. Idempotent for a replay.
    pub async fn exceptions_seen(&self, seen: Vec<ExceptionSeen>) -> Result<(), StoreError> {
        if seen.is_empty() {
            return Ok(());
        }
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        Taking::of(&mut tx, &seen).await?;
        tx.commit().await?;
        self.count_group_changes().await;
        Ok(())
    }
}

/// The rows that a batch is about, as they were and as they become.
struct Taking {
    before: BTreeMap<String, StoredGroup>,
    rows: BTreeMap<String, StoredGroup>,
    orders: BTreeMap<String, ReleaseOrder>,
    merges: Merges,
    told: Vec<(String, GroupLogEntry)>,
}

impl Taking {
    async fn of(tx: &mut SqliteConnection, seen: &[ExceptionSeen]) -> Result<(), sqlx::Error> {
        releases::note(&mut *tx, seen).await?;
        let mut taking = Self {
            before: BTreeMap::new(),
            rows: BTreeMap::new(),
            orders: BTreeMap::new(),
            merges: Merges::read(&mut *tx).await?,
            told: Vec::new(),
        };
        for one in seen {
            taking.take(&mut *tx, one).await?;
        }
        for (id, row) in &taking.rows {
            if taking.before.get(id) != Some(row) {
                store::save(&mut *tx, row).await?;
            }
        }
        for (id, entry) in &taking.told {
            log::tell(&mut *tx, id, entry).await?;
        }
        Ok(())
    }

    async fn take(
        &mut self,
        tx: &mut SqliteConnection,
        seen: &ExceptionSeen,
    ) -> Result<(), sqlx::Error> {
        if !self.know(&mut *tx, &seen.group).await? {
            let mut fresh = StoredGroup::first(seen);
            fresh.merged_into = joined(&mut *tx, seen).await?;
            let entry = match &fresh.merged_into {
                None => GroupLogEntry::new(seen.at, GroupEvent::New, "first seen"),
                Some(into) => GroupLogEntry::new(
                    seen.at,
                    GroupEvent::Merged,
                    format!("of the same calls as {into}"),
                ),
            };
            self.told.push((seen.group.clone(), entry));
            for (kind, hash) in seen.hashes.joining() {
                store::keep_hash(&mut *tx, &format!("{kind}:{hash}"), &seen.group).await?;
            }
            self.rows.insert(seen.group.clone(), fresh);
        }
        let mut head = seen.group.clone();
        if let Some(row) = self.rows.get_mut(&seen.group) {
            row.take(seen);
            if let Some(into) = &row.merged_into {
                self.merges.head(into).clone_into(&mut head);
            }
        }
        if !self.know(&mut *tx, &head).await? {
            return Ok(());
        }
        let order = match self.orders.entry(seen.service.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(releases::order(&mut *tx, &seen.service).await?),
        };
        if let Some(row) = self.rows.get_mut(&head) {
            let before = row.group.status;
            row.answer(seen, order);
            self.told
                .extend(change(before, row, seen).map(|entry| (head, entry)));
        }
        Ok(())
    }

    /// Whether there is a row; it is read once.
    async fn know(&mut self, tx: &mut SqliteConnection, id: &str) -> Result<bool, sqlx::Error> {
        if self.rows.contains_key(id) {
            return Ok(true);
        }
        let Some(row) = store::by_id(tx, id).await? else {
            return Ok(false);
        };
        self.before.insert(id.to_owned(), row.clone());
        self.rows.insert(id.to_owned(), row);
        Ok(true)
    }
}

/// The fingerprint that a new one belongs with, as one of their hashes is the same.
async fn joined(
    tx: &mut SqliteConnection,
    seen: &ExceptionSeen,
) -> Result<Option<String>, sqlx::Error> {
    for (kind, hash) in seen.hashes.joining() {
        if let Some(known) = store::by_hash(&mut *tx, &format!("{kind}:{hash}")).await? {
            return Ok(Some(known).filter(|known| *known != seen.group));
        }
    }
    Ok(None)
}

/// What an occurrence changed, in words.
fn change(before: GroupStatus, row: &StoredGroup, seen: &ExceptionSeen) -> Option<GroupLogEntry> {
    if before == row.group.status {
        return None;
    }
    let of_release = seen
        .release
        .as_ref()
        .map(|release| format!(" in {release}"));
    let of_release = of_release.unwrap_or_default();
    Some(match before {
        GroupStatus::Resolved => GroupLogEntry::new(
            seen.at,
            GroupEvent::Regressed,
            format!("back{of_release} after it was resolved"),
        ),
        _ => GroupLogEntry::new(
            seen.at,
            GroupEvent::Escalating,
            "as many users as it was ignored for are affected",
        ),
    })
}
