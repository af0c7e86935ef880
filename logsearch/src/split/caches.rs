use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::kept::Kept;

/// Files that are open at once: a process has as few as 1,024.
const FILES: u64 = 256;
/// Memory for the trace filters of splits; of others one place is read at a time.
const TRACE_FILTERS: u64 = 32 << 20;

/// What the splits of a store keep open, all together.
#[derive(Debug)]
pub(crate) struct Caches {
    pub(super) files: Kept<File>,
    pub(super) trace_filters: Kept<Vec<u8>>,
    /// Counts uses, to know which was longest ago.
    uses: AtomicU64,
}

impl Caches {
    pub(super) fn next_use(&self) -> u64 {
        self.uses.fetch_add(1, Ordering::Relaxed)
    }
}

impl Default for Caches {
    fn default() -> Self {
        Self {
            files: Kept::new(FILES),
            trace_filters: Kept::new(TRACE_FILTERS),
            uses: AtomicU64::new(1),
        }
    }
}
