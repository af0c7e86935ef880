mod delta;
mod lookup;
mod order;
mod read;
mod written;

use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;
use watchfire_schemas::{BatchSeq, HistogramSample, LabelSet, Sample, SeriesSamples, Temporality};

use self::order::Order;
use super::exemplars::ExemplarRing;
use super::head_series::HeadSeries;
use super::label_index::{LabelIndex, SeriesId};
use super::limits::{Bounds, check_labels};
use super::metadata::Metadata;
use super::refusal::{Refusal, Refusals};

/// The label of the series that takes the deltas of what the series limit kept out.
pub(crate) const OVERFLOW_LABEL: &str = "watchfire_overflow";

/// How many overflow series may be above the limit.
const MOST_OVERFLOW_SERIES: usize = 1000;

/// How many gaps may be in the list of series, beside as many as there are series.
const MOST_GAPS: usize = 1 << 16;

/// What a series takes beside its samples and labels: itself, its places in the list and in both
/// maps.
const SERIES_COST: usize = size_of::<HeadSeries>() + 8 + 2 * 28;
/// What a label takes: its symbols, and a place in a list of the index.
const LABEL_COST: usize = 8 + 6;
/// Room that is kept for what each series will still grow by; else those that were let in could
/// outgrow the budget.
const ROOM_TO_GROW: usize = 512;
/// What a series that begins is expected to take, that room included.
const NEW_SERIES: usize = 2 * ROOM_TO_GROW;

