use std::sync::Arc;

use watchfire_schemas::{HistogramSample, Sample};

use super::chunk::{Chunk, window_of};
use super::histogram_codec::OpenHistograms;
use super::refusal::Refusal;
use super::slice::Part;
use crate::staleness::same_value;

/// How many samples wait to be packed.
const BUFFER: usize = 120;

/// Samples of one series that came out of order: sorted buffers, packed into chunks when full.
/// The chunks may overlap each other and those of the series.
#[derive(Debug, Clone, Default)]
pub(crate) struct LateSamples {
    pub(crate) floats: Vec<Sample>,
    pub(crate) histograms: Vec<HistogramSample>,
    pub(crate) chunks: Vec<Arc<Chunk>>,
}

impl LateSamples {
    pub(crate) fn insert(&mut self, sample: Sample) -> Result<(), Refusal> {
        match self.floats.binary_search_by_key(&sample.t, |s| s.t) {
            Ok(at) if same_value(self.floats[at].v, sample.v) => return Ok(()),
            Ok(_) => return Err(Refusal::DuplicateTime),
            Err(at) => self.floats.insert(at, sample),
        }
        if self.floats.len() >= BUFFER {
            self.pack(i64::MAX);
        }
        Ok(())
    }

    pub(crate) fn insert_histogram(&mut self, sample: &HistogramSample) -> Result<(), Refusal> {
        match self.histograms.binary_search_by_key(&sample.t, |s| s.t) {
            Ok(at) if self.histograms[at].h == sample.h => return Ok(()),
            Ok(_) => return Err(Refusal::DuplicateTime),
            Err(at) => self.histograms.insert(at, sample.clone()),
        }
        if self.histograms.len() >= BUFFER {
            self.pack(i64::MAX);
        }
        Ok(())
    }

    /// Packs what lies in windows before `end_window` into chunks.
    pub(crate) fn pack(&mut self, end_window: i64) {
        let due = self.floats.partition_point(|s| window_of(s.t) < end_window);
        let packed = Chunk::pack(&self.floats[..due]);
        self.chunks.extend(packed.into_iter().map(Arc::new));
        self.floats.drain(..due);
        let due = self
            .histograms
            .partition_point(|s| window_of(s.t) < end_window);
        let packed = pack_histograms(&self.histograms[..due]);
        self.chunks.extend(packed.into_iter().map(Arc::new));
        self.histograms.drain(..due);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty() && self.chunks.is_empty()
    }

    pub(crate) fn parts(&self, from: i64, to: i64, parts: &mut Vec<Part>) {
        let chunks = self.chunks.iter().filter(|chunk| chunk.overlaps(from, to));
        parts.extend(chunks.map(|chunk| Part::Chunk(Arc::clone(chunk))));
        let start = self.floats.partition_point(|s| s.t < from);
        let end = self.floats.partition_point(|s| s.t <= to);
        if start < end {
            parts.push(Part::Samples(self.floats[start..end].into()));
        }
        let start = self.histograms.partition_point(|s| s.t < from);
        let end = self.histograms.partition_point(|s| s.t <= to);
        if start < end {
            parts.push(Part::Histograms(self.histograms[start..end].into()));
        }
    }
}

/// Chunks of histograms in the order of time.
pub(crate) fn pack_histograms(samples: &[HistogramSample]) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut open = OpenHistograms::default();
    for sample in samples {
        let crosses = open
            .bounds()
            .is_some_and(|(first, _)| window_of(first) != window_of(sample.t));
        if crosses || !open.takes(&sample.h) {
            chunks.extend(open.seal());
        }
        open.push(sample);
    }
    chunks.extend(open.seal());
    chunks
}
