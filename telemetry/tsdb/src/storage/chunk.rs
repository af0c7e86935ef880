use watchfire_schemas::Sample;

use super::gorilla::{Decoder, Encoder};

/// Samples in a chunk before it is sealed.
pub(crate) const CHUNK_SAMPLES: u32 = 120;

/// The span of time of a block, in milliseconds. No chunk crosses its bounds.
pub(crate) const WINDOW_MS: i64 = 2 * 3_600_000;

/// The window that holds a time, counted from the epoch.
pub(crate) fn window_of(t: i64) -> i64 {
    t.div_euclid(WINDOW_MS)
}

/// Some compressed samples of one series, earliest first, all of one window. Never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) min_t: i64,
    pub(crate) max_t: i64,
    pub(crate) count: u32,
    pub(crate) bytes: Box<[u8]>,
}

impl Chunk {
    /// What an encoder holds so far; `None` if nothing.
    pub(crate) fn sealed(encoder: &Encoder) -> Option<Self> {
        (!encoder.is_empty()).then(|| Self {
            min_t: encoder.first_t(),
            max_t: encoder.last_t(),
            count: encoder.len(),
            bytes: encoder.to_bytes(),
        })
    }

    /// Chunks of the usual size of samples in the order of time.
    pub(crate) fn pack(samples: &[Sample]) -> Vec<Self> {
        let windows = samples.chunk_by(|a, b| window_of(a.t) == window_of(b.t));
        windows
            .flat_map(|window| window.chunks(CHUNK_SAMPLES as usize))
            .filter_map(|samples| {
                let mut encoder = Encoder::default();
                for &sample in samples {
                    encoder.push(sample);
                }
                Self::sealed(&encoder)
            })
            .collect()
    }

    pub(crate) fn samples(&self) -> Decoder<'_> {
        Decoder::new(&self.bytes, self.count)
    }

    /// Whether a sample may lie in `from..=to`.
    pub(crate) fn overlaps(&self, from: i64, to: i64) -> bool {
        self.min_t <= to && self.max_t >= from
    }
}
