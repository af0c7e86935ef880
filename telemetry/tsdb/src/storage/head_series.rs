use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use watchfire_schemas::{HistogramSample, LabelSet, MetricKind, Sample, Temporality};

use super::chunk::{Chunk, OpenChunk, window_of};
use super::histogram_codec::OpenHistograms;
use super::late::LateSamples;
use super::refusal::Refusal;
use super::slice::Part;
use super::symbols::SymbolPairs;
use crate::staleness::{is_stale, same_value};

/// After this long without a sample, a delta series no longer carries its last value forward, and
/// its next sample is preceded by one with the old value.
pub(crate) const CARRY_MS: i64 = 3_600_000;

/// How long before its first sample a delta series is put at zero.
pub(super) const BIRTH_MS: i64 = 1000;

/// How many samples wait to be compressed together.
const OPEN_SAMPLES: usize = 16;

/// What a sealed chunk takes beside its bytes.
const CHUNK_COST: usize = size_of::<Chunk>() + 24;

/// A series in the head.
///
/// Floats lie in sealed chunks, in the chunk that grows and, the newest ones, in `open`, in this
/// order of time; what came out of order lies aside in `late`. `open` always ends with the newest
/// float, so that a delta of the same time can still be added to it.
#[derive(Debug)]
pub(crate) struct HeadSeries {
    pub(crate) labels: SymbolPairs,
    /// The labels as queries hand them out, made when first asked for.
    shared: OnceLock<Arc<LabelSet>>,
    /// By what remote write knows it; see [`WrittenSeries::key`](crate::WrittenSeries).
    pub(crate) key: u128,
    pub(crate) kind: MetricKind,
    /// Whether its samples come as deltas; then reading carries its last value forward.
    pub(crate) delta: bool,
    /// Whether the first of `open` lies in a sealed chunk too, or in a block, as it is.
    pub(crate) kept: bool,
    /// What the last snapshot has of it.
    pub(crate) saved: Saved,
    /// The next series of the same hash.
    pub(crate) next: Option<u32>,
    pub(crate) open: Vec<Sample>,
    pub(crate) growing: OpenChunk,
    pub(crate) chunks: Vec<Arc<Chunk>>,
    pub(crate) histograms: Option<Box<HeadHistograms>>,
    pub(crate) late: Option<Box<LateSamples>>,
}

/// What the last snapshot has of a series. The snapshot notes it under a lock for reading.
#[derive(Debug)]
pub(crate) struct Saved {
    /// The time of what was newest.
    t: AtomicI64,
    /// Whether something changed that is not newer than that.
    changed: AtomicBool,
}

impl Default for Saved {
    fn default() -> Self {
        Self {
            t: AtomicI64::new(i64::MIN),
            changed: AtomicBool::new(true),
        }
    }
}

impl Saved {
    pub(crate) fn t(&self) -> i64 {
        self.t.load(Ordering::Relaxed)
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Whether the last snapshot has it at all.
    pub(crate) fn is_new(&self) -> bool {
        self.t() == i64::MIN
    }

    pub(crate) fn note(&self, t: i64) {
        self.t.store(t, Ordering::Relaxed);
        self.changed.store(false, Ordering::Relaxed);
    }

    pub(super) fn note_change(&mut self) {
        *self.changed.get_mut() = true;
    }
}

/// The native histograms of a series that came in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeadHistograms {
    pub(crate) open: OpenHistograms,
    pub(crate) chunks: Vec<Arc<Chunk>>,
    pub(crate) last: Option<HistogramSample>,
    /// Whether the last one lies in no chunk yet, as that of a delta series: it may be added to.
    pub(super) is_held: bool,
}

impl HeadSeries {
    pub(crate) fn new(labels: SymbolPairs, kind: MetricKind, temporality: Temporality) -> Self {
        Self {
            labels,
            shared: OnceLock::new(),
            key: 0,
            kind,
            delta: temporality == Temporality::Delta,
            kept: false,
            saved: Saved::default(),
            next: None,
            open: Vec::new(),
            growing: OpenChunk::default(),
            chunks: Vec::new(),
            histograms: None,
            late: None,
        }
    }

    /// The labels, made only once.
    pub(crate) fn shared_labels(&self, make: impl FnOnce() -> LabelSet) -> Arc<LabelSet> {
        Arc::clone(self.shared.get_or_init(|| Arc::new(make())))
    }

    /// The newest float.
    pub(crate) fn last(&self) -> Option<Sample> {
        self.open.last().copied()
    }

    /// The time of what is newest.
    pub(crate) fn newest_t(&self) -> Option<i64> {
        let histogram = self.histograms.as_ref().and_then(|h| h.last.as_ref());
        let histogram = histogram.map(|last| last.t);
        self.last().map(|last| last.t).max(histogram)
    }

