use std::sync::Arc;

use watchfire_schemas::{LabelSet, Sample};

use super::block::{Block, ChunkPlace};
use super::carry::carry_forward;
use super::chunk::Chunk;
use super::head_series::CARRY_MS;
use super::points::Points;

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

    /// What lies in `from..=to`. `now` bounds what is carried.
    pub(crate) fn decode(&self, from: i64, to: i64, now: i64) -> std::io::Result<Points> {
        let mut points = Points::default();
        self.decode_into(from, to, now, &mut points)?;
        Ok(points)
    }

    /// The same in place of what is in `points`.
    pub(crate) fn decode_into(
        &self,
        from: i64,
        to: i64,
        now: i64,
        points: &mut Points,
    ) -> std::io::Result<()> {
        points.clear();
        let samples = &mut points.floats;
        let reach = if self.carried {
            Self::reach_back(from)
        } else {
            from
        };
        let before = self.last_part_before(from);
        for (at, part) in self.parts.iter().enumerate() {
            // Of what lies before the range only the last sample is carried into it.
            if part.last_t() >= Some(from) || Some(at) == before {
                part.decode(reach, to, samples)?;
            }
        }
        if !samples.is_sorted_by(|a, b| a.t < b.t) {
            samples.sort_by_key(|sample| sample.t);
            samples.reverse();
            samples.dedup_by_key(|sample| sample.t);
            samples.reverse();
        }
        if self.carried {
            *samples = carry_forward(samples, from, to.min(now));
        }
        Ok(())
    }

    /// Of the parts that end before `from`, the one that holds the last sample there; of several
    /// the last, which counts.
    fn last_part_before(&self, from: i64) -> Option<usize> {
        let ends = self.parts.iter().map(Part::last_t).enumerate();
        let before = ends.filter(|(_, last)| last.is_some_and(|last| last < from));
        before.max_by_key(|(_, last)| *last).map(|(at, _)| at)
    }
}

impl Part {
    fn last_t(&self) -> Option<i64> {
        match self {
            Self::Chunk(chunk) => Some(chunk.max_t),
            Self::Samples(plain) => plain.last().map(|sample| sample.t),
            Self::Stored(_, place) => Some(place.max_t),
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(times: std::ops::Range<i64>) -> Part {
        let samples: Vec<_> = times
            .map(|t| Sample {
                t: t * 1000,
                v: t as f64,
            })
            .collect();
        Part::Chunk(Arc::new(Chunk::pack(&samples).remove(0)))
    }

    #[test]
    fn a_short_range_gives_what_the_whole_series_would() {
        let parts = vec![
            chunk(100..200),
            chunk(230..300),
            chunk(300..350),
            Part::Samples(vec![Sample {
                t: 360_000,
                v: 361.0,
            }]),
        ];
        let slice = Slice {
            labels: Arc::default(),
            carried: true,
            parts,
        };
        let whole = slice.decode(0, 500_000, 450_000).unwrap().floats;
        for from in (90_000..460_000).step_by(1500) {
            let to = from + 20_000;
            let inside = whole.iter().filter(|s| s.t >= from && s.t <= to);
            let expected: Vec<Sample> = inside.copied().collect();
            let found = slice.decode(from, to, 450_000).unwrap().floats;
            assert_eq!(found, expected, "{from}");
        }
    }
}
