//! The order of a service's releases, and in which of them a group was seen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sqlx::{Row, SqliteConnection};
use watchfire_schemas::{ExceptionSeen, Timestamp};

use crate::incident::store::time;

/// A release in which a group was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRelease {
    pub release: String,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
}

/// Which release of a service came after which: by their numbers where both are versions, else by
/// when they were first heard of.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReleaseOrder(BTreeMap<String, Timestamp>);

impl ReleaseOrder {
    #[cfg(test)]
    pub(super) const fn new(known: BTreeMap<String, Timestamp>) -> Self {
        Self(known)
    }

    pub(super) fn is_newer(&self, release: &str, than: &str) -> bool {
        if release == than {
            return false;
        }
        match (version(release), version(than)) {
            (Some(one), Some(other)) => one > other,
            _ => match (self.0.get(release), self.0.get(than)) {
                (Some(one), Some(other)) => one > other,
                _ => false,
            },
        }
    }

    /// The one that no other is newer than.
    pub(super) fn newest(&self) -> Option<&str> {
        let mut newest: Option<&str> = None;
        for release in self.0.keys() {
            if newest.is_none_or(|newest| self.is_newer(release, newest)) {
                newest = Some(release);
            }
        }
        newest
    }
}

/// `v2.10.1-rc.1` as numbers, with whether it is whole: a release candidate comes before it.
fn version(release: &str) -> Option<(Vec<u64>, bool, &str)> {
    let text = release.rsplit('@').next().unwrap_or_default();
    let text = text.strip_prefix('v').unwrap_or(text);
    let text = text.split('+').next().unwrap_or_default();
    let (numbers, candidate) = match text.split_once('-') {
        Some((numbers, candidate)) => (numbers, Some(candidate)),
        None => (text, None),
    };
    let numbers: Option<Vec<u64>> = numbers.split('.').map(|n| n.parse().ok()).collect();
    let numbers = numbers.filter(|numbers| numbers.len() >= 2)?;
    Some((numbers, candidate.is_none(), candidate.unwrap_or_default()))
}

pub(super) async fn order(
    connection: &mut SqliteConnection,
    service: &str,
) -> Result<ReleaseOrder, sqlx::Error> {
    let rows = sqlx::query("SELECT release, first_seen FROM service_releases WHERE service = $1")
        .bind(service)
        .fetch_all(connection)
        .await?;
    let known = rows.iter().map(|row| {
        let at = time(row, "first_seen")?.unwrap_or_default();
        Ok((row.try_get("release")?, at))
    });
    Ok(ReleaseOrder(known.collect::<Result<_, sqlx::Error>>()?))
}

/// Notes that a service has a release since a time. The earliest time stands.
pub(crate) async fn note_release(
    connection: &mut SqliteConnection,
    service: &str,
    release: &str,
    at: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO service_releases (service, release, first_seen) VALUES ($1, $2, $3) \
         ON CONFLICT (service, release) DO UPDATE SET first_seen = excluded.first_seen \
         WHERE excluded.first_seen < first_seen",
    )
    .bind(service)
    .bind(release)
    .bind(at.nanos())
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes the releases of a batch, of each group once.
pub(super) async fn note(
    connection: &mut SqliteConnection,
    seen: &[ExceptionSeen],
) -> Result<(), sqlx::Error> {
    let mut ends: BTreeMap<(&str, &str, &str), (Timestamp, Timestamp)> = BTreeMap::new();
    for one in seen {
        if let Some(release) = one.release.as_deref().filter(|release| !release.is_empty()) {
            let ends = ends
                .entry((&one.service, &one.group, release))
                .or_insert((one.at, one.at));
            *ends = (ends.0.min(one.at), ends.1.max(one.at));
        }
    }
    for ((service, group, release), (first, last)) in ends {
        note_release(&mut *connection, service, release, first).await?;
        sqlx::query(
            "INSERT INTO exception_releases (fingerprint, release, first_seen, last_seen) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (fingerprint, release) DO UPDATE SET \
             first_seen = MIN(first_seen, excluded.first_seen), \
             last_seen = MAX(last_seen, excluded.last_seen)",
        )
        .bind(group)
        .bind(release)
        .bind(first.nanos())
        .bind(last.nanos())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// The releases of several fingerprints together, the one seen last first.
pub(super) async fn of(
    connection: &mut SqliteConnection,
    fingerprints: impl IntoIterator<Item = &str>,
) -> Result<Vec<GroupRelease>, sqlx::Error> {
    let mut found: BTreeMap<String, GroupRelease> = BTreeMap::new();
    for fingerprint in fingerprints {
        let rows = sqlx::query("SELECT * FROM exception_releases WHERE fingerprint = $1")
            .bind(fingerprint)
            .fetch_all(&mut *connection)
            .await?;
        for row in &rows {
            let one = GroupRelease {
                release: row.try_get("release")?,
                first_seen: time(row, "first_seen")?.unwrap_or_default(),
                last_seen: time(row, "last_seen")?.unwrap_or_default(),
            };
            let known = found
                .entry(one.release.clone())
                .or_insert_with(|| one.clone());
            known.first_seen = known.first_seen.min(one.first_seen);
            known.last_seen = known.last_seen.max(one.last_seen);
        }
    }
    let mut releases: Vec<GroupRelease> = found.into_values().collect();
    releases.sort_by_key(|one| std::cmp::Reverse((one.last_seen, one.first_seen)));
    Ok(releases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_go_by_their_numbers_and_others_by_time() {
        let at = Timestamp::from_secs;
        let known = [
            ("2.9.0", 9),
            ("2.10.0", 5),
            ("2.10.0-rc.1", 8),
            ("abc", 1),
            ("def", 2),
        ];
        let order = ReleaseOrder(
            known
                .map(|(r, t)| (r.to_owned(), at(t)))
                .into_iter()
                .collect(),
        );
        for (newer, older) in [
            ("2.10.0", "2.9.0"),
            ("v2.10.0", "shop@2.9.9"),
            ("2.10.0", "2.10.0-rc.1"),
            ("2.10.0-rc.1", "2.9.0"),
            ("def", "abc"),
        ] {
            assert!(order.is_newer(newer, older), "{newer} {older}");
            assert!(!order.is_newer(older, newer), "{older} {newer}");
        }
        assert!(!order.is_newer("unknown", "abc"));
        let numbered = [("2.9.0", 9), ("2.10.0", 5)].map(|(r, t)| (r.to_owned(), at(t)));
        let numbered = ReleaseOrder(numbered.into_iter().collect());
        assert_eq!(numbered.newest(), Some("2.10.0"));
        assert_eq!(ReleaseOrder::default().newest(), None);
    }
}