    /// What stands against the state of a cumulative series; `None` if it can be taken.
    pub(crate) fn objection(&self, sample: Sample, window_ms: i64) -> Option<Refusal> {
        let newest = self.newest_t()?;
        if sample.t > newest {
            return None;
        }
        if newest.saturating_sub(sample.t) > window_ms {
            return Some(Refusal::TooOld);
        }
        let is_other = match self.open.binary_search_by_key(&sample.t, |s| s.t) {
            Ok(at) => !same_value(self.open[at].v, sample.v),
            Err(_) => self.has_histogram_at(sample.t),
        };
        is_other.then_some(Refusal::DuplicateTime)
    }

    /// Takes the state of a cumulative series. Gives how many bytes it grew by.
    pub(crate) fn observe(&mut self, sample: Sample, window_ms: i64) -> Result<usize, Refusal> {
        if self.newest_t().is_none_or(|newest| sample.t > newest) {
            return Ok(self.extend(sample));
        }
        if let Some(refusal) = self.objection(sample, window_ms) {
            return Err(refusal);
        }
        if self.open.binary_search_by_key(&sample.t, |s| s.t).is_ok() {
            return Ok(0);
        }
        self.saved.note_change();
        self.late.get_or_insert_default().insert(sample)?;
        Ok(size_of::<Sample>())
    }

    /// What stands against a histogram.
    pub(crate) fn histogram_objection(
        &self,
        sample: &HistogramSample,
        window_ms: i64,
    ) -> Option<Refusal> {
        let newest = self.newest_t()?;
        if sample.t > newest {
            return None;
        }
        if newest.saturating_sub(sample.t) > window_ms {
            return Some(Refusal::TooOld);
        }
        let histogram = self.histograms.as_ref().and_then(|h| h.last.as_ref());
        let other = histogram.is_some_and(|last| last.t == sample.t && last.h != sample.h);
        let float = self.open.binary_search_by_key(&sample.t, |s| s.t).is_ok();
        (other || float).then_some(Refusal::DuplicateTime)
    }

    /// Takes a histogram. Gives how many bytes it grew by.
    pub(crate) fn observe_histogram(
        &mut self,
        sample: &HistogramSample,
        window_ms: i64,
    ) -> Result<usize, Refusal> {
        if is_stale(sample.h.sum) {
            let (t, v) = (sample.t, sample.h.sum);
            return self.observe(Sample { t, v }, window_ms);
        }
        if let Some(refusal) = self.histogram_objection(sample, window_ms) {
            return Err(refusal);
        }
        self.saved.note_change();
        if self.newest_t().is_none_or(|newest| sample.t > newest) {
            return Ok(self.histograms.get_or_insert_default().extend(sample));
        }
        if !self.has_histogram_at(sample.t) {
            self.late.get_or_insert_default().insert_histogram(sample)?;
        }
        Ok(size_of::<HistogramSample>())
    }

    /// Adds to the value of a delta series. What is late counts at the time of the last sample, so
    /// that the series never falls.
    pub(crate) fn add(&mut self, by: Sample) -> usize {
        let Some(last) = self.open.last_mut() else {
            let born = by.t.saturating_sub(BIRTH_MS);
            return self.extend(Sample { t: born, v: 0.0 }) + self.extend(by);
        };
        let v = last.v + by.v;
        if by.t <= last.t {
            last.v = v;
            if self.open.len() == 1 {
                self.kept = false;
            }
            self.saved.note_change();
            return 0;
        }
        let last = *last;
        let mut grown = 0;
        if by.t - last.t > CARRY_MS {
            let t = by.t - BIRTH_MS;
            grown = self.extend(Sample { t, v: last.v });
        }
        grown + self.extend(Sample { t: by.t, v })
    }

    /// Appends a float that is newer than all. Gives how many bytes it grew by.
    pub(crate) fn extend(&mut self, sample: Sample) -> usize {
        let mut grown = 0;
        if let Some(first) = self.open.first() {
            let crosses = window_of(first.t) != window_of(sample.t);
            if crosses || self.open.len() >= OPEN_SAMPLES {
                grown += self.compress();
                if crosses {
                    self.chunks.extend(self.growing.seal().map(Arc::new));
                }
                self.open.clear();
            }
        }
        let capacity = self.open.capacity();
        self.open.push(sample);
        grown + (self.open.capacity() - capacity) * size_of::<Sample>()
    }

    /// Seals all floats; the newest stays open beside.
    pub(crate) fn seal(&mut self) {
        self.compress();
        self.chunks.extend(self.growing.seal().map(Arc::new));
        if let Some(last) = self.last() {
            self.open.clear();
            self.open.push(last);
            self.kept = true;
        }
    }

    /// Puts what is open into the chunk that grows.
    fn compress(&mut self) -> usize {
        let first = usize::from(self.kept).min(self.open.len());
        self.kept = false;
        let open = &self.open[first..];
        let crosses = match (self.growing.bounds(), open.first()) {
            (Some((start, _)), Some(first)) => window_of(start) != window_of(first.t),
            _ => false,
        };
        if crosses {
            self.chunks.extend(self.growing.seal().map(Arc::new));
        }
        self.growing.push(open)
    }

