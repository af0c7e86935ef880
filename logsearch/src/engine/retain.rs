use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use watchfire_schemas::Timestamp;

use super::Engine;
use crate::fields::Dataset;
use crate::split::SplitMeta;

/// What was dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Dropped {
    pub(crate) splits: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

/// A split and how old it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Aged {
    /// In nanoseconds. A record of the future counts as old as its arrival.
    pub(crate) newest: i64,
    pub(crate) number: u64,
    pub(crate) bytes: u64,
}

impl<D: Dataset> Engine<D> {
    /// Drops the splits that came longer ago than the retention. It is counted from their arrival:
    /// a record that came late and one of the future are kept as long as any other.
    pub(crate) fn drop_expired(&self, now: Timestamp) -> io::Result<()> {
        let oldest = (now - self.policy.retention).nanos();
        let dropped = self.drop_splits(|meta| meta.sealed_at < oldest)?;
        self.metrics.expired_records.inc_by(dropped.records);
        Ok(())
    }

    /// Drops these splits to make room.
    pub(crate) fn evict(&self, numbers: &HashSet<u64>) -> io::Result<Dropped> {
        let dropped = self.drop_splits(|meta| numbers.contains(&meta.number))?;
        self.metrics.evicted_records.inc_by(dropped.records);
        self.metrics.evicted_bytes.inc_by(dropped.bytes);
        Ok(dropped)
    }

    /// Every split and its age.
    pub(crate) fn ages(&self) -> Vec<Aged> {
        let splits = self.snapshot().splits;
        let aged = splits.iter().map(|split| Aged {
            newest: split.meta.max_time.min(split.meta.sealed_at),
            number: split.meta.number,
            bytes: split.meta.bytes,
        });
        aged.collect()
    }

    fn drop_splits(&self, is_dropped: impl Fn(&SplitMeta) -> bool) -> io::Result<Dropped> {
        let mut manifest = self.manifest();
        if !manifest.splits.iter().any(&is_dropped) {
            return Ok(Dropped::default());
        }
        let mut next = manifest.clone();
        next.splits.retain(|meta| !is_dropped(meta));
        next.publish(&self.dir)?;
        *manifest = next;

        let mut state = self.state();
        let (gone, kept): (Vec<_>, Vec<_>) = state
            .splits
            .iter()
            .cloned()
            .partition(|split| is_dropped(&split.meta));
        state.splits = Arc::new(kept);
        self.tell_sizes(&state);
        drop(state);
        let mut dropped = Dropped::default();
        for split in gone {
            split.doom();
            dropped.splits += 1;
            dropped.records += split.meta.records;
            dropped.bytes += split.meta.bytes;
        }
        Ok(dropped)
    }
}
