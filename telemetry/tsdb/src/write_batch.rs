//! What Prometheus' remote write brings, read without a string for a series that is known: the
//! labels stay the bytes that came, and a keyed hash of them stands for the series.

mod decode;
mod fault;
mod histogram;
mod key;
mod labels;
#[cfg(test)]
mod message;
mod request_v1;
mod request_v2;
#[cfg(test)]
mod tests;
mod wire;

use std::ops::Range;

use watchfire_schemas::{Exemplar, HistogramSample, LabelSet, MetricKind, MetricMetadata, Sample};

pub use fault::{Fault, FaultReason, Objection, Place, WriteError};

/// The protocol of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteVersion {
    /// `prometheus.WriteRequest`.
    V1,
    /// `io.prometheus.write.v2.Request`.
    V2,
}

/// The samples of one request by series, in columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WriteBatch {
    /// What the request said: the texts of the labels lie in it.
    body: Vec<u8>,
    /// Of 2.0: where each symbol lies in `body`.
    symbols: Vec<(u32, u32)>,
    /// Of 2.0: the labels of all series as pairs of symbols.
    references: Vec<u32>,
    series: Vec<WrittenSeries>,
    samples: Vec<Sample>,
    histograms: Vec<HistogramSample>,
    exemplars: Vec<Exemplar>,
    metadata: Vec<MetricMetadata>,
    faults: Vec<Fault>,
    /// What all of it takes in memory.
    bytes: usize,
}

/// One series of a request: where its parts lie in the columns of its [`WriteBatch`].
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenSeries {
    /// Of two series with the same key the labels are the same, as long as the process runs. The
    /// other way round it does not hold: labels may be written in several ways, and then have
    /// several keys. So it is a key of a cache, not an identity.
    pub key: u128,
    /// What its metric is, if the sender said so.
    pub kind: MetricKind,
    /// When its counting began, in milliseconds since the epoch; 0 if nobody said. A store puts a
    /// zero there if it holds nothing at or after this time and the first sample is later.
    pub created: i64,
    labels: Span,
    samples: Span,
    histograms: Span,
    exemplars: Span,
}

/// A range of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Span {
    start: u32,
    end: u32,
}

impl WriteBatch {
    /// How many times the bytes of its request a batch may take in memory besides them.
    pub const MOST_TIMES: usize = 12;

    /// Reads a request as it is after decompression.
    ///
    /// What cannot be read is an error. What can, but is against the rules for one sample,
    /// histogram or exemplar, is left out and told by [`Self::faults`]. Labels are looked at only
    /// by [`Self::labels`].
    pub fn decode(body: Vec<u8>, version: WriteVersion) -> Result<Self, WriteError> {
        decode::decode(body, version)
    }

    /// All series that have a sample or a histogram.
    pub fn series(&self) -> &[WrittenSeries] {
        &self.series
    }

    /// The labels of a series, checked: sorted by name, each name once, none empty, a metric's name
    /// among them.
    pub fn labels(&self, series: &WrittenSeries) -> Result<LabelSet, FaultReason> {
        labels::of_series(self, series)
    }

    /// One label of a series without a look at the rest; what cannot be read is none.
    pub fn label(&self, series: &WrittenSeries, name: &str) -> Option<&str> {
        let mut pairs = labels::pairs(self, series);
        let found = pairs.find_map(|pair| {
            let (other, value) = pair.ok()?;
            (other == name.as_bytes()).then_some(value)
        });
        std::str::from_utf8(found?).ok()
    }

    /// The samples of a series, earliest first.
    pub fn samples(&self, series: &WrittenSeries) -> &[Sample] {
        &self.samples[series.samples.range()]
    }

    /// The native histograms of a series, earliest first.
    pub fn histograms(&self, series: &WrittenSeries) -> &[HistogramSample] {
        &self.histograms[series.histograms.range()]
    }

    /// The exemplars of a series.
    pub fn exemplars(&self, series: &WrittenSeries) -> &[Exemplar] {
        &self.exemplars[series.exemplars.range()]
    }

    /// What the sender says of its metrics, each once.
    pub fn metadata(&self) -> &[MetricMetadata] {
        &self.metadata
    }

    /// What was left out when it was read.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// How many samples there are.
    pub fn sample_count(&self) -> usize {
        self.samples.len()
    }

    /// How many native histograms there are.
    pub fn histogram_count(&self) -> usize {
        self.histograms.len()
    }

    /// How many exemplars there are.
    pub fn exemplar_count(&self) -> usize {
        self.exemplars.len()
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.metadata.is_empty()
    }

    /// The same without what will not be taken. The objections are in the order of their series.
    #[must_use]
    pub fn without(mut self, objections: &[Objection]) -> Self {
        let (samples, histograms) = (
            std::mem::take(&mut self.samples),
            std::mem::take(&mut self.histograms),
        );
        let mut kept = Vec::with_capacity(self.series.len());
        let mut rest = objections.iter().peekable();
        for (index, mut series) in std::mem::take(&mut self.series).into_iter().enumerate() {
            let mut against = Vec::new();
            while let Some(one) = rest.next_if(|one| one.series <= index) {
                against.push(one.place);
            }
            let is_kept =
                |place: Place| !against.contains(&Place::All) && !against.contains(&place);
            let start = self.samples.len() as u32;
            for (at, sample) in samples[series.samples.range()].iter().enumerate() {
                if is_kept(Place::Sample(at)) {
                    self.samples.push(*sample);
                }
            }
            series.samples = Span::to_end(start, &self.samples);
            let start = self.histograms.len() as u32;
            for (at, histogram) in histograms[series.histograms.range()].iter().enumerate() {
                if is_kept(Place::Histogram(at)) {
                    self.histograms.push(histogram.clone());
                }
            }
            series.histograms = Span::to_end(start, &self.histograms);
            if series.samples.range().len() + series.histograms.range().len() > 0 {
                kept.push(series);
            }
        }
        self.series = kept;
        self
    }
}

impl Span {
    fn to_end<T>(start: u32, column: &[T]) -> Self {
        Self {
            start,
            end: column.len() as u32,
        }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}
