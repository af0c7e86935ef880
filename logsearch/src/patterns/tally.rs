//! Counts of the records of one range of time, by pattern.

use std::io;

use rustc_hash::FxHashMap;
use watchfire_schemas::{TimeRange, Timestamp};

use crate::engine::Snapshot;
use crate::fields::{Dataset as _, find};
use crate::filter::{Filter, matches};
use crate::log_cells::slot;
use crate::logs::Logs;
use crate::row::{Cell, Row};
use crate::split::Split;
use crate::spread::spread;
use crate::watch::Watch;

/// What is counted of one pattern.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) trend: Vec<u64>,
    pub(super) first: i64,
    pub(super) last: i64,
    /// The gravest, as an index into the ranges of severity.
    pub(super) severity: usize,
    pub(super) services: FxHashMap<String, u64>,
}

/// What is counted of all.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    pub(super) by_pattern: FxHashMap<String, Tally>,
    pub(super) records: u64,
    pub(super) unpatterned: u64,
    /// Whether there was time to see all of them.
    pub(super) complete: bool,
}

/// Steps over a range of time.
#[derive(Debug, Clone, Copy)]
struct Steps {
    start: i64,
    step: u64,
    count: usize,
}

/// Counts the records of the range that the filter means, the newest first.
pub(super) fn tally(
    snapshot: &Snapshot<Logs>,
    filter: &Filter,
    range: TimeRange,
    buckets: usize,
    watch: &Watch,
) -> io::Result<Tallies> {
    let mut tallies = Tallies::default();
    let steps = Steps::over(range, buckets);
    let matcher = matches(filter);
    for batch in &snapshot.tail {
        if watch.is_over() {
            return Ok(tallies);
        }
        let rows = batch.rows.iter().filter(|row| {
            range.contains(Timestamp::from_nanos(row.position().time))
                && matcher.accepts::<Logs>(*row)
        });
        for row in rows {
            tallies.add(row, steps);
        }
    }
    let mut splits: Vec<_> = snapshot.splits.iter().collect();
    splits.sort_by_key(|split| std::cmp::Reverse(split.meta.max_time));
    let found = spread(splits.len(), watch, |index, watch| {
        let split = splits[index];
        if watch.is_over() {
            return Ok(OfSplit::default());
        }
        if !split.overlaps(range) || !split.could_match(filter)? {
            return Ok(OfSplit {
                complete: true,
                ..OfSplit::default()
            });
        }
        tally_split(split, filter, range, steps, watch)
    })?;
    tallies.complete = found.iter().all(|found| found.complete);
    for found in found {
        tallies.add_split(found);
    }
    Ok(tallies)
}

impl Tallies {
    fn add(&mut self, row: Row<'_>, steps: Steps) {
        self.records += 1;
        let Some(pattern) = row.slot(slot::PATTERN_ID).and_then(Cell::text) else {
            self.unpatterned += 1;
            return;
        };
        if !self.by_pattern.contains_key(pattern) {
            self.by_pattern
                .insert(pattern.to_owned(), Tally::empty(steps));
        }
        if let Some(tally) = self.by_pattern.get_mut(pattern) {
            tally.add(row.time(), Logs::severity(row), steps);
            let service = row.text(slot::SERVICE);
            match tally.services.get_mut(service) {
                Some(count) => *count += 1,
                None => drop(tally.services.insert(service.to_owned(), 1)),
            }
        }
    }

    fn add_split(&mut self, found: OfSplit) {
        self.records += found.records;
        self.unpatterned += found.unpatterned;
        for (pattern, tally) in found.by_pattern {
            self.merge(pattern, tally);
        }
    }

    fn merge(&mut self, pattern: String, tally: Tally) {
        match self.by_pattern.get_mut(&pattern) {
            Some(known) => known.merge(tally),
            None => drop(self.by_pattern.insert(pattern, tally)),
        }
    }
}

/// What one split tells.
#[derive(Debug, Default)]
struct OfSplit {
    by_pattern: Vec<(String, Tally)>,
    records: u64,
    unpatterned: u64,
    complete: bool,
}

/// What is counted of one pattern in a split; services by their number there.
struct InSplit {
    tally: Tally,
    services: Vec<u64>,
}

