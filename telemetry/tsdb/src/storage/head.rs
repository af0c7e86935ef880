use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use rustc_hash::{FxBuildHasher, FxHashMap};
use watchfire_schemas::{BatchSeq, LabelSet, Sample, SeriesSamples, Temporality};

use super::exemplars::ExemplarRing;
use super::head_series::HeadSeries;
use super::label_index::{LabelIndex, SeriesId};
use super::metadata::Metadata;
use super::refusal::{Refusal, Refusals};
use super::slice::{Part, Slice};
use crate::matcher::Selector;

/// The label of the series that takes the deltas of what the series limit kept out.
pub(crate) const OVERFLOW_LABEL: &str = "watchfire_overflow";

/// How many overflow series may be above the limit.
const MOST_OVERFLOW_SERIES: usize = 1000;

/// What bounds the samples that are taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) max_series: usize,
    pub(crate) out_of_order_ms: i64,
    /// Samples before are refused.
    pub(crate) earliest: i64,
    /// Samples after are refused.
    pub(crate) latest: i64,
}

/// The series that are being written, in memory.
#[derive(Debug)]
pub(crate) struct Head {
    /// The last batch that was applied.
    pub(crate) batch: BatchSeq,
    pub(crate) index: LabelIndex,
    /// By number; a spent series leaves a gap until the next start.
    pub(crate) series: Vec<Option<Box<HeadSeries>>>,
    /// The first series of each hash of labels; see [`HeadSeries::next`].
    by_hash: FxHashMap<u64, SeriesId>,
    pub(crate) live: usize,
    overflow: usize,
    pub(crate) samples: u64,
    pub(crate) exemplars: ExemplarRing,
    pub(crate) metadata: Metadata,
}

impl Head {
    pub(crate) fn new() -> Self {
        Self {
            batch: BatchSeq::ZERO,
            index: LabelIndex::default(),
            series: Vec::new(),
            by_hash: FxHashMap::default(),
            live: 0,
            overflow: 0,
            samples: 0,
            exemplars: ExemplarRing::new(ExemplarRing::CAPACITY),
            metadata: Metadata::default(),
        }
    }

    /// Takes the samples of a series; those that are not taken are counted.
    pub(crate) fn append(&mut self, series: &SeriesSamples, bounds: Bounds, refusals: &Refusals) {
        let labels = &series.labels;
        let all = series.samples.len() as u64;
        let id = match self.series_for(labels, series, bounds.max_series) {
            Ok(id) => id,
            Err(reason) => return refusals.count(reason, all),
        };
        let Some(head_series) = self.series[id as usize].as_deref_mut() else {
            return;
        };
        if head_series.delta != (series.temporality == Temporality::Delta) {
            return refusals.count(Refusal::Temporality, all);
        }
        for &sample in &series.samples {
            match take(head_series, sample, bounds) {
                Ok(()) => self.samples += 1,
                Err(reason) => refusals.count(reason, 1),
            }
        }
        for exemplar in &series.exemplars {
            self.exemplars.push(labels, exemplar.clone());
        }
    }

    /// The series with these labels.
    pub(crate) fn find(&self, labels: &LabelSet) -> Option<SeriesId> {
        let mut next = self.by_hash.get(&hash_of(labels)).copied();
        while let Some(id) = next {
            let series = self.series[id as usize].as_deref()?;
            if self.index.symbols.stands_for(&series.labels, labels) {
                return Some(id);
            }
            next = series.next;
        }
        None
    }

    /// Adds a series that is not there yet.
    pub(crate) fn insert(&mut self, labels: &LabelSet, mut series: HeadSeries) -> SeriesId {
        let id = SeriesId::try_from(self.series.len()).expect("fewer than 2^32 series");
        series.next = self.by_hash.insert(hash_of(labels), id);
        self.index.insert(id, &series.labels);
        self.overflow += usize::from(labels.get(OVERFLOW_LABEL).is_some());
        self.series.push(Some(Box::new(series)));
        self.live += 1;
        id
    }

