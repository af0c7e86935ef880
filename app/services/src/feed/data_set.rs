use std::time::Duration;

use serde_json::Value;
use watchfire_schemas::Timestamp;

use crate::feed::atlas::pick;
use crate::feed::record::{Fields, Record};
use crate::feed::{Entries, Entry};

/// When the source began: 1 November 2026.
pub(crate) const BEGAN: Timestamp = Timestamp::from_secs(1_793_491_200);

/// One feed: its records as they were when the source began, and how editors change them since.
/// Revisions visit all records in turn, and each entry is a whole record: an entry that a newer one
/// has overtaken is not kept, so that a reader from the start gets each record once, as it is.
#[derive(Debug)]
pub(crate) struct DataSet {
    pub(crate) name: &'static str,
    /// How often an editor changes a record.
    every: Duration,
    /// Whether records go out of season, and come back.
    has_seasons: bool,
    records: Vec<Record>,
    /// By record, its first revision.
    first: Vec<u64>,
}

impl DataSet {
    /// A prime step visits all records in an order that looks like none.
    const STEP: u64 = 613;
    /// One record in so many has a season.
    const SEASONAL: usize = 16;

    /// # Panics
    /// If the number of records is a multiple of [`Self::STEP`], or zero.
    pub(crate) fn new(
        name: &'static str,
        every: Duration,
        has_seasons: bool,
        records: Vec<Record>,
    ) -> Self {
        let count = records.len() as u64;
        assert!(
            !count.is_multiple_of(Self::STEP),
            "every record of {name} is visited"
        );
        let mut first = vec![0; records.len()];
        for revision in 1..=count {
            first[visited(revision, count)] = revision;
        }
        Self {
            name,
            every,
            has_seasons,
            records,
            first,
        }
    }

    /// The first `limit` entries after a cursor, of those that exist at `now` and are not overtaken.
    pub(crate) fn entries(&self, after: u64, limit: usize, now: Timestamp) -> Entries {
        let (count, revisions) = (self.records.len() as u64, self.revisions(now));
        let latest = count + revisions;
        let next = after.saturating_add(1);
        // Once each record has had a revision, its creation and all but its last are overtaken.
        let oldest = revisions.checked_sub(count).map_or(1, |_| revisions + 1);
        let first_kept = next.max(oldest);
        let is_kept =
            |cursor: &u64| *cursor > count || self.first[(*cursor - 1) as usize] > revisions;
        let cursors = (first_kept..=latest).filter(is_kept).take(limit);
        let entries = cursors.map(|cursor| match cursor.checked_sub(count) {
            None | Some(0) => self.entry(cursor, (cursor - 1) as usize, 0),
            Some(revision) => self.entry(cursor, visited(revision, count), revision),
        });
        Entries {
            entries: entries.collect(),
            latest,
        }
    }

    /// The records that there are at `now`, as they were when the source began.
    pub(crate) fn present(&self, now: Timestamp) -> impl Iterator<Item = &Record> {
        let (count, revisions) = (self.records.len() as u64, self.revisions(now));
        let indexed = self.records.iter().zip(&self.first);
        let there = indexed.filter(move |(record, first)| {
            let last = match revisions.checked_sub(**first) {
                None => 0,
                Some(since) => **first + since / count * count,
            };
            !self.is_gone(&record.id, last)
        });
        there.map(|(record, _)| record)
    }

    /// The records that are there at any time.
    pub(crate) fn lasting(&self) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(|record| !self.is_seasonal(&record.id))
    }

    fn entry(&self, cursor: u64, at: usize, revision: u64) -> Entry {
        let record = &self.records[at];
        let fields = (!self.is_gone(&record.id, revision)).then(|| {
            let mut fields = record.fields.clone();
            if revision > 0 {
                let times = u32::try_from(revision).unwrap_or(u32::MAX);
                revise(&mut fields, revision, BEGAN + self.every * times);
            }
            fields
        });
        Entry {
            cursor,
            id: record.id.clone(),
            record: fields,
        }
    }

    fn is_seasonal(&self, id: &str) -> bool {
        self.has_seasons && pick(&format!("{id} season"), Self::SEASONAL) == 0
    }

    /// Whether a revision took the record away; every other one of it does.
    fn is_gone(&self, id: &str, revision: u64) -> bool {
        revision > 0
            && self.is_seasonal(id)
            && (revision / self.records.len() as u64 + pick(id, 2) as u64).is_multiple_of(2)
    }

    /// How many there were by then.
    fn revisions(&self, now: Timestamp) -> u64 {
        now.since(BEGAN).as_secs() / self.every.as_secs()
    }
}

