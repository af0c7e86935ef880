//! The life of one dataset: batches come into the tail, the tail is sealed into splits, splits
//! grow old and are dropped.

mod manifest;
mod seal;
mod tail;

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use watchfire_schemas::{BatchSeq, Timestamp};

pub(crate) use tail::TailBatch;

use crate::fields::Dataset;
use crate::filter::KnownNames;
use crate::metrics::DatasetMetrics;
use crate::split::Split;
use crate::store::{DatasetStats, OpenError};
use manifest::Manifest;

/// More names than this are not kept of the tail: they only serve "did you mean".
const MAX_NAMES: usize = 10_000;

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
    /// What queries see. Held for moments only: a query takes a snapshot and lets go.
    state: Mutex<State<D>>,
    /// What the disk says. Held while a split is written, so that one is at a time.
    manifest: Mutex<Manifest>,
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

impl<D: Dataset> Engine<D> {
    /// Opens the dataset in its folder under `parent`; what a crash has left half-written is
    /// removed.
    pub(crate) fn open(
        parent: &Path,
        policy: Policy,
        metrics: DatasetMetrics,
    ) -> Result<Self, OpenError> {
        let dir = parent.join(D::NAME);
        let manifest = Manifest::open(&dir)?;
        let splits = manifest
            .splits
            .iter()
            .map(|meta| Arc::new(Split::new(&dir, meta.clone())));
        let engine = Self {
            policy,
            metrics,
            state: Mutex::new(State {
                tail: Vec::new(),
                splits: Arc::new(splits.collect()),
                tail_bytes: 0,
                tail_records: 0,
                names: HashSet::new(),
                last_batch: manifest.checkpoint,
                published: manifest.checkpoint,
                advanced: BatchSeq::ZERO,
            }),
            manifest: Mutex::new(manifest),
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
            state.learn_names(&tail_batch);
            state.tail_bytes += tail_batch.bytes;
            state.tail_records += count;
            state.tail.push(Arc::new(tail_batch));
        }
        self.metrics.appended_records.inc_by(count);
        self.tell_sizes(&state);
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
        }
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
        for row in batch.rows.iter() {
            D::each_attribute(row, &mut |name, _| {
                if self.names.len() < MAX_NAMES && !self.names.contains(name) {
                    self.names.insert(name.to_owned());
                }
            });
        }
    }
}

impl<D: Dataset> KnownNames for Engine<D> {
    fn contains(&self, path: &str) -> bool {
        if self.state().names.contains(path) {
            return true;
        }
        let splits = self.snapshot().splits;
        splits
            .iter()
            .rev()
            .any(|split| facts_hold(split, path).unwrap_or(true))
    }

    fn all(&self) -> BTreeSet<String> {
        let mut names: BTreeSet<String> = self.state().names.iter().cloned().collect();
        for split in self.snapshot().splits.iter() {
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
