use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// What became of the records of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Receipt {
    /// On disk and searchable.
    pub accepted: u64,
    /// Broke their contract: kept beside the others with the reason, searchable, replayable.
    pub quarantined: u64,
    /// Not kept, since nothing could be made of them.
    pub rejected: u64,
}

/// Why a request was refused as a whole. Its records are not kept; the sender should try again, or not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More waits in memory than may.
    #[error("the memory budget of {budget} bytes is in use")]
    Overload {
        /// The budget in bytes.
        budget: usize,
        /// When to try again.
        retry_after: Duration,
    },
    /// The write-ahead log has no room.
    #[error("the disk is full")]
    DiskFull {
        /// When to try again.
        retry_after: Duration,
    },
    /// The write-ahead log could not be written for another reason; our own log says which.
    #[error("the write-ahead log cannot be written")]
    Unwritable {
        /// When to try again.
        retry_after: Duration,
    },
    /// A fault of ours: sent again, it would come to the same. Our own log says more.
    #[error("a fault of the server: this request was not taken")]
    Fault,
    /// The stores are not whole after a fault of ours.
    #[error("the server takes nothing until it is started again, after a fault of its own")]
    Broken,
    /// The collector is closed, or about to be.
    #[error("the collector is stopping")]
    Stopping,
}

impl Refusal {
    /// When a disk that was full is worth another try.
    pub(crate) const DISK_RETRY: Duration = Duration::from_secs(5);

    /// When to try again; `None` if not here.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overload { retry_after, .. }
            | Self::DiskFull { retry_after }
            | Self::Unwritable { retry_after } => Some(*retry_after),
            Self::Fault | Self::Broken | Self::Stopping => None,
        }
    }
}

/// Why the collector cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or folder of the write-ahead log cannot be used.
    #[error("{path} cannot be opened")]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The log was written by a later version.
    #[error("{path} was written by format version {found}; this binary reads version {supported}")]
    Version {
        /// Which segment.
        path: PathBuf,
        /// Its version.
        found: u16,
        /// Ours.
        supported: u16,
    },
    /// What lies there is not what we wrote, and going on would lose it.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl OpenError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
