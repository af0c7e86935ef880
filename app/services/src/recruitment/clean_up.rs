//! The clean-up: what is too old is forgotten, what nothing refers to is removed.
//!
//! Each step is a transaction of its own and leaves all in order, so that a round may end anywhere,
//! by `kill -9` too, and the next goes on from there.

pub(crate) mod api;
mod round;
mod worker;

use std::time::Duration;

pub(crate) use worker::run;

/// Why a file is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// No document refers to it any more.
    Unreferenced,
    /// The database does not know it: an upload ended between the file and the commit.
    Unknown,
    /// The process that received it has ended.
    Abandoned,
}

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    /// A file that nothing refers to, in case that its content comes again.
    pub(crate) unreferenced: Duration,
    /// The documents of an application that was decided.
    pub(crate) decided: Duration,
}

/// Where a round looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// In the database, which knows what it gave up.
    Rows,
    /// Also at every file on disk, for those that the database does not know.
    RowsAndFiles,
}

/// What a round removed, or would remove.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Removals {
    /// Candidates whose time is over, erased.
    pub(crate) candidates: u64,
    /// Documents of applications that were decided long ago.
    pub(crate) documents: u64,
    pub(crate) unreferenced_files: u64,
    pub(crate) unknown_files: u64,
    pub(crate) abandoned_files: u64,
    pub(crate) bytes: u64,
}

impl Policy {
    pub(crate) const USUAL: Self = Self {
        unreferenced: Duration::from_mins(10),
        decided: Duration::from_hours(180 * 24),
    };
}

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unreferenced => "unreferenced",
            Self::Unknown => "unknown",
            Self::Abandoned => "abandoned",
        }
    }
}

impl Removals {
    fn count(&mut self, reason: Reason, bytes: u64) {
        let counter = match reason {
            Reason::Unreferenced => &mut self.unreferenced_files,
            Reason::Unknown => &mut self.unknown_files,
            Reason::Abandoned => &mut self.abandoned_files,
        };
        *counter += 1;
        self.bytes += bytes;
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
