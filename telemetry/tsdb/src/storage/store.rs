use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustc_hash::FxHashMap;
use watchfire_schemas::{
    BatchSeq, Exemplar, LabelSet, MetricMetadata, SeriesSamples, TimeRange, Timestamp,
};

use super::blocks::Blocks;
use super::chunk::window_of;
use super::cut::Cut;
use super::head::Head;
use super::limits::Bounds;
use super::refusal::Refusals;
use super::slice::Slice;
use super::snapshot::Snapshots;
use crate::matcher::Selector;
use crate::{Came, Config, DeltaBatch, Objection, OpenError, WriteBatch};

/// How far the clocks of senders may be ahead of ours.
const CLOCK_SKEW_MS: i64 = 600_000;

/// How many series a query copies before it lets an append go first.
const SLAB: usize = 1024;

/// Of the retention a block spans at most this part.
const BLOCKS_IN_RETENTION: i64 = 10;

/// Head and blocks as one.
///
/// The head's lock is held for writing during an append, and for reading while a query copies (not
/// decodes) the chunks of some series. A cut first adds its blocks and then takes their samples out
/// of the head, so that a query that sees both finds samples twice, and never not at all.
#[derive(Debug)]
pub(crate) struct Store {
    pub(super) config: Config,
    pub(super) head: RwLock<Head>,
    pub(super) blocks: Blocks,
    snapshots: Snapshots,
    /// The batch of the snapshot on disk.
    checkpoint: AtomicU64,
    /// Held by the one who takes a snapshot.
    snapshotting: Mutex<()>,
    /// Held by the one who makes large blocks of small ones.
    compacting: Mutex<()>,
    pub(crate) refusals: Refusals,
}

impl Store {
    pub(crate) fn open(dir: &Path, config: Config) -> Result<Self, OpenError> {
        let blocks = Blocks::open(&dir.join("blocks"))?;
        let (snapshots, head) = Snapshots::open(dir)?;
        Ok(Self {
            config,
            checkpoint: AtomicU64::new(head.batch.0),
            head: RwLock::new(head),
            blocks,
            snapshots,
            snapshotting: Mutex::new(()),
            compacting: Mutex::new(()),
            refusals: Refusals::default(),
        })
    }

    pub(crate) fn checkpoint(&self) -> BatchSeq {
        BatchSeq(self.checkpoint.load(Ordering::Acquire))
    }

    /// How many samples were taken; zero if the batch was there already.
    pub(crate) fn append(&self, batch: BatchSeq, series: &[SeriesSamples], now: Timestamp) -> u64 {
        self.apply(batch, |head| {
            let bounds = self.bounds(now);
            for one in series {
                head.append(one, bounds, &self.refusals);
            }
        })
    }

