use std::io;
use std::sync::{Arc, PoisonError};

use tokio::time::Instant;
use watchfire_schemas::{TimeRange, Timestamp};

use super::{Engine, tiers};
use crate::fields::Dataset;
use crate::row::{Position, Rows};
use crate::split::{Split, SplitWriter};

/// Rows that are read from a split at once.
const AT_ONCE: u32 = 2_048;

impl<D: Dataset> Engine<D> {
    /// Merges some small splits into one, if there are enough of them. Whether there were. `goes_on`
    /// is asked often; when it says no, everything stays as it is.
    ///
    /// Ids, times and order of the records stay what they were, so a page goes on where it ended.
    /// The new split and the old ones change places in one manifest: whenever the process ends, each
    /// record is in one of them.
    pub(crate) fn merge(&self, now: Timestamp, goes_on: &dyn Fn() -> bool) -> io::Result<bool> {
        let started = Instant::now();
        // A panic while it is held leaves nothing half done.
        let _alone = self.merging.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(parts) = self.next_merge(now) else {
            return Ok(false);
        };
        let number = self.next_number();
        // As old as the newest of its parts: retention counts from arrival.
        let sealed_at = parts.iter().map(|part| part.meta.sealed_at).max();
        let sealed_at = Timestamp::from_nanos(sealed_at.unwrap_or(now.nanos()));
        let mut writer = SplitWriter::new(&self.dir, number);
        if !copy(&parts, &mut writer, goes_on)? {
            return Ok(false);
        }
        let merged = self.write_split(number, |_| writer.finish(sealed_at))?;
        let sum = |of: fn(&Split<D>) -> u64| parts.iter().map(|part| of(part)).sum::<u64>();
        let expected = sum(|part| part.meta.records);
        if merged.meta.records != expected {
            merged.doom();
            let records = merged.meta.records;
            let reason = format!("splits of {expected} records gave one of {records}");
            return Err(io::Error::other(reason));
        }
        if self.replace(&parts, merged)? {
            self.metrics.merged_records.inc_by(expected);
            self.metrics
                .merged_bytes
                .inc_by(sum(|part| part.meta.bytes));
            self.metrics
                .merge_seconds
                .observe(started.elapsed().as_secs_f64());
        }
        Ok(true)
    }

    fn next_merge(&self, now: Timestamp) -> Option<Vec<Arc<Split<D>>>> {
        let splits = self.snapshot().splits;
        let metas = splits.iter().map(|split| &split.meta);
        let chosen = tiers::next_merge(metas, self.policy.retention, now)?;
        let is_chosen = |split: &&Arc<Split<D>>| chosen.contains(&split.meta.number);
        Some(splits.iter().filter(is_chosen).cloned().collect())
    }

    fn next_number(&self) -> u64 {
        let mut manifest = self.manifest();
        let number = manifest.next_split;
        // Also after a failure: the disk may know of a split that we do not.
        manifest.next_split += 1;
        number
    }

    /// Puts the merged split in the place of its parts, on disk and for queries. Not where
    /// retention has dropped one of them meanwhile: its records must not come back.
    fn replace(&self, parts: &[Arc<Split<D>>], merged: Split<D>) -> io::Result<bool> {
        let is_part = |number: u64| parts.iter().any(|part| part.meta.number == number);
        let mut manifest = self.manifest();
        let left = manifest.splits.iter().filter(|meta| is_part(meta.number));
        if left.count() < parts.len() {
            merged.doom();
            return Ok(false);
        }
        let mut next = manifest.clone();
        next.splits.retain(|meta| !is_part(meta.number));
        next.splits.push(merged.meta.clone());
        next.publish(&self.dir)?;
        *manifest = next;

        let mut state = self.state();
        let mut splits: Vec<_> = state
            .splits
            .iter()
            .filter(|split| !is_part(split.meta.number))
            .cloned()
            .collect();
        splits.push(Arc::new(merged));
        state.splits = Arc::new(splits);
        self.tell_sizes(&state);
        drop(state);
        for part in parts {
            part.doom();
        }
        Ok(true)
    }
}

/// Copies all rows, newest first, a few of each split in memory at a time. Whether it came to the
/// end.
fn copy<D: Dataset>(
    parts: &[Arc<Split<D>>],
    writer: &mut SplitWriter<D>,
    goes_on: &dyn Fn() -> bool,
) -> io::Result<bool> {
    let mut sources = Vec::with_capacity(parts.len());
    for part in parts {
        // Opened for this alone, and closed after it.
        let split = part.closed();
        let left = split.documents(TimeRange::ALL, None)?;
        let mut source = Source {
            split,
            left,
            rows: Rows::new(D::slots()),
            columns: Vec::new(),
            next: 0,
        };
        source.settle(writer)?;
        sources.push(source);
    }
    let mut copied = 0_u32;
    loop {
        let newest = sources.iter_mut().max_by_key(|source| source.position());
        let Some(source) = newest.filter(|source| source.position().is_some()) else {
            return Ok(true);
        };
        writer.push(source.rows.row(source.next), &source.columns);
        source.next += 1;
        source.settle(writer)?;
        copied += 1;
        if copied.is_multiple_of(AT_ONCE) && !goes_on() {
            return Ok(false);
        }
    }
}

/// A split that is read from its newest row on.
struct Source<D: Dataset> {
    split: Split<D>,
    left: std::ops::Range<u32>,
    rows: Rows,
    /// Where the cells of these rows go.
    columns: Vec<usize>,
    next: usize,
}

impl<D: Dataset> Source<D> {
    /// The place of the next row; none at the end.
    fn position(&self) -> Option<Position> {
        (self.next < self.rows.len()).then(|| self.rows.row(self.next).position())
    }

    /// Reads on where all that was read is written.
    fn settle(&mut self, writer: &mut SplitWriter<D>) -> io::Result<()> {
        if self.next < self.rows.len() || self.left.is_empty() {
            return Ok(());
        }
        let end = self.left.end.min(self.left.start + AT_ONCE);
        let documents: Vec<u32> = (self.left.start..end).collect();
        self.left.start = end;
        self.rows = self.split.rows(&documents)?;
        self.columns = writer.columns_of(&self.rows);
        self.next = 0;
        Ok(())
    }
}
