use std::time::Duration;

use watchfire_schemas::Timestamp;

use crate::feed::record::{PlaceKind, Record};
use crate::feed::{Entries, Entry, atlas, points};

/// How often an editor at the source changes a record.
const REVISION_EVERY: Duration = Duration::from_secs(5);

/// When the source began: 1 November 2026.
const BEGAN: Timestamp = Timestamp::from_secs(1_793_491_200);
/// Older revisions are folded into what a first reader gets.
const REVISIONS_KEPT: u64 = 200;

/// The records of the source, as they were when it began, parents before children.
#[derive(Debug)]
pub(crate) struct Source {
    records: Vec<Record>,
}

impl Source {
    pub(crate) fn new() -> Self {
        let places = atlas::places(BEGAN);
        let points = points::points(&places, BEGAN);
        let places = places.into_iter().map(Record::Place);
        Self {
            records: places
                .chain(points.into_iter().map(Record::PointOfInterest))
                .collect(),
        }
    }

    /// The ids of all places but the few that are above cities, most of which nobody looks up.
    pub(crate) fn places(&self) -> impl Iterator<Item = &str> {
        self.records.iter().filter_map(|record| match record {
            Record::Place(place)
                if !matches!(place.kind, PlaceKind::World | PlaceKind::Continent) =>
            {
                Some(&*place.id)
            }
            _ => None,
        })
    }

    pub(crate) fn points(&self) -> impl Iterator<Item = &str> {
        self.records.iter().filter_map(|record| match record {
            Record::PointOfInterest(point) => Some(&*point.id),
            Record::Place(_) => None,
        })
    }

    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// The first `limit` entries after a cursor, of those that exist at `now`: each record once,
    /// then their revisions.
    pub(crate) fn entries(&self, after: u64, limit: usize, now: Timestamp) -> Entries {
        let first = self.records.len() as u64;
        let latest = first + revisions(now);
        let kept_from = latest.saturating_sub(REVISIONS_KEPT).max(first) + 1;
        let base = (after.saturating_add(1)..=first).map(|cursor| (cursor, None));
        let revisions = (kept_from.max(after.saturating_add(1))..=latest)
            .map(|cursor| (cursor, Some(cursor - first)));
        let entries = base
            .chain(revisions)
            .take(limit)
            .map(|(cursor, revision)| Entry {
                cursor,
                record: match revision {
                    None => self.records[(cursor - 1) as usize].clone(),
                    Some(revision) => self.revised(revision),
                },
            });
        Entries {
            entries: entries.collect(),
            latest,
        }
    }

    /// The record that one revision changed, as it was after it.
    pub(crate) fn revised(&self, revision: u64) -> Record {
        // A prime step visits all records in an order that looks like none.
        let at = (revision % self.records.len() as u64 * 613) % self.records.len() as u64;
        let when = BEGAN + REVISION_EVERY * u32::try_from(revision).unwrap_or(u32::MAX);
        let mut record = self.records[at as usize].clone();
        match &mut record {
            Record::Place(place) => {
                place.population += (revision % 97) as i64;
                place.updated_at = when;
            }
            Record::PointOfInterest(point) => {
                point.rating = (30 + revision % 21) as f64 / 10.0;
                point.updated_at = when;
            }
        }
        record
    }
}

/// How many there were by then.
fn revisions(now: Timestamp) -> u64 {
    now.since(BEGAN).as_secs() / REVISION_EVERY.as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_every_record_once_and_then_revisions() {
        let source = Source::new();
        let now = BEGAN + REVISION_EVERY * 3;
        let (mut cursor, mut ids) = (0, Vec::new());
        loop {
            let page = source.entries(cursor, 100, now);
            let Some(last) = page.entries.last() else {
                break;
            };
            assert!(page.entries.iter().is_sorted_by_key(|entry| entry.cursor));
            cursor = last.cursor;
            ids.extend(
                page.entries
                    .iter()
                    .map(|entry| entry.record.id().to_owned()),
            );
        }
        let records = source.records.len();
        assert_eq!(ids.len(), records + 3);
        assert_eq!(
            source
                .entries(cursor, 100, now + REVISION_EVERY)
                .entries
                .len(),
            1
        );
    }

    #[test]
    fn a_reader_who_was_away_for_long_gets_what_is_kept() {
        let source = Source::new();
        let now = BEGAN + REVISION_EVERY * 100_000;
        let read = source.entries(source.records.len() as u64 + 7, 500, now);
        assert_eq!(read.entries.len() as u64, REVISIONS_KEPT);
        assert_eq!(
            read.entries.last().map(|entry| entry.cursor),
            Some(read.latest)
        );
        assert!(source.entries(u64::MAX - 1, 500, now).entries.is_empty());
    }
}
