use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::Refusal;
use crate::sink::Sink;

/// What may wait in memory: bodies and what was decoded of them, and what the event store has not
/// sealed yet.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    in_flight: AtomicUsize,
    sink: Arc<dyn Sink>,
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// How long a seal takes, about; after it there is room again.
    const RETRY: Duration = Duration::from_secs(1);
    /// A decoded record takes about this many bytes for each byte of its body.
    pub(crate) const DECODED: usize = 4;

    pub(crate) fn new(limit: usize, sink: Arc<dyn Sink>) -> Arc<Self> {
        Arc::new(Self {
            limit,
            in_flight: AtomicUsize::new(0),
            sink,
        })
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn used(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed) + self.sink.unsealed_bytes()
    }

    /// An empty part, if there is room for anything at all.
    pub(crate) fn reserve(self: &Arc<Self>) -> Result<Reservation, Refusal> {
        self.check()?;
        Ok(Reservation {
            budget: Arc::clone(self),
            bytes: 0,
        })
    }

    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.used() >= self.limit {
            return Err(self.refusal());
        }
        Ok(())
    }

    fn refusal(&self) -> Refusal {
        Refusal::Overload {
            budget: self.limit,
            retry_after: Self::RETRY,
        }
    }
}

impl Reservation {
    /// Takes more of the budget, or refuses and takes nothing.
    pub(crate) fn grow(&mut self, more: usize) -> Result<(), Refusal> {
        self.budget.in_flight.fetch_add(more, Ordering::Relaxed);
        if self.budget.used() > self.budget.limit {
            self.budget.in_flight.fetch_sub(more, Ordering::Relaxed);
            return Err(self.budget.refusal());
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget
            .in_flight
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::RecordingSink;

    #[test]
    fn what_is_over_the_budget_is_refused_until_there_is_room() {
        let sink = Arc::new(RecordingSink::default());
        let budget = Budget::new(100, Arc::clone(&sink) as Arc<dyn Sink>);
        let mut first = budget.reserve().unwrap();
        first.grow(60).unwrap();
        let mut second = budget.reserve().unwrap();
        assert!(matches!(
            second.grow(50),
            Err(Refusal::Overload { budget: 100, .. })
        ));
        second.grow(40).unwrap();
        assert!(budget.reserve().is_err());
        drop((first, second));
        assert_eq!(budget.used(), 0);
        sink.set_unsealed(100);
        assert!(budget.reserve().is_err());
    }
}