    /// The same with increments of series that are known by a number.
    pub(crate) fn append_with_deltas(
        &self,
        batch: BatchSeq,
        (came, deltas): (Came<'_>, &DeltaBatch),
        now: Timestamp,
    ) -> u64 {
        self.apply(batch, |head| {
            let bounds = self.bounds(now);
            match came {
                Came::Series(series) => {
                    for one in series {
                        head.append(one, bounds, &self.refusals);
                    }
                }
                Came::Written(written) => head.append_written(written, bounds, &self.refusals),
            }
            head.append_deltas(deltas, bounds, &self.refusals);
        })
    }

    /// The same for what came by remote write.
    pub(crate) fn append_written(
        &self,
        batch: BatchSeq,
        written: &WriteBatch,
        now: Timestamp,
    ) -> u64 {
        self.apply(batch, |head| {
            head.append_written(written, self.bounds(now), &self.refusals);
        })
    }

    /// What of a batch would not be taken now.
    pub(crate) fn judge(&self, written: &WriteBatch, now: Timestamp) -> Vec<Objection> {
        self.read().judge(written, self.bounds(now))
    }

    pub(crate) fn learn(&self, metadata: &[MetricMetadata]) {
        if metadata.is_empty() {
            return;
        }
        let mut head = self.write();
        for one in metadata {
            head.metadata.learn_family(one);
        }
    }

    /// Cuts blocks that are due, saves what is new of the head, drops what is past retention.
    pub(crate) fn snapshot(&self, now: Timestamp) -> io::Result<()> {
        self.save(now)?;
        self.tidy(now)
    }

    pub(super) fn save(&self, now: Timestamp) -> io::Result<()> {
        let _one_at_a_time = self
            .snapshotting
            .lock()
            .expect("no holder of this lock panics");
        let cut = self.cut_blocks(now)?;
        let batch = self.snapshots.write(&self.head, cut)?;
        self.checkpoint.store(batch.0, Ordering::Release);
        Ok(())
    }

    /// Makes large blocks of small ones and drops what is too old or too much. If somebody does so
    /// already, he goes on alone.
    fn tidy(&self, now: Timestamp) -> io::Result<()> {
        let Ok(_one_at_a_time) = self.compacting.try_lock() else {
            return Ok(());
        };
        let retention = millis(self.config.retention);
        self.blocks
            .drop_before(now.millis().saturating_sub(retention))?;
        let too_much = self.blocks.bytes().saturating_sub(self.config.max_bytes);
        if too_much > 0 {
            let bytes = self.blocks.drop_oldest(too_much)?;
            tracing::warn!(
                bytes,
                "the oldest samples were dropped to keep to the limit of bytes"
            );
        }
        while self.blocks.compact(retention / BLOCKS_IN_RETENTION)? {}
        Ok(())
    }

    /// Drops the oldest blocks until so many bytes are free; says how many were.
    pub(crate) fn make_room(&self, bytes: u64) -> io::Result<u64> {
        let _one_at_a_time = self
            .compacting
            .lock()
            .expect("no holder of this lock panics");
        self.blocks.drop_oldest(bytes)
    }

    /// The series that match, each once, in the order of their labels.
    pub(crate) fn select(&self, selector: &Selector, from: i64, to: i64) -> io::Result<Vec<Slice>> {
        let mut slices = self.select_any_order(selector, from, to)?;
        if !slices.is_sorted_by(|a, b| a.labels < b.labels) {
            slices.sort_by(|a, b| a.labels.cmp(&b.labels));
        }
        Ok(slices)
    }

    /// The series that match, each once.
    pub(crate) fn select_any_order(
        &self,
        selector: &Selector,
        from: i64,
        to: i64,
    ) -> io::Result<Vec<Slice>> {
        // The head first: what a cut moves meanwhile is then found in both rather than in none.
        let head = self.select_head(selector, from, to)?;
        let mut slices = self.blocks.select(selector, from, to)?;
        if slices.is_empty() {
            // The head holds each series once.
            return Ok(head);
        }
        slices.extend(head);
        if slices.is_sorted_by(|a, b| a.labels < b.labels) {
            return Ok(slices);
        }
        Ok(merged(slices))
    }

    fn select_head(&self, selector: &Selector, from: i64, to: i64) -> io::Result<Vec<Slice>> {
        'anew: loop {
            let head = self.read();
            let (ids, numbering) = (head.matching(selector)?, head.numbering);
            drop(head);
            let mut slices = Vec::with_capacity(ids.len());
            for slab in ids.chunks(SLAB) {
                let head = self.read();
                if head.numbering != numbering {
                    continue 'anew;
                }
                head.slices(slab, from, to, &mut slices);
            }
            return Ok(slices);
        }
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

    pub(crate) fn series_counts(&self, name: &str) -> Vec<(String, usize)> {
        let head = self.read();
        let counts = head.index.series_counts(name);
        counts
            .map(|(value, count)| (value.to_owned(), count))
            .collect()
    }

    pub(crate) fn metadata(&self) -> Vec<MetricMetadata> {
        self.read().metadata.iter().collect()
    }

    pub(crate) fn retention(&self) -> std::time::Duration {
        self.config.retention
    }

    pub(crate) fn head_series(&self) -> usize {
        self.read().live
    }

    /// Whether something was cut.
    fn cut_blocks(&self, now: Timestamp) -> io::Result<bool> {
        let late = millis(self.config.out_of_order_window);
        let end_window = window_of(now.millis().saturating_sub(late));
        if end_window <= self.blocks.end_window() {
            return Ok(false);
        }
        let cut = Cut::prepare(&self.head, end_window);
        if cut.is_empty() {
            return Ok(false);
        }
        let written = cut.write(&self.head, self.blocks.dir())?;
        self.blocks.add(&written).map_err(io::Error::other)?;
        cut.finish(&mut self.write());
        Ok(true)
    }

    /// Applies a batch, if it was not yet. Gives how many samples were taken.
    fn apply(&self, batch: BatchSeq, apply: impl FnOnce(&mut Head)) -> u64 {
        let mut head = self.write();
        if batch <= head.batch {
            return 0;
        }
        let before = head.samples;
        apply(&mut head);
        head.batch = batch;
        head.samples - before
    }

    fn bounds(&self, now: Timestamp) -> Bounds {
        Bounds {
            earliest: now.millis().saturating_sub(millis(self.config.retention)),
            latest: now.millis().saturating_add(CLOCK_SKEW_MS),
            ..self.limits()
        }
    }

    /// The bounds that are the same at all times.
    pub(super) fn limits(&self) -> Bounds {
        Bounds {
            max_series: self.config.max_series,
            max_memory: self.config.max_memory,
            out_of_order_ms: millis(self.config.out_of_order_window),
            earliest: i64::MIN,
            latest: i64::MAX,
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Head> {
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
