use watchfire_schemas::{HistogramSample, Sample};

/// What a series holds in a range: floats and native histograms, each earliest first, no time
/// twice. A series may hold floats at some times and histograms at others; a staleness marker is a
/// float also among histograms.
///
/// Meant to be filled again and again, so that reading thousands of series allocates once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Points {
    pub(crate) floats: Vec<Sample>,
    pub(crate) histograms: Vec<HistogramSample>,
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
