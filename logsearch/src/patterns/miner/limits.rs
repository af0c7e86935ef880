/// What a miner may hold. Tests make it smaller.
#[derive(Debug, Clone, Copy)]
pub(in crate::patterns) struct Limits {
    /// Patterns; beyond, those that were not seen for longest are forgotten, a sixteenth at a time.
    pub(in crate::patterns) patterns: usize,
    /// Bytes of their templates; beyond, the same.
    pub(in crate::patterns) bytes: usize,
    /// Patterns of one length and first word, for each of them is compared with a line; beyond,
    /// the one that was not seen for longest is forgotten.
    pub(in crate::patterns) bucket: usize,
    /// Masked lines whose pattern is remembered.
    pub(in crate::patterns) lines: usize,
    /// New patterns that may come at once. After that one in [`super::LINES_PER_PATTERN`] lines may make
    /// one; the others are [`PatternId::OTHER`](crate::PatternId::OTHER): lines of random words must not make of each record
    /// a pattern of its own, nor drive out those that are real.
    pub(in crate::patterns) burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            patterns: 16_384,
            bytes: 16 << 20,
            bucket: 512,
            lines: 32_768,
            burst: 8_192,
        }
    }
}

/// Counts of what could not be kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::patterns) struct Losses {
    /// Patterns that were forgotten to make room.
    pub(in crate::patterns) evicted: u64,
    /// Lines that are [`PatternId::OTHER`](crate::PatternId::OTHER).
    pub(in crate::patterns) overflowed: u64,
}
