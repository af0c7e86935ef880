use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustc_hash::FxHashMap;
use watchfire_schemas::{
    BatchSeq, Exemplar, LabelSet, MetricKind, MetricMetadata, SeriesSamples, TimeRange, Timestamp,
};

use super::blocks::Blocks;
use super::chunk::window_of;
use super::cut::Cut;
use super::head::{Bounds, Head};
use super::refusal::Refusals;
use super::slice::Slice;
use super::snapshot::{HeadImage, read_head};
use crate::matcher::Selector;
use crate::{Config, OpenError, TsdbStats};

/// How far the clocks of senders may be ahead of ours.
const CLOCK_SKEW_MS: i64 = 600_000;

/// Head and blocks as one.
///
/// The head's lock is held for writing during an append and for reading while a query collects
/// (not decodes) its chunks. A cut first adds its blocks and then takes their samples out of the
/// head, so that a query that sees both finds samples twice, and never not at all.
#[derive(Debug)]
pub(crate) struct Store {
    config: Config,
    head: RwLock<Head>,
    blocks: Blocks,
    snapshot: PathBuf,
    /// The batch of the snapshot on disk.
    checkpoint: AtomicU64,
    /// Held by the one who takes a snapshot.
    snapshotting: Mutex<()>,
    pub(crate) refusals: Refusals,
}

impl Store {
    pub(crate) fn open(dir: &Path, config: Config) -> Result<Self, OpenError> {
        let blocks = Blocks::open(&dir.join("blocks"))?;
        let snapshot = dir.join("head.snapshot");
        let head = read_head(&snapshot)?;
        Ok(Self {
            config,
            checkpoint: AtomicU64::new(head.batch.0),
            head: RwLock::new(head),
            blocks,
            snapshot,
            snapshotting: Mutex::new(()),
            refusals: Refusals::default(),
        })
    }

    pub(crate) fn checkpoint(&self) -> BatchSeq {
        BatchSeq(self.checkpoint.load(Ordering::Acquire))
    }

    /// How many samples were taken; zero if the batch was there already.
    pub(crate) fn append(&self, batch: BatchSeq, series: &[SeriesSamples], now: Timestamp) -> u64 {
        let mut head = self.write();
        if batch <= head.batch {
            return 0;
        }
        let bounds = Bounds {
            max_series: self.config.max_series,
            out_of_order_ms: millis(self.config.out_of_order_window),
            earliest: now.millis().saturating_sub(millis(self.config.retention)),
            latest: now.millis().saturating_add(CLOCK_SKEW_MS),
        };
        let before = head.samples;
        for one in series {
            head.append(one, bounds, &self.refusals);
        }
        head.batch = batch;
        head.samples - before
    }

    /// Cuts blocks that are due, writes the head, drops what is past retention.
    pub(crate) fn snapshot(&self, now: Timestamp) -> io::Result<()> {
        let _one_at_a_time = self
            .snapshotting
            .lock()
            .expect("no holder of this lock panics");
        self.cut_blocks(now)?;
        let image = HeadImage::of(&self.read());
        image.write(&self.snapshot)?;
        self.checkpoint.store(image.batch.0, Ordering::Release);
        let oldest = now.millis().saturating_sub(millis(self.config.retention));
        self.blocks.drop_before(oldest)
    }

    /// The series that match, each once, in the order of their labels.
    pub(crate) fn select(&self, selector: &Selector, from: i64, to: i64) -> io::Result<Vec<Slice>> {
        // The head first: what a cut moves meanwhile is then found in both rather than in none.
        let head = self.read().select(selector, from, to);
        let mut slices = self.blocks.select(selector, from, to)?;
        if slices.is_empty() {
            slices = head;
        } else {
            slices.extend(head);
            slices = merged(slices);
        }
        slices.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(slices)
    }

