use std::ops::Range;
use std::sync::Arc;

use watchfire_schemas::{
    Exemplar, HistogramSample, LabelSet, MetricKind, Sample, SeriesSamples, Temporality,
};

use crate::WriteBatch;

/// What a batch of the log brings beside what is derived.
#[derive(Debug, Clone, Copy)]
pub enum Came<'b> {
    /// Series with their labels.
    Series(&'b [SeriesSamples]),
    /// What was written remotely.
    Written(&'b WriteBatch),
}

/// Increments of many series, each of which whoever makes them knows by a number: of a series that
/// was there before, no label is read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeltaBatch {
    series: Vec<DeltaSeries>,
    samples: Vec<Sample>,
    histograms: Vec<HistogramSample>,
    exemplars: Vec<Exemplar>,
}

/// One series of a [`DeltaBatch`].
#[derive(Debug, Clone, PartialEq)]
pub struct DeltaSeries {
    /// The number: the same for the same labels, no other series' in this process.
    pub key: u64,
    /// Its labels, should nobody know the number yet.
    pub labels: DeltaLabels,
    /// What its metric is.
    pub kind: MetricKind,
    samples: Range<usize>,
    histograms: Range<usize>,
    exemplars: Range<usize>,
}

/// The labels of a series of a family: those that all of them share, the metric's name, and `le`.
#[derive(Debug, Clone, PartialEq)]
pub struct DeltaLabels {
    /// The metric's name.
    pub name: &'static str,
    /// The upper bound of a bucket; empty for what is none.
    pub le: &'static str,
    /// What the family shares.
    pub shared: Arc<[(&'static str, Box<str>)]>,
}

impl DeltaLabels {
    /// All of them.
    pub fn label_set(&self) -> LabelSet {
        let shared = self.shared.iter().map(|(name, value)| (*name, &**value));
        LabelSet::metric(self.name, shared.chain([("le", self.le)]))
    }
}

impl DeltaBatch {
    /// Begins a series: what is pushed next is its own.
    pub fn begin(&mut self, key: u64, labels: DeltaLabels, kind: MetricKind) {
        let (samples, histograms) = (self.samples.len(), self.histograms.len());
        let exemplars = self.exemplars.len();
        self.series.push(DeltaSeries {
            key,
            labels,
            kind,
            samples: samples..samples,
            histograms: histograms..histograms,
            exemplars: exemplars..exemplars,
        });
    }

    /// An increment of the series that was begun last; earliest first.
    pub fn sample(&mut self, t: i64, v: f64) {
        self.samples.push(Sample { t, v });
        if let Some(series) = self.series.last_mut() {
            series.samples.end = self.samples.len();
        }
    }

    /// A histogram to add to the series that was begun last; earliest first.
    pub fn histogram(&mut self, sample: HistogramSample) {
        self.histograms.push(sample);
        if let Some(series) = self.series.last_mut() {
            series.histograms.end = self.histograms.len();
        }
    }

    /// An exemplar of the series that was begun last.
    pub fn exemplar(&mut self, exemplar: Exemplar) {
        self.exemplars.push(exemplar);
        if let Some(series) = self.series.last_mut() {
            series.exemplars.end = self.exemplars.len();
        }
    }

    /// What it holds, by series.
    pub fn series(&self) -> &[DeltaSeries] {
        &self.series
    }

    /// The increments of one of its series.
    pub fn samples(&self, of: &DeltaSeries) -> &[Sample] {
        &self.samples[of.samples.clone()]
    }

    /// The histograms to add to one of its series.
    pub fn histograms(&self, of: &DeltaSeries) -> &[HistogramSample] {
        &self.histograms[of.histograms.clone()]
    }

    /// The exemplars of one of its series.
    pub fn exemplars(&self, of: &DeltaSeries) -> &[Exemplar] {
        &self.exemplars[of.exemplars.clone()]
    }

    /// The same with all labels written out.
    pub fn to_series(&self) -> Vec<SeriesSamples> {
        let series = self.series.iter().map(|one| SeriesSamples {
            labels: one.labels.label_set(),
            kind: one.kind,
            temporality: Temporality::Delta,
            samples: self.samples(one).to_vec(),
            histograms: self.histograms(one).to_vec(),
            exemplars: self.exemplars(one).to_vec(),
        });
        series.collect()
    }
}
