use watchfire_schemas::Sample;

use super::block::ChunkBytes;
use super::histogram_codec::decode_histograms;
use super::points::Points;
use super::run::RunState;

/// How many samples a chunk of a block holds at most: two hours of a scrape each 15 seconds.
const CHUNK_SAMPLES: usize = 480;

/// The span of time of a block, in milliseconds. No chunk crosses its bounds.
pub(crate) const WINDOW_MS: i64 = 2 * 3_600_000;

/// The window that holds a time, counted from the epoch.
pub(crate) fn window_of(t: i64) -> i64 {
    t.div_euclid(WINDOW_MS)
}

/// What is in a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Floats,
    Histograms,
}

/// Some compressed samples of one series, earliest first, all of one window. Never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) content: Content,
    pub(crate) min_t: i64,
    pub(crate) max_t: i64,
    pub(crate) count: u32,
    pub(crate) bytes: Box<[u8]>,
}

impl Chunk {
    /// Chunks of floats in the order of time.
    pub(crate) fn pack(samples: &[Sample]) -> Vec<Self> {
        let windows = samples.chunk_by(|a, b| window_of(a.t) == window_of(b.t));
        windows
            .flat_map(|window| window.chunks(CHUNK_SAMPLES))
            .filter_map(|samples| {
                let mut open = OpenChunk::default();
                open.push(samples);
                open.sealed()
            })
            .collect()
    }

    /// Whether a sample may lie in `from..=to`.
    pub(crate) fn overlaps(&self, from: i64, to: i64) -> bool {
        self.min_t <= to && self.max_t >= from
    }

    /// As a block takes it.
    pub(crate) fn as_bytes(&self) -> ChunkBytes<'_> {
        ChunkBytes {
            content: self.content,
            min_t: self.min_t,
            max_t: self.max_t,
            count: self.count,
            bytes: &self.bytes,
        }
    }

    pub(crate) fn encoded(&self) -> Encoded<'_> {
        Encoded {
            content: self.content,
            min_t: self.min_t,
            bytes: &self.bytes,
        }
    }
}

/// The bytes of a chunk, wherever they lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoded<'a> {
    pub(crate) content: Content,
    pub(crate) min_t: i64,
    pub(crate) bytes: &'a [u8],
}

impl Encoded<'_> {
    /// Appends what lies in `from..=to`. Damaged bytes end it early; they never panic.
    pub(crate) fn decode(self, from: i64, to: i64, points: &mut Points) {
        match self.content {
            Content::Floats => self.decode_floats(from, to, &mut points.floats),
            Content::Histograms => {
                decode_histograms(self.bytes, from, to, &mut points.histograms);
            }
        }
    }

    fn decode_floats(mut self, from: i64, to: i64, samples: &mut Vec<Sample>) {
        let start = samples.len();
        let mut state = RunState::at(self.min_t);
        while !self.bytes.is_empty() && state.t <= to {
            let run = samples.len();
            if state.decode_run(&mut self.bytes, samples).is_none() {
                samples.truncate(run);
                break;
            }
            if state.t < from {
                samples.truncate(start);
            }
        }
        // Within a chunk times ascend.
        let early = samples[start..].partition_point(|sample| sample.t < from);
        let end = start + samples[start..].partition_point(|sample| sample.t <= to);
        samples.truncate(end);
        if early > 0 {
            samples.drain(start..(start + early).min(end));
        }
    }
}

/// A chunk of floats that grows run by run.
#[derive(Debug, Clone, Default)]
pub(crate) struct OpenChunk {
    /// The time of the first sample, and where the last run ended.
    state: Option<(i64, RunState)>,
    count: u32,
    bytes: Vec<u8>,
}

impl OpenChunk {
    /// Appends samples as runs of their own. Gives how many bytes it grew by.
    pub(crate) fn push(&mut self, samples: &[Sample]) -> usize {
        let Some(first) = samples.first() else {
            return 0;
        };
        let (_, state) = self
            .state
            .get_or_insert_with(|| (first.t, RunState::at(first.t)));
        let before = self.bytes.len();
        // What a growing series wastes would be as much as what it holds.
        self.bytes.reserve_exact(samples.len() * 3 / 2);
        state.encode(samples, &mut self.bytes);
        self.bytes.shrink_to_fit();
        self.count += samples.len() as u32;
        self.bytes.len() - before
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state.is_none()
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The times of the first and the last sample.
    pub(crate) fn bounds(&self) -> Option<(i64, i64)> {
        self.state.map(|(first, state)| (first, state.t))
    }

    /// What is there so far; `None` if nothing.
    pub(crate) fn sealed(&self) -> Option<Chunk> {
        self.state.map(|(min_t, state)| Chunk {
            content: Content::Floats,
            min_t,
            max_t: state.t,
            count: self.count,
            bytes: self.bytes.as_slice().into(),
        })
    }

    /// The same, and begins anew.
    pub(crate) fn seal(&mut self) -> Option<Chunk> {
        let open = std::mem::take(self);
        open.state.map(|(min_t, state)| Chunk {
            content: Content::Floats,
            min_t,
            max_t: state.t,
            count: open.count,
            bytes: open.bytes.into_boxed_slice(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_a_chunk_is_what_lies_in_it() {
        let samples: Vec<_> = (0..400)
            .map(|i| Sample {
                t: i * 10,
                v: i as f64,
            })
            .collect();
        let mut open = OpenChunk::default();
        for run in samples.chunks(16) {
            open.push(run);
        }
        let chunk = open.seal().unwrap();
        assert!(open.is_empty());
        for (from, to) in [
            (0, 4000),
            (5, 15),
            (160, 159),
            (155, 165),
            (3990, 9000),
            (-9, -1),
        ] {
            let mut points = Points::default();
            points.floats.push(Sample { t: -99, v: 0.0 });
            chunk.encoded().decode(from, to, &mut points);
            let inside = samples.iter().filter(|s| s.t >= from && s.t <= to);
            let expected: Vec<_> = inside.copied().collect();
            assert_eq!(points.floats[1..], expected, "{from}..={to}");
        }
    }
}
