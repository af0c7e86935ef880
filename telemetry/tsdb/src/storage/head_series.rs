use std::sync::Arc;

use watchfire_schemas::{MetricKind, Sample, Temporality};

use super::chunk::{CHUNK_SAMPLES, Chunk, window_of};
use super::gorilla::Encoder;
use super::late::LateSamples;
use super::refusal::Refusal;
use super::slice::Part;
use super::symbols::SymbolPairs;
use crate::staleness::same_value;

/// After this long without a sample, a delta series no longer carries its last value forward, and
/// its next sample is preceded by one with the old value.
pub(crate) const CARRY_MS: i64 = 3_600_000;

/// How long before its first sample a delta series is put at zero.
const BIRTH_MS: i64 = 1000;

/// A series in the head.
///
/// Samples lie in sealed chunks, the open encoder and `last`, in this order of time; what came out
/// of order lies aside in `late`. The last sample is kept out of the encoder so that a delta of the
/// same time can still be added to it.
#[derive(Debug, Clone)]
pub(crate) struct HeadSeries {
    pub(crate) labels: SymbolPairs,
    pub(crate) kind: MetricKind,
    /// Whether its samples come as deltas; then reading carries its last value forward.
    pub(crate) delta: bool,
    pub(crate) chunks: Vec<Arc<Chunk>>,
    pub(crate) open: Encoder,
    pub(crate) last: Option<Sample>,
    pub(crate) late: Option<Box<LateSamples>>,
    /// The last sample as a block holds it, if one does.
    pub(crate) flushed: Option<Sample>,
    /// The next series of the same hash.
    pub(crate) next: Option<u32>,
}

impl HeadSeries {
    pub(crate) fn new(labels: SymbolPairs, kind: MetricKind, temporality: Temporality) -> Self {
        Self {
            labels,
            kind,
            delta: temporality == Temporality::Delta,
            chunks: Vec::new(),
            open: Encoder::default(),
            last: None,
            late: None,
            flushed: None,
            next: None,
        }
    }

    /// Takes the state of a cumulative series.
    pub(crate) fn observe(&mut self, sample: Sample, window_ms: i64) -> Result<(), Refusal> {
        match self.last {
            Some(last) if sample.t == last.t => {
                let repeated = same_value(sample.v, last.v);
                repeated.then_some(()).ok_or(Refusal::DuplicateTime)
            }
            Some(last) if sample.t < last.t => {
                if last.t.saturating_sub(sample.t) > window_ms {
                    return Err(Refusal::TooOld);
                }
                self.late.get_or_insert_default().insert(sample)
            }
            _ => {
                self.extend(sample);
                Ok(())
            }
        }
    }

    /// Adds to the value of a delta series. What is late counts at the time of the last sample, so
    /// that the series never falls.
    pub(crate) fn add(&mut self, by: Sample) {
        let Some(last) = &mut self.last else {
            self.extend(Sample {
                t: by.t.saturating_sub(BIRTH_MS),
                v: 0.0,
            });
            self.extend(by);
            return;
        };
        let v = last.v + by.v;
        if by.t <= last.t {
            last.v = v;
            return;
        }
        if by.t - last.t > CARRY_MS {
            let before = Sample {
                t: by.t - BIRTH_MS,
                v: last.v,
            };
            self.extend(before);
        }
        self.extend(Sample { t: by.t, v });
    }

    /// Seals the open chunk, the last sample left out of it.
    pub(crate) fn seal(&mut self) {
        if let Some(chunk) = Chunk::sealed(&self.open) {
            self.chunks.push(Arc::new(chunk));
            self.open.clear();
        }
    }

    /// The last sample, if no block holds it as it is now.
    pub(crate) fn unflushed_last(&self) -> Option<Sample> {
        let same = |a: Sample, b: Sample| a.t == b.t && same_value(a.v, b.v);
        self.last
            .filter(|&last| self.flushed.is_none_or(|flushed| !same(last, flushed)))
    }

    /// Whether blocks hold all of it, and nothing more is to be expected after `t`.
    pub(crate) fn is_spent(&self, t: i64) -> bool {
        self.chunks.is_empty()
            && self.open.is_empty()
            && self.late.is_none()
            && self.unflushed_last().is_none()
            && self.last.is_none_or(|last| last.t < t)
    }

    /// What may lie in `from..=to`, later parts outranking earlier ones.
    pub(crate) fn parts(&self, from: i64, to: i64, parts: &mut Vec<Part>) {
        if let Some(late) = &self.late {
            late.parts(from, to, parts);
        }
        let first = self.chunks.partition_point(|chunk| chunk.max_t < from);
        let sealed = self.chunks[first..].iter().take_while(|c| c.min_t <= to);
        parts.extend(sealed.map(|chunk| Part::Chunk(Arc::clone(chunk))));
        if !self.open.is_empty() && self.open.first_t() <= to && self.open.last_t() >= from {
            parts.extend(Chunk::sealed(&self.open).map(|chunk| Part::Chunk(Arc::new(chunk))));
        }
        if let Some(last) = self.last
            && (from..=to).contains(&last.t)
        {
            parts.push(Part::Samples(vec![last]));
        }
    }

    fn extend(&mut self, sample: Sample) {
        if let Some(before) = self.last.replace(sample) {
            let crosses =
                !self.open.is_empty() && window_of(self.open.first_t()) != window_of(before.t);
            if crosses {
                self.seal();
            }
            self.open.push(before);
            if self.open.len() >= CHUNK_SAMPLES {
                self.seal();
            }
        }
    }
}
