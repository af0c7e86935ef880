use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::turns::Turn;

/// When a query has to stop: at its deadline, or as soon as nobody waits for the answer. To ask it
/// is also to let others go first, so it is asked often.
#[derive(Debug, Clone)]
pub(crate) struct Watch {
    deadline: Instant,
    cancelled: Arc<AtomicBool>,
    /// The seat of the thread that looks at this watch; none where nobody shares.
    turn: Option<Arc<Turn>>,
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
            turn: None,
        };
        (watch, CancelOnDrop(cancelled))
    }

    /// The same, for the thread that sits there.
    pub(crate) fn seated(&self, turn: Turn) -> Self {
        Self {
            turn: Some(Arc::new(turn)),
            ..self.clone()
        }
    }

    /// The same for a second thread, if a core is idle.
    pub(crate) fn beside(&self) -> Option<Self> {
        let turn = self.turn.as_ref()?.beside()?;
        Some(self.seated(turn))
    }

    /// The same, but no longer than `allowed` from now.
    pub(crate) fn at_most(&self, allowed: Duration) -> Self {
        Self {
            deadline: self.deadline.min(Instant::now() + allowed),
            ..self.clone()
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

    /// Whether to stop. Returns late where others go first.
    pub(crate) fn is_over(&self) -> bool {
        let now = Instant::now();
        if self.is_past(now) {
            return true;
        }
        let Some(turn) = &self.turn else {
            return false;
        };
        !turn.go_on(now, &|| self.is_past(Instant::now()))
    }

    /// Whether its time is up or nobody wants the answer.
    pub(crate) fn is_past(&self, now: Instant) -> bool {
        self.cancelled.load(Ordering::Relaxed) || now >= self.deadline
    }

    /// Ends the query as if its time were up.
    pub(crate) fn canceller(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
