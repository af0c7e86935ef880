use std::sync::Arc;

use watchfire_schemas::{LabelSet, Sample};

use super::block::{Block, ChunkPlace};
use super::carry::carry_forward;
use super::chunk::Chunk;
use super::head_series::CARRY_MS;

/// Compressed or plain samples of one series, in the order of time within the part.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Chunk(Arc<Chunk>),
    Samples(Vec<Sample>),
    Stored(Arc<Block>, ChunkPlace),
}

/// A series as far as a query asked for it, not yet decoded. Where parts hold the same time, the
/// later part counts.
#[derive(Debug, Clone)]
pub(crate) struct Slice {
    pub(crate) labels: Arc<LabelSet>,
    /// Whether its last value is carried forward (see [`carry_forward`]).
    pub(crate) carried: bool,
    pub(crate) parts: Vec<Part>,
}

impl Slice {
    /// How far before the asked range storage must look, so that carried values are known.
    pub(crate) fn reach_back(from: i64) -> i64 {
        from.saturating_sub(CARRY_MS)
    }

    /// The samples in `from..=to`, earliest first, times unique. `now` bounds what is carried.
    pub(crate) fn decode(&self, from: i64, to: i64, now: i64) -> std::io::Result<Vec<Sample>> {
        let reach = if self.carried {
            Self::reach_back(from)
        } else {
            from
        };
        let mut samples = Vec::new();
        for part in &self.parts {
            part.decode(reach, to, &mut samples)?;
        }
        if !samples.is_sorted_by(|a, b| a.t < b.t) {
            samples.sort_by_key(|sample| sample.t);
            samples.reverse();
            samples.dedup_by_key(|sample| sample.t);
            samples.reverse();
        }
        if self.carried {
            samples = carry_forward(&samples, from, to.min(now));
        }
        Ok(samples)
    }
}

impl Part {
    fn decode(&self, from: i64, to: i64, samples: &mut Vec<Sample>) -> std::io::Result<()> {
        let inside = |sample: &Sample| (from..=to).contains(&sample.t);
        match self {
            Self::Chunk(chunk) => samples.extend(
                chunk
                    .samples()
                    .skip_while(|s| s.t < from)
                    .take_while(|s| s.t <= to),
            ),
            Self::Samples(plain) => samples.extend(plain.iter().copied().filter(inside)),
            Self::Stored(block, place) => {
                samples.extend(block.chunk(place)?.samples().filter(inside));
            }
        }
        Ok(())
    }
}