/// Which record a revision is of.
fn visited(revision: u64, count: u64) -> usize {
    (revision % count * DataSet::STEP % count) as usize
}

/// What an editor changes: the figures that move, and when it was.
fn revise(fields: &mut Fields, revision: u64, when: Timestamp) {
    for (name, value) in fields.iter_mut() {
        match name.as_str() {
            "population" => *value = (value.as_i64().unwrap_or(0) + (revision % 97) as i64).into(),
            "rating" => *value = ((30 + revision % 21) as f64 / 10.0).into(),
            "price" | "price_per_night" => {
                let price = value.as_f64().unwrap_or(0.0) * (95 + revision % 11) as f64 / 100.0;
                *value = (price.round()).into();
            }
            "updated_at" => *value = Value::String(when.to_string()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::json;

    use super::*;

    const EVERY: Duration = Duration::from_secs(5);

    fn data_set() -> DataSet {
        let records = (0..100).map(|n| {
            Record::new(
                &format!("thing-{n}"),
                json!({ "name": n.to_string(), "updated_at": BEGAN }),
            )
        });
        DataSet::new("things", EVERY, true, records.collect())
    }

    /// Reads on from `cursor` in pages of `limit`; what a reader's table then holds.
    fn read(set: &DataSet, table: &mut BTreeMap<String, Fields>, cursor: &mut u64, at: Timestamp) {
        loop {
            let page = set.entries(*cursor, 7, at);
            let Some(last) = page.entries.last() else {
                break;
            };
            assert!(page.entries.iter().is_sorted_by_key(|entry| entry.cursor));
            *cursor = last.cursor;
            for entry in page.entries {
                match entry.record {
                    Some(fields) => table.insert(entry.id, fields),
                    None => table.remove(&entry.id),
                };
            }
        }
        assert_eq!(*cursor, set.entries(*cursor, 1, at).latest);
    }

    #[test]
    fn whoever_reads_and_whenever_gets_to_the_same_table() {
        let set = data_set();
        let (mut table, mut cursor) = (BTreeMap::new(), 0);
        let mut were_gone = BTreeSet::new();
        for revisions in [0, 3, 99, 100, 101, 250, 1_033] {
            let at = BEGAN + EVERY * revisions;
            read(&set, &mut table, &mut cursor, at);
            let (mut fresh, mut from_start) = (BTreeMap::new(), 0);
            read(&set, &mut fresh, &mut from_start, at);
            assert_eq!(table, fresh, "after {revisions} revisions");
            let present: BTreeSet<&str> = set.present(at).map(|record| &*record.id).collect();
            let held: BTreeSet<&str> = table.keys().map(String::as_str).collect();
            assert_eq!(held, present);
            assert!(
                set.lasting()
                    .all(|record| present.contains(record.id.as_str()))
            );
            were_gone.extend(
                set.records
                    .iter()
                    .map(|record| record.id.clone())
                    .filter(|id| !table.contains_key(id)),
            );
        }
        assert!(!were_gone.is_empty(), "some records have a season");
    }

    #[test]
    fn a_reader_gets_no_more_than_each_record_once() {
        let set = data_set();
        let at = BEGAN + EVERY * 100_000;
        assert_eq!(set.entries(0, 500, at).entries.len(), 100);
        assert_eq!(set.entries(100_090, 500, at).entries.len(), 10);
        assert!(set.entries(u64::MAX - 1, 500, at).entries.is_empty());
        assert!(set.entries(u64::MAX, 500, at).entries.is_empty());
    }
}