/// Counts what a split has, a block at a time.
fn tally_split(
    split: &Split<Logs>,
    filter: &Filter,
    range: TimeRange,
    steps: Steps,
    watch: &Watch,
) -> io::Result<OfSplit> {
    let mut told = OfSplit::default();
    let mut patterns = split.blocks_of(field("pattern_id"))?;
    let mut services = split.blocks_of(field("service"))?;
    let mut severities = split.blocks_of(field("severity"))?;
    let mut times = split.time_blocks()?;
    let mut found: Vec<Option<InSplit>> = Vec::new();
    found.resize_with(patterns.len(), || None);
    let documents = split.documents(range, None)?;
    let mut selection = split.select(filter, documents)?;
    told.complete = selection.each_block(watch, |docs| {
        if docs.count() == 0 {
            return Ok(());
        }
        for column in [&mut patterns, &mut services, &mut severities, &mut times] {
            column.read(docs.block())?;
        }
        told.records += docs.count();
        for doc in docs.places() {
            let pattern = patterns.get(doc);
            let Some(place) = pattern.and_then(|number| found.get_mut(number as usize)) else {
                told.unpatterned += 1;
                continue;
            };
            let found = place.get_or_insert_with(|| InSplit {
                tally: Tally::empty(steps),
                services: vec![0; services.len()],
            });
            let severity = (severities.get(doc).unwrap_or_default().max(1) - 1) / 4;
            let time = times.get(doc).unwrap_or_default();
            found.tally.add(time, severity as usize, steps);
            if let Some(service) = services.get(doc) {
                found.services[service as usize] += 1;
            }
        }
        Ok(())
    })?;
    for (number, found) in found.into_iter().enumerate() {
        let Some(mut found) = found else { continue };
        for (number, count) in found.services.into_iter().enumerate() {
            if count > 0 {
                found.tally.services.insert(services.value(number)?, count);
            }
        }
        told.by_pattern.push((patterns.value(number)?, found.tally));
    }
    Ok(told)
}

impl Tally {
    fn empty(steps: Steps) -> Self {
        Self {
            count: 0,
            trend: vec![0; steps.count],
            first: i64::MAX,
            last: i64::MIN,
            severity: 0,
            services: FxHashMap::default(),
        }
    }

    fn add(&mut self, time: i64, severity: usize, steps: Steps) {
        self.count += 1;
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        self.severity = self.severity.max(severity);
        let step = time.wrapping_sub(steps.start) as u64 / steps.step;
        if let Some(count) = self.trend.get_mut(step as usize) {
            *count += 1;
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.severity = self.severity.max(other.severity);
        for (ours, theirs) in self.trend.iter_mut().zip(other.trend) {
            *ours += theirs;
        }
        for (service, count) in other.services {
            *self.services.entry(service).or_default() += count;
        }
    }
}

impl Steps {
    fn over(range: TimeRange, count: usize) -> Self {
        let (start, end) = (range.start.nanos(), range.end.nanos());
        let length = if start < end {
            end.wrapping_sub(start) as u64
        } else {
            0
        };
        Self {
            start,
            step: length.div_ceil(count.max(1) as u64).max(1),
            count,
        }
    }
}

/// A field of the table that is there by all means.
fn field(name: &str) -> usize {
    find(Logs::fields(), name).expect("the table has the field")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_cover_the_range() {
        let range = |start, end| TimeRange {
            start: Timestamp::from_nanos(start),
            end: Timestamp::from_nanos(end),
        };
        let trend = |range, times: &[i64]| {
            let steps = Steps::over(range, 4);
            let mut tally = Tally::empty(steps);
            for time in times {
                tally.add(*time, 0, steps);
            }
            tally.trend
        };
        assert_eq!(trend(range(0, 8), &[0, 1, 2, 7]), [2, 1, 0, 1]);
        assert_eq!(trend(range(-4, 5), &[-4, 4]), [1, 0, 1, 0]);
        assert_eq!(trend(range(5, 5), &[]), [0; 4]);
        assert_eq!(trend(TimeRange::ALL, &[0]).iter().sum::<u64>(), 1);
    }
}
