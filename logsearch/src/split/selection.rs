use std::fmt;
use std::ops::Range;

use tantivy::query::Scorer;
use tantivy::{COLLECT_BLOCK_BUFFER_LEN, TERMINATED};

use crate::watch::Watch;

/// How many documents are looked at between two looks at the clock.
const PATIENCE: u32 = 4_096;

/// Documents of one split that a filter means, in order.
pub(crate) struct Selection {
    scorer: Box<dyn Scorer>,
    end: u32,
}

impl Selection {
    pub(super) fn new(mut scorer: Box<dyn Scorer>, documents: Range<u32>) -> Self {
        if scorer.doc() < documents.start {
            scorer.seek(documents.start);
        }
        Self {
            scorer,
            end: documents.end,
        }
    }

    /// Calls `each` with the documents that are left, until it returns false or time is up. Whether
    /// it has seen all of them.
    pub(crate) fn each(&mut self, watch: &Watch, mut each: impl FnMut(u32) -> bool) -> bool {
        let mut seen = 0_u32;
        loop {
            let document = self.scorer.doc();
            if document >= self.end || document == TERMINATED {
                return true;
            }
            if !each(document) {
                return false;
            }
            self.scorer.advance();
            seen += 1;
            if seen.is_multiple_of(PATIENCE) && watch.is_over() {
                return false;
            }
        }
    }

    /// How many are left, and whether all of them could be counted in time.
    pub(crate) fn count(mut self, watch: &Watch) -> (u64, bool) {
        let mut buffer = [0; COLLECT_BLOCK_BUFFER_LEN];
        let mut counted = 0;
        for round in 1_u32.. {
            let filled = self.scorer.fill_buffer(&mut buffer);
            let inside = buffer[..filled].partition_point(|document| *document < self.end);
            counted += inside as u64;
            if inside < buffer.len() {
                break;
            }
            if round.is_multiple_of(PATIENCE / 64) && watch.is_over() {
                return (counted, false);
            }
        }
        (counted, true)
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selection")
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
