use std::cell::Cell;
use std::io;

use crate::watch::Watch;

/// What the parts of one filter may hold in memory for one split.
const MOST_BYTES: usize = 32 << 20;

/// Ends the work on a filter of many parts between two of them. What was found until then means
/// nothing: behind a `not` it may be too much.
#[derive(Debug)]
pub(super) struct Stop<'w> {
    watch: &'w Watch,
    came: Cell<bool>,
    held: Cell<usize>,
}

impl<'w> Stop<'w> {
    pub(super) const fn new(watch: &'w Watch) -> Self {
        Self {
            watch,
            came: Cell::new(false),
            held: Cell::new(0),
        }
    }

    /// Whether to stop; once it was so it stays so.
    pub(super) fn is_due(&self) -> bool {
        if !self.came.get() && self.watch.is_over() {
            self.came.set(true);
        }
        self.came.get()
    }

    /// Whether something was left undone.
    pub(super) const fn came(&self) -> bool {
        self.came.get()
    }

    /// Counts what a part holds.
    pub(super) fn hold(&self, bytes: usize) -> io::Result<()> {
        self.held.set(self.held.get() + bytes);
        if self.held.get() <= MOST_BYTES {
            return Ok(());
        }
        let reason = "the clauses of the query need too much memory; ask for fewer at once";
        Err(io::Error::new(io::ErrorKind::QuotaExceeded, reason))
    }
}