    pub(crate) fn exemplars(
        &self,
        selector: &Selector,
        range: TimeRange,
    ) -> Vec<(Arc<LabelSet>, Vec<Exemplar>)> {
        let head = self.read();
        let mut found: FxHashMap<Arc<LabelSet>, Vec<Exemplar>> = FxHashMap::default();
        for (labels, exemplar) in head.exemplars.iter() {
            if range.contains(Timestamp::from_millis(exemplar.t)) && selector.matches(labels) {
                let of_series = found.entry(Arc::clone(labels)).or_default();
                of_series.push(exemplar.clone());
            }
        }
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        for (_, exemplars) in &mut found {
            exemplars.sort_by_key(|exemplar| exemplar.t);
        }
        found
    }

    /// All values of a label, sorted.
    pub(crate) fn label_values(&self, name: &str) -> io::Result<BTreeSet<String>> {
        self.gather_texts(|index| index.values(name).map(str::to_owned).collect())
    }

    /// All names of labels, sorted.
    pub(crate) fn series_counts(&self, name: &str) -> Vec<(String, usize)> {
        let head = self.read();
        let counts = head.index.counts(name);
        counts
            .map(|(value, count)| (value.to_owned(), count))
            .collect()
    }

    pub(crate) fn label_names(&self) -> io::Result<BTreeSet<String>> {
        self.gather_texts(|index| index.names().map(str::to_owned).collect())
    }

    pub(crate) fn learn(&self, metadata: &[MetricMetadata]) {
        if metadata.is_empty() {
            return;
        }
        let mut head = self.write();
        for one in metadata {
            head.metadata.learn_family(one.family.clone(), one.kind);
        }
    }

    pub(crate) fn kinds(&self) -> Vec<(String, MetricKind)> {
        let head = self.read();
        let kinds = head.metadata.iter();
        kinds.map(|(name, kind)| (name.to_owned(), kind)).collect()
    }

    pub(crate) fn retention(&self) -> std::time::Duration {
        self.config.retention
    }

    pub(crate) fn head_series(&self) -> usize {
        self.read().live
    }

    pub(crate) fn stats(&self) -> TsdbStats {
        let blocks = self.blocks.list();
        let head = self.read();
        TsdbStats {
            head_series: head.live,
            head_samples: head.samples,
            blocks: blocks.len(),
            block_bytes: blocks.iter().map(|block| block.manifest.bytes).sum(),
            refused_samples: self.refusals.total(),
        }
    }

    fn gather_texts(
        &self,
        texts: impl Fn(&super::label_index::LabelIndex) -> Vec<String>,
    ) -> io::Result<BTreeSet<String>> {
        let mut gathered: BTreeSet<_> = texts(&self.read().index).into_iter().collect();
        for block in self.blocks.list() {
            gathered.extend(texts(&block.index()?.labels));
            self.blocks.note_use(&block);
        }
        Ok(gathered)
    }

    fn cut_blocks(&self, now: Timestamp) -> io::Result<()> {
        let late = millis(self.config.out_of_order_window);
        let end_window = window_of(now.millis().saturating_sub(late));
        if end_window <= self.blocks.end_window() {
            return Ok(());
        }
        let cut = Cut::prepare(&mut self.write(), end_window);
        if cut.is_empty() {
            return Ok(());
        }
        let written = cut.write(self.blocks.dir())?;
        self.blocks.add(&written).map_err(io::Error::other)?;
        cut.finish(&mut self.write());
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Head> {
        self.head.read().expect("no holder of this lock panics")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Head> {
        self.head.write().expect("no holder of this lock panics")
    }
}

/// One slice for each set of labels, the parts of later ones after those of earlier ones.
fn merged(slices: Vec<Slice>) -> Vec<Slice> {
    let mut places: FxHashMap<Arc<LabelSet>, usize> = FxHashMap::default();
    let mut merged: Vec<Slice> = Vec::with_capacity(slices.len());
    for slice in slices {
        if let Some(&at) = places.get(&slice.labels) {
            merged[at].carried |= slice.carried;
            merged[at].parts.extend(slice.parts);
        } else {
            places.insert(Arc::clone(&slice.labels), merged.len());
            merged.push(slice);
        }
    }
    merged
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
