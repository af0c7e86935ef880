use std::io;
use std::sync::Arc;

use watchfire_schemas::{HistogramSample, LabelSet, Sample};

use super::block::{Block, ChunkPlace};
use super::carry::carry_forward;
use super::chunk::Chunk;
use super::head_series::CARRY_MS;
use super::points::Points;

/// Compressed or plain samples of one series, in the order of time within the part.
#[derive(Debug, Clone)]
pub(crate) enum Part {
    Chunk(Arc<Chunk>),
    Samples(Box<[Sample]>),
    Histograms(Box<[HistogramSample]>),
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
    pub(crate) fn decode(&self, from: i64, to: i64, now: i64) -> io::Result<Points> {
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
    ) -> io::Result<()> {
        points.clear();
        let reach = if self.carried {
            Self::reach_back(from)
        } else {
            from
        };
        let before = self.last_part_before(from);
        for (at, part) in self.parts.iter().enumerate() {
            // Of what lies before the range only the last sample is carried into it.
            if part.last_t() >= Some(from) || Some(at) == before {
                part.decode(reach, to, points)?;
            }
        }
        keep_latest(&mut points.floats, |sample| sample.t);
        keep_latest(&mut points.histograms, |sample| sample.t);
        if self.carried {
            points.floats = carry_forward(&points.floats, from, to, now);
            points.histograms = carry_forward(&points.histograms, from, to, now);
        }
        Ok(())
    }

    /// Of the parts that end before `from`, the one that holds the last sample there; of several
    /// the last, which counts.
    fn last_part_before(&self, from: i64) -> Option<usize> {
        if !self.carried {
            return None;
        }
        let ends = self.parts.iter().map(Part::last_t).enumerate();
        let before = ends.filter(|(_, last)| last.is_some_and(|last| last < from));
        before.max_by_key(|(_, last)| *last).map(|(at, _)| at)
    }
}

impl Part {
    pub(crate) fn last_t(&self) -> Option<i64> {
        match self {
            Self::Chunk(chunk) => Some(chunk.max_t),
            Self::Samples(plain) => plain.last().map(|sample| sample.t),
            Self::Histograms(plain) => plain.last().map(|sample| sample.t),
            Self::Stored(_, place) => Some(place.max_t),
        }
    }

    fn decode(&self, from: i64, to: i64, points: &mut Points) -> io::Result<()> {
        match self {
            Self::Chunk(chunk) => chunk.encoded().decode(from, to, points),
            Self::Samples(plain) => {
                let inside = plain.iter().filter(|s| (from..=to).contains(&s.t));
                points.floats.extend(inside);
            }
            Self::Histograms(plain) => {
                let inside = plain.iter().filter(|s| (from..=to).contains(&s.t));
                points.histograms.extend(inside.cloned());
            }
            Self::Stored(block, place) => {
                // What is read lies in the points, which are filled meanwhile.
                let mut ahead = std::mem::take(&mut points.ahead);
                let read = block.chunk(place, &mut ahead);
                let decoded = read.map(|chunk| chunk.decode(from, to, points));
                points.ahead = ahead;
                decoded?;
            }
        }
        Ok(())
    }
}

/// Sorts by time; of several at the same time the last one stays.
fn keep_latest<T>(samples: &mut Vec<T>, t: impl Fn(&T) -> i64) {
    if samples.is_sorted_by(|a, b| t(a) < t(b)) {
        return;
    }
    samples.sort_by_key(&t);
    samples.reverse();
    samples.dedup_by_key(|sample| t(sample));
    samples.reverse();
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
        let last = Sample {
            t: 360_000,
            v: 361.0,
        };
        let parts = vec![
            chunk(100..200),
            chunk(230..300),
            chunk(300..350),
            Part::Samples([last].into()),
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

    #[test]
    fn where_parts_overlap_the_later_one_counts() {
        let other = |t: i64| Sample {
            t: t * 1000,
            v: -1.0,
        };
        let slice = Slice {
            labels: Arc::default(),
            carried: false,
            parts: vec![
                chunk(1..6),
                Part::Samples([other(2), other(5), other(9)].into()),
            ],
        };
        let found = slice.decode(2000, 8000, 0).unwrap().floats;
        let found: Vec<_> = found.iter().map(|s| (s.t / 1000, s.v)).collect();
        assert_eq!(found, [(2, -1.0), (3, 3.0), (4, 4.0), (5, -1.0)]);
    }
}