    /// Takes out series, given in the order of their numbers.
    pub(crate) fn remove(&mut self, ids: &[SeriesId]) {
        let gone: Vec<_> = ids
            .iter()
            .filter_map(|&id| Some((id, self.series[id as usize].take()?)))
            .collect();
        for (id, series) in &gone {
            let labels = self.index.symbols.label_set(&series.labels);
            self.unlink(&labels, *id, series.next);
            self.overflow -= usize::from(labels.get(OVERFLOW_LABEL).is_some());
        }
        let dead: Vec<_> = gone.iter().map(|(id, s)| (*id, &*s.labels)).collect();
        self.index.remove(&dead);
        self.live -= gone.len();
    }

    /// The series that match, with what may lie in `from..=to`.
    pub(crate) fn select(&self, selector: &Selector, from: i64, to: i64) -> Vec<Slice> {
        let mut ids: Vec<_> = selector
            .alternatives
            .iter()
            .flat_map(|set| self.index.select(set))
            .collect();
        if selector.alternatives.len() > 1 {
            ids.sort_unstable();
            ids.dedup();
        }
        let slices = ids.into_iter().filter_map(|id| {
            let series = self.series[id as usize].as_deref()?;
            let from = if series.delta {
                Slice::reach_back(from)
            } else {
                from
            };
            let mut parts: Vec<Part> = Vec::new();
            series.parts(from, to, &mut parts);
            (!parts.is_empty()).then(|| Slice {
                labels: Arc::new(self.index.symbols.label_set(&series.labels)),
                carried: series.delta,
                parts,
            })
        });
        slices.collect()
    }

    fn series_for(
        &mut self,
        labels: &LabelSet,
        samples: &SeriesSamples,
        max_series: usize,
    ) -> Result<SeriesId, Refusal> {
        if let Some(id) = self.find(labels) {
            return Ok(id);
        }
        if labels.name().is_empty() {
            return Err(Refusal::NoName);
        }
        self.metadata.learn(labels.name(), samples.kind);
        if self.live - self.overflow < max_series {
            return Ok(self.begin(labels, samples));
        }
        if samples.temporality == Temporality::Cumulative {
            return Err(Refusal::SeriesLimit);
        }
        let overflow = LabelSet::metric(labels.name(), [(OVERFLOW_LABEL, "true")]);
        match self.find(&overflow) {
            Some(id) => Ok(id),
            None if self.overflow < MOST_OVERFLOW_SERIES => Ok(self.begin(&overflow, samples)),
            None => Err(Refusal::SeriesLimit),
        }
    }

    fn begin(&mut self, labels: &LabelSet, samples: &SeriesSamples) -> SeriesId {
        let symbols = self.index.symbols.intern_labels(labels);
        let series = HeadSeries::new(symbols, samples.kind, samples.temporality);
        self.insert(labels, series)
    }

    /// Takes a series out of its hash's list.
    fn unlink(&mut self, labels: &LabelSet, id: SeriesId, next: Option<SeriesId>) {
        let hash = hash_of(labels);
        let Some(&first) = self.by_hash.get(&hash) else {
            return;
        };
        if first == id {
            match next {
                Some(next) => drop(self.by_hash.insert(hash, next)),
                None => drop(self.by_hash.remove(&hash)),
            }
            return;
        }
        let mut at = first;
        while let Some(series) = self.series[at as usize].as_deref_mut() {
            match series.next {
                Some(after) if after == id => return series.next = next,
                Some(after) => at = after,
                None => return,
            }
        }
    }
}

fn take(series: &mut HeadSeries, sample: Sample, bounds: Bounds) -> Result<(), Refusal> {
    if sample.t < bounds.earliest {
        return Err(Refusal::TooOld);
    }
    if sample.t > bounds.latest {
        return Err(Refusal::TooFarAhead);
    }
    if series.delta {
        if !sample.v.is_finite() {
            return Err(Refusal::NoIncrement);
        }
        series.add(sample);
        return Ok(());
    }
    series.observe(sample, bounds.out_of_order_ms)
}

fn hash_of(labels: &LabelSet) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    labels.hash(&mut hasher);
    std::hash::Hasher::finish(&hasher)
}
