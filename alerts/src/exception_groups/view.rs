//! Groups as they are shown: a row with those that were merged into it.

use std::collections::BTreeMap;

use sqlx::{SqliteConnection, SqlitePool};
use watchfire_schemas::Timestamp;

use super::{GroupLogEntry, GroupRelease, MAX_RELEASES, StoredGroup, log, releases, store};
use crate::{Alerts, ExceptionGroup, GroupStatus, StoreError};

/// How many merges are followed from one row; a longer chain is cut.
const DEEPEST: usize = 32;

/// Which rows were merged into which.
#[derive(Debug, Default)]
pub(super) struct Merges {
    rows: Vec<StoredGroup>,
}

impl Merges {
    pub(super) async fn read(connection: &mut SqliteConnection) -> Result<Self, sqlx::Error> {
        let rows = store::merged(connection).await?;
        Ok(Self { rows })
    }

    /// The fingerprint that a group goes by.
    pub(super) fn head<'a>(&'a self, id: &'a str) -> &'a str {
        let into: BTreeMap<&str, &str> = self
            .rows
            .iter()
            .filter_map(|row| Some((row.group.id.as_str(), row.merged_into.as_deref()?)))
            .collect();
        let mut head = id;
        for _ in 0..DEEPEST {
            match into.get(head) {
                Some(next) => head = next,
                None => break,
            }
        }
        head
    }

    /// The row with all that belongs to it.
    pub(super) fn shown(&self, row: StoredGroup) -> ExceptionGroup {
        let mut group = row.group;
        for row in self
            .rows
            .iter()
            .filter(|row| self.head(&row.group.id) == group.id)
        {
            let other = &row.group;
            if other.first_seen < group.first_seen {
                group.first_seen = other.first_seen;
                group
                    .triage
                    .first_release
                    .clone_from(&other.triage.first_release);
            }
            if other.last_seen > group.last_seen {
                group.last_seen = other.last_seen;
                group.message.clone_from(&other.message);
                group.last_trace = other.last_trace.or(group.last_trace);
                group
                    .triage
                    .last_release
                    .clone_from(&other.triage.last_release);
            }
            for release in &other.releases {
                if !group.releases.contains(release) && group.releases.len() < MAX_RELEASES {
                    group.releases.push(release.clone());
                }
            }
            group.triage.members.push(other.id.clone());
        }
        group
    }
}

/// Last seen first.
pub(crate) async fn list(
    pool: &SqlitePool,
    service: Option<&str>,
    status: Option<GroupStatus>,
    since: Timestamp,
    limit: usize,
) -> Result<Vec<ExceptionGroup>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut rows = store::heads(&mut connection, service, status, since, limit).await?;
    let merges = Merges::read(&mut connection).await?;
    // One may be silent while what was merged into it is not.
    let fresh = merges
        .rows
        .iter()
        .filter(|row| row.group.last_seen >= since);
    let mut heads: Vec<&str> = fresh.map(|row| merges.head(&row.group.id)).collect();
    heads.sort_unstable();
    heads.dedup();
    heads.retain(|head| rows.iter().all(|row| row.group.id != *head));
    for head in heads {
        let found = store::by_id(&mut connection, head).await?;
        rows.extend(found.filter(|row| {
            service.is_none_or(|service| row.group.service == service)
                && status.is_none_or(|status| row.group.status == status)
        }));
    }
    let mut groups: Vec<ExceptionGroup> = rows.into_iter().map(|row| merges.shown(row)).collect();
    groups.sort_by(|a, b| b.last_seen.cmp(&a.last_seen).then_with(|| a.id.cmp(&b.id)));
    groups.truncate(limit);
    Ok(groups)
}

/// The group that a fingerprint is of.
pub(super) async fn one(
    connection: &mut SqliteConnection,
    id: &str,
) -> Result<Option<ExceptionGroup>, sqlx::Error> {
    let merges = Merges::read(&mut *connection).await?;
    let row = store::by_id(connection, merges.head(id)).await?;
    Ok(row.map(|row| merges.shown(row)))
}

impl Alerts {
    /// Last seen first. What was merged into another group is part of that one.
    pub async fn exception_groups(
        &self,
        service: Option<&str>,
        status: Option<GroupStatus>,
        limit: usize,
    ) -> Result<Vec<ExceptionGroup>, StoreError> {
        Ok(list(&self.pool, service, status, Timestamp::MIN, limit).await?)
    }

    /// The group of a fingerprint: its own, or the one that it was merged into.
    pub async fn exception_group(&self, id: &str) -> Result<Option<ExceptionGroup>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        Ok(one(&mut connection, id).await?)
    }

    /// What became of a group, newest first.
    pub async fn exception_group_log(
        &self,
        id: &str,
        limit: usize,
    ) -> Result<Vec<GroupLogEntry>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        Ok(log::of(&mut connection, id, limit).await?)
    }

    /// All releases in which a group was seen, the one seen last first.
    pub async fn exception_group_releases(
        &self,
        group: &ExceptionGroup,
    ) -> Result<Vec<GroupRelease>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        Ok(releases::of(&mut connection, group.fingerprints()).await?)
    }
}