/// The series that are being written, in memory.
#[derive(Debug)]
pub(crate) struct Head {
    /// The last batch that was applied.
    pub(crate) batch: BatchSeq,
    pub(crate) index: LabelIndex,
    /// By number; a spent series leaves a gap.
    pub(crate) series: Vec<Option<Box<HeadSeries>>>,
    /// The first series of each hash of labels; see [`HeadSeries::next`].
    by_hash: FxHashMap<u64, SeriesId>,
    /// Series by the lower half of the key by which remote write knows them.
    by_key: FxHashMap<u64, SeriesId>,
    /// How often series got other numbers.
    pub(crate) numbering: u64,
    /// Found out by queries, under a lock for reading.
    order: Mutex<Arc<Order>>,
    pub(crate) live: usize,
    overflow: usize,
    /// Labels of all series.
    labels: usize,
    /// What samples take in memory.
    sample_bytes: usize,
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
            by_key: FxHashMap::default(),
            numbering: 0,
            order: Mutex::default(),
            live: 0,
            overflow: 0,
            labels: 0,
            sample_bytes: 0,
            samples: 0,
            exemplars: ExemplarRing::new(ExemplarRing::CAPACITY),
            metadata: Metadata::default(),
        }
    }

    /// What it takes in memory, about.
    pub(crate) fn memory(&self) -> usize {
        self.live * SERIES_COST
            + self.labels * LABEL_COST
            + self.series.len() * 8
            + self.sample_bytes
            + self.index.symbols.bytes()
            + self.exemplars.bytes()
            + self.metadata.bytes()
    }

    /// Takes the samples of a series; those that are not taken are counted.
    pub(crate) fn append(&mut self, series: &SeriesSamples, bounds: Bounds, refusals: &Refusals) {
        let all = (series.samples.len() + series.histograms.len()) as u64;
        let id = match self.series_for(series, bounds) {
            Ok(id) => id,
            Err(reason) => return refusals.count(reason, all),
        };
        let delta = series.temporality == Temporality::Delta;
        if self.series(id).is_none_or(|one| one.delta != delta) {
            return refusals.count(Refusal::Temporality, all);
        }
        self.take_all(id, &series.samples, &series.histograms, bounds, refusals);
        for exemplar in &series.exemplars {
            self.exemplars.push(&series.labels, exemplar.clone());
        }
    }

    /// Takes what there is of a series that is there.
    fn take_all(
        &mut self,
        id: SeriesId,
        samples: &[Sample],
        histograms: &[HistogramSample],
        bounds: Bounds,
        refusals: &Refusals,
    ) {
        let Some(series) = self.series[id as usize].as_deref_mut() else {
            return;
        };
        let mut note = |taken: Result<usize, Refusal>| match taken {
            Ok(grown) => {
                self.sample_bytes += grown;
                self.samples += 1;
            }
            Err(reason) => refusals.count(reason, 1),
        };
        for &sample in samples {
            note(take(series, sample, bounds));
        }
        for histogram in histograms {
            note(take_histogram(series, histogram, bounds));
        }
    }

    pub(crate) fn series(&self, id: SeriesId) -> Option<&HeadSeries> {
        self.series.get(id as usize)?.as_deref()
    }

    /// Adds a series that is not there yet.
    pub(crate) fn insert(&mut self, labels: &LabelSet, series: HeadSeries) -> SeriesId {
        let id = self.series.len();
        self.insert_at(id, labels, series)
    }

    /// The same at a place that is free, with gaps before it where need be.
    pub(crate) fn insert_at(
        &mut self,
        id: usize,
        labels: &LabelSet,
        mut series: HeadSeries,
    ) -> SeriesId {
        self.series.resize_with(id, || None);
        let id = SeriesId::try_from(id).expect("fewer than 2^32 series");
        series.next = self.link(labels, id);
        self.index.insert(id, &series.labels);
        self.overflow += usize::from(labels.get(OVERFLOW_LABEL).is_some());
        self.labels += series.labels.len();
        self.sample_bytes += series.sample_bytes();
        self.series.push(Some(Box::new(series)));
        self.live += 1;
        id
    }

    /// Takes out series, given in the order of their numbers.
    pub(crate) fn remove(&mut self, ids: &[SeriesId]) {
        let mut gone = Vec::with_capacity(ids.len());
        for &id in ids {
            let Some(series) = self.series(id) else {
                continue;
            };
            let labels = self.index.symbols.label_set(&series.labels);
            self.unlink(&labels, id);
            self.overflow -= usize::from(labels.get(OVERFLOW_LABEL).is_some());
            if let Some(series) = self.series[id as usize].take() {
                self.labels -= series.labels.len();
                gone.push((id, series));
            }
        }
        let dead: Vec<_> = gone.iter().map(|(id, s)| (*id, &*s.labels)).collect();
        self.index.remove(&dead);
        for (_, series) in &gone {
            self.index.symbols.release(&series.labels);
        }
        self.live -= gone.len();
        if self.series.len() > self.live * 2 + MOST_GAPS {
            self.renumber();
        }
    }

    /// Closes the gaps that spent series left.
    fn renumber(&mut self) {
        let old = std::mem::take(&mut self.series);
        self.index.clear();
        self.by_hash.clear();
        self.by_key.clear();
        for (id, mut series) in old.into_iter().flatten().enumerate() {
            let id = id as SeriesId;
            let labels = self.labels_of(&series);
            series.next = self.link(&labels, id);
            self.index.insert(id, &series.labels);
            if series.key != 0 {
                self.by_key.insert(series.key as u64, id);
            }
            self.series.push(Some(series));
        }
        self.numbering += 1;
    }

    /// Counts anew what samples take: for who took some out.
    pub(crate) fn weigh(&mut self) {
        let series = self.series.iter().flatten();
        self.sample_bytes = series.map(|series| series.sample_bytes()).sum();
    }

    /// What stands against a new series beside its labels, if `others` begin before it.
    pub(crate) fn objection_to_new(&self, bounds: Bounds, others: usize) -> Option<Refusal> {
        if self.live - self.overflow + others >= bounds.max_series {
            return Some(Refusal::SeriesLimit);
        }
        let foreseen = self.memory() + self.live * ROOM_TO_GROW + (others + 1) * NEW_SERIES;
        (foreseen > bounds.max_memory).then_some(Refusal::MemoryLimit)
    }

    fn series_for(&mut self, samples: &SeriesSamples, bounds: Bounds) -> Result<SeriesId, Refusal> {
        let labels = &samples.labels;
        if let Some(id) = self.find(labels) {
            return Ok(id);
        }
        check_labels(labels)?;
        let Some(refusal) = self.objection_to_new(bounds, 0) else {
            self.metadata.learn(labels.name(), samples.kind);
            return Ok(self.begin(labels, samples));
        };
        if samples.temporality == Temporality::Cumulative {
            return Err(refusal);
        }
        let overflow = LabelSet::metric(labels.name(), [(OVERFLOW_LABEL, "true")]);
        match self.find(&overflow) {
            Some(id) => Ok(id),
            None if self.overflow < MOST_OVERFLOW_SERIES => Ok(self.begin(&overflow, samples)),
            None => Err(refusal),
        }
    }

    fn begin(&mut self, labels: &LabelSet, samples: &SeriesSamples) -> SeriesId {
        let symbols = self.index.symbols.intern_labels(labels);
        let series = HeadSeries::new(symbols, samples.kind, samples.temporality);
        self.insert(labels, series)
    }

    /// The labels of a series as they are handed out.
    pub(crate) fn labels_of(&self, series: &HeadSeries) -> Arc<LabelSet> {
        series.shared_labels(|| self.index.symbols.label_set(&series.labels))
    }
}

fn take(series: &mut HeadSeries, sample: Sample, bounds: Bounds) -> Result<usize, Refusal> {
    if let Some(refusal) = bounds.objection(sample.t) {
        return Err(refusal);
    }
    if series.delta {
        if !sample.v.is_finite() {
            return Err(Refusal::NoIncrement);
        }
        return Ok(series.add(sample));
    }
    series.observe(sample, bounds.out_of_order_ms)
}

fn take_histogram(
    series: &mut HeadSeries,
    sample: &HistogramSample,
    bounds: Bounds,
) -> Result<usize, Refusal> {
    if let Some(refusal) = bounds.objection(sample.t) {
        return Err(refusal);
    }
    if series.delta {
        return series.add_histogram(sample);
    }
    series.observe_histogram(sample, bounds.out_of_order_ms)
}
