use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// When a query has to stop: at its deadline, or as soon as nobody waits for the answer.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    deadline: Instant,
    cancelled: Arc<AtomicBool>,
}

/// Cancels the query when it is dropped, so when the future that awaits the answer is.
#[derive(Debug)]
pub(crate) struct CancelOnDrop(Arc<AtomicBool>);

impl Watch {
    pub(crate) fn start(allowed: Duration) -> (Self, CancelOnDrop) {
        // Far enough for ever, near enough not to overflow.
        const LONGEST: Duration = Duration::from_hours(24);
        let cancelled = Arc::new(AtomicBool::new(false));
        let watch = Self {
            deadline: Instant::now() + allowed.min(LONGEST),
            cancelled: Arc::clone(&cancelled),
        };
        (watch, CancelOnDrop(cancelled))
    }

    /// The same, but no longer than `allowed` from now.
    pub(crate) fn at_most(&self, allowed: Duration) -> Self {
        Self {
            deadline: self.deadline.min(Instant::now() + allowed),
            cancelled: Arc::clone(&self.cancelled),
        }
    }

    /// An error once it is over, for questions that have no use for half an answer.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.is_over() {
            let reason = "the answer was not ready in time";
            return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
        }
        Ok(())
    }

    pub(crate) fn is_over(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
