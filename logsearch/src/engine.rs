//! The life of one dataset: batches come into the tail, the tail is sealed into splits, splits
//! grow old and are dropped.

mod manifest;
mod merge;
mod retain;
mod seal;
mod tail;
mod tiers;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use watchfire_schemas::{BatchSeq, TimeRange, Timestamp};

pub(crate) use retain::{Aged, Dropped};
pub(crate) use tail::TailBatch;

use crate::fields::Dataset;
use crate::filter::KnownNames;
use crate::metrics::DatasetMetrics;
use crate::row::{Part, Row};
use crate::scalar::is_name;
use crate::split::{self, Caches, Split, SplitMeta};
use crate::store::{DatasetStats, OpenError};
use manifest::Manifest;

/// More names than this are not kept of the tail: they only serve "did you mean".
const MAX_NAMES: usize = 10_000;

/// Splits of a dataset that stay open.
const MOST_OPEN: usize = 256;
/// Splits that are asked which names of attributes they hold: it serves only "did you mean".
const MOST_ASKED: usize = 256;
/// A record whose time is so far ahead of its arrival is counted as one of the future.
const FAR_AHEAD: Duration = Duration::from_hours(1);

/// When to seal and what to keep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) retention: Duration,
    pub(crate) seal_bytes: usize,
    pub(crate) seal_age: Duration,
}

/// One dataset.
#[derive(Debug)]
pub(crate) struct Engine<D: Dataset> {
    dir: PathBuf,
    policy: Policy,
    metrics: DatasetMetrics,
    /// Shared with the other datasets.
    caches: Arc<Caches>,
    /// What queries see. Held for moments only: a query takes a snapshot and lets go.
    state: Mutex<State<D>>,
    /// What the disk says. Held while the tail is sealed, so that one split is sealed at a time; a
    /// merge takes it only to publish.
    manifest: Mutex<Manifest>,
    /// Held while splits are merged, so that one merge is at a time.
    merging: Mutex<()>,
}

#[derive(Debug)]
struct State<D: Dataset> {
    /// In the order of batches.
    tail: Vec<Arc<TailBatch>>,
    /// A record is in the tail or in one of these, never in both: both change under one lock.
    splits: Arc<Vec<Arc<Split<D>>>>,
    tail_bytes: usize,
    tail_records: u64,
    /// Names of attributes that came since the store was opened.
    names: HashSet<String>,
    /// The last batch that was appended or is in a split.
    last_batch: BatchSeq,
    /// The checkpoint that is on disk.
    published: BatchSeq,
    /// The last batch that the owner of the log has told about.
    advanced: BatchSeq,
}

/// What one query sees: it stays as it is whatever is sealed or dropped meanwhile.
#[derive(Debug)]
pub(crate) struct Snapshot<D: Dataset> {
    pub(crate) tail: Vec<Arc<TailBatch>>,
    pub(crate) splits: Arc<Vec<Arc<Split<D>>>>,
}

impl<D: Dataset> Snapshot<D> {
    /// The splits that a range of time touches, the newest first.
    pub(crate) fn newest_first(&self, range: TimeRange) -> Vec<&Arc<Split<D>>> {
        let mut splits: Vec<_> = self
            .splits
            .iter()
            .filter(|split| split.overlaps(range))
            .collect();
        splits.sort_by_key(|split| Reverse(split.meta.max_time));
        splits
    }
}

impl<D: Dataset> Engine<D> {
    /// Opens the dataset in its folder under `parent`; what a crash has left half-written is
    /// removed.
    pub(crate) fn open(
        parent: &Path,
        policy: Policy,
        metrics: DatasetMetrics,
        caches: Arc<Caches>,
    ) -> Result<Self, OpenError> {
        let dir = parent.join(D::NAME);
        let manifest = Manifest::open(&dir)?;
        let open = |meta: &SplitMeta| Arc::new(Split::new(&dir, meta.clone()).sharing(&caches));
        let splits: Vec<_> = manifest.splits.iter().map(open).collect();
        let engine = Self {
            policy,
            metrics,
            caches,
            state: Mutex::new(State {
                tail: Vec::new(),
                splits: Arc::new(splits),
                tail_bytes: 0,
                tail_records: 0,
                names: HashSet::new(),
                last_batch: manifest.checkpoint,
                published: manifest.checkpoint,
                advanced: BatchSeq::ZERO,
            }),
            manifest: Mutex::new(manifest),
            merging: Mutex::default(),
            dir,
        };
        engine.tell_sizes(&engine.state());
        Ok(engine)
    }

    /// Puts a batch into the tail, unless it has been there.
    pub(crate) fn append(&self, batch: BatchSeq, records: &[D::Record], now: Timestamp) {
        if batch <= self.state().last_batch {
            self.metrics.repeated_batches.inc();
            return;
        }
        let count = records.len() as u64;
        let tail_batch = TailBatch::new::<D>(batch, records, now);
        let mut state = self.state();
        if batch <= state.last_batch {
            self.metrics.repeated_batches.inc();
            return;
        }
        state.last_batch = batch;
        if let Some(tail_batch) = tail_batch {
            self.count_strays(&tail_batch, now);
            state.learn_names(&tail_batch);
            state.tail_bytes += tail_batch.bytes;
            state.tail_records += count;
            state.tail.push(Arc::new(tail_batch));
        }
        self.metrics.appended_records.inc_by(count);
        self.tell_sizes(&state);
    }

