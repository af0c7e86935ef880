use watchfire_schemas::{HistogramSample, Sample};

/// What a series holds in a range: floats and native histograms, each earliest first, no time
/// twice. A series may hold floats at some times and histograms at others; a staleness marker is a
/// float also among histograms.
///
/// Meant to be filled again and again, so that reading thousands of series allocates once, and
/// reads from disk in large pieces.
#[derive(Debug, Clone, Default)]
pub(crate) struct Points {
    pub(crate) floats: Vec<Sample>,
    pub(crate) histograms: Vec<HistogramSample>,
    pub(super) ahead: ReadAhead,
}

/// A piece of a chunk file, of which more may be asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReadAhead {
    /// Which block it is of.
    pub(super) key: usize,
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
}

impl Points {
    pub(crate) fn is_empty(&self) -> bool {
        self.floats.is_empty() && self.histograms.is_empty()
    }

    /// Forgets what is there and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.floats.clear();
        self.histograms.clear();
    }
}
