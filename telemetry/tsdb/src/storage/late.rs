use std::sync::Arc;

use watchfire_schemas::Sample;

use super::chunk::{CHUNK_SAMPLES, Chunk, window_of};
use super::refusal::Refusal;
use super::slice::Part;
use crate::staleness::same_value;

/// Samples of one series that came out of order: a sorted buffer, packed into chunks when full.
/// The chunks may overlap each other and those of the series.
#[derive(Debug, Clone, Default)]
pub(crate) struct LateSamples {
    pub(crate) buffer: Vec<Sample>,
    pub(crate) chunks: Vec<Arc<Chunk>>,
}

impl LateSamples {
    pub(crate) fn insert(&mut self, sample: Sample) -> Result<(), Refusal> {
        match self.buffer.binary_search_by_key(&sample.t, |s| s.t) {
            Ok(at) if same_value(self.buffer[at].v, sample.v) => return Ok(()),
            Ok(_) => return Err(Refusal::DuplicateTime),
            Err(at) => self.buffer.insert(at, sample),
        }
        if self.buffer.len() >= CHUNK_SAMPLES as usize {
            self.pack(i64::MAX);
        }
        Ok(())
    }

    /// Packs what lies in windows before `end_window` into chunks.
    pub(crate) fn pack(&mut self, end_window: i64) {
        let due = self.buffer.partition_point(|s| window_of(s.t) < end_window);
        let packed = Chunk::pack(&self.buffer[..due]);
        self.chunks.extend(packed.into_iter().map(Arc::new));
        self.buffer.drain(..due);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.chunks.is_empty()
    }

    pub(crate) fn parts(&self, from: i64, to: i64, parts: &mut Vec<Part>) {
        let chunks = self.chunks.iter().filter(|chunk| chunk.overlaps(from, to));
        parts.extend(chunks.map(|chunk| Part::Chunk(Arc::clone(chunk))));
        let start = self.buffer.partition_point(|s| s.t < from);
        let end = self.buffer.partition_point(|s| s.t <= to);
        if start < end {
            parts.push(Part::Samples(self.buffer[start..end].to_vec()));
        }
    }
}
