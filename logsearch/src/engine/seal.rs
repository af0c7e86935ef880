use std::cmp::Reverse;
use std::io;
use std::sync::Arc;

use tokio::time::Instant;
use watchfire_schemas::Timestamp;

use super::{Engine, Snapshot, TailBatch};
use crate::fields::Dataset;
use crate::row::{Position, Rows};
use crate::split;

/// A tail below this share of the size to seal at is small …
const SMALL_SHARE: usize = 8;
/// … and may grow this much older than others, so that quiet times make few splits.
const SMALL_PATIENCE: u32 = 5;

impl<D: Dataset> Engine<D> {
    /// Whether the tail is large or old enough to be sealed.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let state = self.state();
        let Some(oldest) = state.tail.first() else {
            return false;
        };
        let age = now.since(oldest.appended_at);
        let is_small = state.tail_bytes < self.policy.seal_bytes / SMALL_SHARE;
        let seal_age = if is_small {
            self.policy.seal_age * SMALL_PATIENCE
        } else {
            self.policy.seal_age
        };
        state.tail_bytes >= self.policy.seal_bytes || age >= seal_age
    }

    /// Seals the oldest part of the tail, as much as makes one split, and publishes it. Whether
    /// there was anything to seal. On an error the tail stays as it is.
    pub(crate) fn seal(&self, now: Timestamp) -> io::Result<bool> {
        let mut manifest = self.manifest();
        let started = Instant::now();
        let Snapshot { mut tail, .. } = self.snapshot();
        tail.truncate(one_split(&tail, self.policy.seal_bytes));
        if tail.is_empty() {
            return Ok(false);
        }
        let all: Vec<&Rows> = tail.iter().map(|batch| &batch.rows).collect();
        let mut order: Vec<(Position, u32, u32)> = Vec::new();
        for (of, rows) in (0..).zip(&all) {
            order.extend(
                (0..)
                    .zip(rows.iter())
                    .map(|(index, row)| (row.position(), of, index)),
            );
        }
        // Batches are mostly in order, which a stable sort makes use of.
        order.sort_by_key(|(position, ..)| Reverse(*position));
        let count = order.len() as u64;
        let rows = order.into_iter().map(|(_, of, index)| {
            let of = of as usize;
            (of, all[of].row(index as usize))
        });

        let number = manifest.next_split;
        // Also after a failure: the disk may know of a split that we do not.
        manifest.next_split += 1;
        let split = self.write_split(number, |dir| split::write(dir, number, &all, rows, now))?;
        let mut next = manifest.clone();
        next.checkpoint = self.state().settled(tail.len());
        next.splits.push(split.meta.clone());
        next.publish(&self.dir)?;
        let published = next.checkpoint;
        *manifest = next;

        let mut state = self.state();
        state.tail.drain(..tail.len());
        state.tail_bytes -= tail.iter().map(|batch| batch.bytes).sum::<usize>();
        state.tail_records -= count;
        state.published = published;
        let mut splits = Vec::clone(&state.splits);
        splits.push(Arc::new(split));
        state.splits = Arc::new(splits);
        self.tell_sizes(&state);
        drop(state);
        self.metrics.sealed_records.inc_by(count);
        self.metrics
            .seal_seconds
            .observe(started.elapsed().as_secs_f64());
        Ok(true)
    }

    /// Puts the checkpoint on disk where batches have passed that hold nothing for this dataset:
    /// without it the log would keep them for ever.
    pub(crate) fn follow(&self) -> io::Result<()> {
        let mut manifest = self.manifest();
        let settled = self.state().settled(0);
        if settled <= manifest.checkpoint {
            return Ok(());
        }
        let mut next = manifest.clone();
        next.checkpoint = settled;
        next.publish(&self.dir)?;
        *manifest = next;
        self.state().published = settled;
        Ok(())
    }

    /// Whether the tail is far from being sealed for its size.
    pub(crate) fn has_small_tail(&self) -> bool {
        self.state().tail_bytes < self.policy.seal_bytes / 2
    }

    pub(crate) fn appended_records(&self) -> u64 {
        self.metrics.appended_records.get()
    }

    pub(crate) fn count_merge_failure(&self) {
        self.metrics.merge_failures.inc();
    }

    pub(crate) fn count_failure(&self) {
        self.metrics.seal_failures.inc();
    }
}

/// How many batches from the oldest on make one split.
fn one_split(tail: &[Arc<TailBatch>], seal_bytes: usize) -> usize {
    let mut bytes = 0;
    let full = tail.iter().position(|batch| {
        bytes += batch.bytes;
        bytes >= seal_bytes
    });
    full.map_or(tail.len(), |index| index + 1)
}