    /// Counts those whose time is far from that of their arrival.
    fn count_strays(&self, batch: &TailBatch, now: Timestamp) {
        let oldest = (now - self.policy.retention).nanos();
        let latest = (now + FAR_AHEAD).nanos();
        if batch.min_time >= oldest && batch.max_time <= latest {
            return;
        }
        for time in batch.rows.iter().map(Row::time) {
            if time < oldest {
                self.metrics.late_records.inc();
            } else if time > latest {
                self.metrics.future_records.inc();
            }
        }
    }

    /// Every batch up to this one has been appended, or holds nothing for this dataset.
    pub(crate) fn advance(&self, batch: BatchSeq) {
        let mut state = self.state();
        state.advanced = state.advanced.max(batch);
    }

    /// The last batch that this dataset does not need any more, also after a crash: it is on disk.
    pub(crate) fn checkpoint(&self) -> BatchSeq {
        self.state().published
    }

    pub(crate) fn snapshot(&self) -> Snapshot<D> {
        let state = self.state();
        Snapshot {
            tail: state.tail.clone(),
            splits: Arc::clone(&state.splits),
        }
    }

    pub(crate) fn tail_bytes(&self) -> usize {
        self.state().tail_bytes
    }

    pub(crate) fn stats(&self) -> DatasetStats {
        let state = self.state();
        DatasetStats {
            splits: state.splits.len(),
            split_records: state.splits.iter().map(|split| split.meta.records).sum(),
            split_bytes: state.splits.iter().map(|split| split.meta.bytes).sum(),
            tail_records: state.tail_records,
            tail_bytes: state.tail_bytes as u64,
            expired_records: self.metrics.expired_records.get(),
            evicted_records: self.metrics.evicted_records.get(),
            late_records: self.metrics.late_records.get(),
            future_records: self.metrics.future_records.get(),
        }
    }

    /// Writes a split that no manifest names yet. What a failure leaves of it is removed: where the
    /// disk is full it would make that worse.
    fn write_split(
        &self,
        number: u64,
        write: impl FnOnce(&Path) -> io::Result<Split<D>>,
    ) -> io::Result<Split<D>> {
        let written = write(&self.dir);
        let left = self.dir.join(split::folder(number));
        if written.is_err()
            && left.exists()
            && let Err(error) = std::fs::remove_dir_all(&left)
        {
            tracing::warn!(number, %error, "a split that was not finished could not be removed");
        }
        Ok(written?.sharing(&self.caches))
    }

    /// Closes the splits that were used longest ago, if too many are open. Queries that read one go
    /// on: what they hold stays open until they end.
    pub(crate) fn close_unused(&self) {
        let mut state = self.state();
        let mut open: Vec<u64> = state
            .splits
            .iter()
            .filter_map(|split| split.used())
            .collect();
        self.metrics.open_splits.set(open.len() as i64);
        if open.len() <= MOST_OPEN {
            return;
        }
        open.sort_unstable();
        let oldest_kept = open[open.len() - MOST_OPEN / 2];
        let close = |split: &Arc<Split<D>>| match split.used() {
            Some(used) if used < oldest_kept => Arc::new(split.closed()),
            _ => Arc::clone(split),
        };
        let splits: Vec<_> = state.splits.iter().map(close).collect();
        state.splits = Arc::new(splits);
    }

    fn state(&self) -> MutexGuard<'_, State<D>> {
        self.state.lock().expect("no holder of this lock panics")
    }

    /// The engine may panic while a split is written. The manifest changes only after a split is
    /// published, so it is whole then too.
    fn manifest(&self) -> MutexGuard<'_, Manifest> {
        self.manifest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_sizes(&self, state: &State<D>) {
        self.metrics.splits.set(state.splits.len() as i64);
        self.metrics.tail_bytes.set(state.tail_bytes as i64);
        self.metrics.tail_records.set(state.tail_records as i64);
    }
}

impl<D: Dataset> State<D> {
    /// What the checkpoint can be once the first `sealed` batches of the tail are in splits: just
    /// before the first batch that is still in the tail, since batches come in order.
    fn settled(&self, sealed: usize) -> BatchSeq {
        match self.tail.get(sealed) {
            Some(first) => BatchSeq(first.batch.0.saturating_sub(1)),
            None => self.last_batch.max(self.advanced),
        }
    }

    fn learn_names(&mut self, batch: &TailBatch) {
        let names = &mut self.names;
        let mut learn = |name: &str| {
            if names.len() < MAX_NAMES && !names.contains(name) {
                names.insert(name.to_owned());
            }
        };
        if batch.rows.has_nested() {
            for row in batch.rows.iter() {
                D::each_attribute(row, &mut |name, _| learn(name));
            }
            return;
        }
        // Without a look at every row: a name that was only ever null is no harm.
        let keys = batch.rows.keys().iter();
        for key in keys.filter(|key| key.part != Part::Slot) {
            if !D::is_promoted(&key.name) && is_name(&key.name) {
                learn(&key.name);
            }
        }
    }
}

impl<D: Dataset> KnownNames for Engine<D> {
    fn contains(&self, path: &str) -> bool {
        if self.state().names.contains(path) {
            return true;
        }
        let splits = self.snapshot().splits;
        // Where there are more, nobody waits until all are asked: the name may be known.
        splits.len() > MOST_ASKED
            || splits
                .iter()
                .rev()
                .any(|split| facts_hold(split, path).unwrap_or(true))
    }

    fn all(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.state().names.iter().cloned().collect();
        for split in self.snapshot().splits.iter().rev().take(MOST_ASKED) {
            if let Ok(facts) = split.facts() {
                names.extend(facts.attributes.iter().cloned());
            }
        }
        names
    }
}

fn facts_hold<D: Dataset>(split: &Split<D>, path: &str) -> io::Result<bool> {
    Ok(split.facts()?.attributes.contains(path))
}