    /// Whether blocks hold all of it, and nothing more is to be expected after `t`.
    pub(crate) fn is_spent(&self, t: i64) -> bool {
        let histograms = self.histograms.as_deref();
        self.chunks.is_empty()
            && self.growing.is_empty()
            && self.late.is_none()
            && self.open.len() <= usize::from(self.kept)
            && histograms.is_none_or(|h| h.chunks.is_empty() && h.open.is_empty() && !h.is_held)
            && self.newest_t().is_none_or(|newest| newest < t)
    }

    /// What may lie in `from..=to`, later parts outranking earlier ones.
    pub(crate) fn parts(&self, from: i64, to: i64, parts: &mut Vec<Part>) {
        if let Some(late) = &self.late {
            late.parts(from, to, parts);
        }
        let sealed = self.chunks.iter();
        let histograms = self.histograms.as_deref();
        let sealed = sealed.chain(histograms.map(|h| h.chunks.iter()).into_iter().flatten());
        let sealed = sealed.filter(|chunk| chunk.overlaps(from, to));
        parts.extend(sealed.map(|chunk| Part::Chunk(Arc::clone(chunk))));
        let overlaps = |bounds: Option<(i64, i64)>| {
            bounds.is_some_and(|(first, last)| first <= to && last >= from)
        };
        if let Some(open) = histograms.map(|h| &h.open)
            && overlaps(open.bounds())
        {
            parts.extend(open.sealed().map(|chunk| Part::Chunk(Arc::new(chunk))));
        }
        if let Some(held) = histograms.and_then(HeadHistograms::held)
            && overlaps(Some((held.t, held.t)))
        {
            parts.push(Part::Histograms([held.clone()].into()));
        }
        if overlaps(self.growing.bounds()) {
            parts.extend(
                self.growing
                    .sealed()
                    .map(|chunk| Part::Chunk(Arc::new(chunk))),
            );
        }
        let start = self.open.partition_point(|s| s.t < from);
        let end = self.open.partition_point(|s| s.t <= to);
        if start < end {
            parts.push(Part::Samples(self.open[start..end].into()));
        }
    }

    /// What its samples take in memory.
    pub(crate) fn sample_bytes(&self) -> usize {
        let chunks = |chunks: &[Arc<Chunk>]| -> usize {
            let bytes = chunks.iter().map(|chunk| chunk.bytes.len() + CHUNK_COST);
            bytes.sum()
        };
        let late = self.late.as_deref().map_or(0, |late| {
            late.floats.len() * size_of::<Sample>()
                + late.histograms.len() * size_of::<HistogramSample>()
                + chunks(&late.chunks)
        });
        let histograms = self.histograms.as_deref();
        self.open.capacity() * size_of::<Sample>()
            + self.growing.len()
            + chunks(&self.chunks)
            + histograms.map_or(0, |h| h.open.len() + chunks(&h.chunks))
            + late
    }

    /// How many chunks it has, those that grow among them.
    pub(crate) fn chunk_count(&self) -> usize {
        let histograms = self.histograms.as_deref();
        let late = self.late.as_deref().map_or(0, |late| late.chunks.len());
        let sealed = histograms.map_or(0, |h| h.chunks.len() + usize::from(!h.open.is_empty()));
        self.chunks.len() + sealed + late + usize::from(!self.growing.is_empty())
    }

    /// The times of the first and the last of what there is.
    pub(crate) fn bounds(&self) -> Option<(i64, i64)> {
        let newest = self.newest_t()?;
        let histograms = self.histograms.as_deref();
        let sealed = histograms.map(|h| h.chunks.as_slice()).unwrap_or_default();
        let late = self.late.as_deref();
        let late_chunks = late.map(|late| late.chunks.as_slice()).unwrap_or_default();
        let chunks = [self.chunks.as_slice(), sealed, late_chunks].concat();
        let firsts = [
            chunks.iter().map(|chunk| chunk.min_t).min(),
            self.growing.bounds().map(|(first, _)| first),
            self.open.first().map(|first| first.t),
            histograms
                .and_then(|h| h.open.bounds())
                .map(|(first, _)| first),
            late.and_then(|late| late.floats.first())
                .map(|first| first.t),
            late.and_then(|late| late.histograms.first())
                .map(|first| first.t),
        ];
        Some((firsts.into_iter().flatten().min().unwrap_or(newest), newest))
    }

    fn has_histogram_at(&self, t: i64) -> bool {
        let last = self.histograms.as_ref().and_then(|h| h.last.as_ref());
        last.is_some_and(|last| last.t == t)
    }
}

impl HeadHistograms {
    pub(crate) fn extend(&mut self, sample: &HistogramSample) -> usize {
        let crosses = self
            .open
            .bounds()
            .is_some_and(|(first, _)| window_of(first) != window_of(sample.t));
        if crosses || !self.open.takes(&sample.h) {
            self.seal();
        }
        self.last = Some(sample.clone());
        self.open.push(sample)
    }

    pub(crate) fn seal(&mut self) {
        self.chunks.extend(self.open.seal().map(Arc::new));
    }
}
