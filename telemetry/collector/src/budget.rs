use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Refusal;
use crate::sink::Sink;

/// What may wait in memory: bodies and what was decoded of them until they are applied (*in
/// flight*), and together with it what the event store has not sealed yet.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    /// Held for additions only.
    counts: Mutex<Counts>,
    freed: Notify,
    sink: Arc<dyn Sink>,
}

/// Bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// All together.
    pub(crate) total: usize,
    /// In flight; bodies take at most half of it.
    pub(crate) in_flight: usize,
}

#[derive(Debug, Default)]
struct Counts {
    in_flight: usize,
    /// How many requests hold decoded records.
    decoding: usize,
}

/// What memory is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// A body as it came.
    Body,
    /// What is decoded of it. One request gets it whatever is left, so that there is always one
    /// that can go on.
    Decoded,
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: usize,
    is_decoding: bool,
}

impl Budget {
    /// How long a seal takes, about; after it there is room again.
    const RETRY: Duration = Duration::from_secs(1);
    /// How long a request may wait for room before it is refused.
    const PATIENCE: Duration = Duration::from_secs(2);
    /// How often is looked whether the event store has sealed.
    const GLANCE: Duration = Duration::from_millis(20);

    pub(crate) fn new(limits: Limits, sink: Arc<dyn Sink>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            counts: Mutex::default(),
            freed: Notify::new(),
            sink,
        })
    }

    pub(crate) fn limit(&self) -> usize {
        self.limits.total
    }

    /// The most that one request may be once it is decoded: what is larger, no waiting helps.
    pub(crate) fn most_of_one(&self) -> usize {
        self.limits.in_flight.saturating_mul(4)
    }

    pub(crate) fn used(&self) -> usize {
        self.lock().in_flight + self.sink.unsealed_bytes()
    }

    /// An empty part, if there is room for anything at all.
    pub(crate) fn reserve(self: &Arc<Self>) -> Result<Reservation, Refusal> {
        self.check()?;
        Ok(Reservation {
            budget: Arc::clone(self),
            bytes: 0,
            is_decoding: false,
        })
    }

    pub(crate) fn check(&self) -> Result<(), Refusal> {
        if self.used() >= self.limits.total {
            return Err(self.refusal());
        }
        Ok(())
    }

    fn refusal(&self) -> Refusal {
        Refusal::Overload {
            budget: self.limits.total,
            retry_after: Self::RETRY,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().expect("no holder of this lock panics")
    }
}

impl Reservation {
    /// Takes more of the budget, or refuses and takes nothing.
    pub(crate) fn grow(&mut self, share: Share, more: usize) -> Result<(), Refusal> {
        let budget = &self.budget;
        let unsealed = budget.sink.unsealed_bytes();
        let mut counts = budget.lock();
        let sum = counts.in_flight.saturating_add(more);
        let has_room = match share {
            Share::Body => sum <= budget.limits.in_flight / 2 || counts.in_flight == self.bytes,
            Share::Decoded => sum <= budget.limits.in_flight || counts.decoding == 0,
        };
        let is_within = sum.saturating_add(unsealed) <= budget.limits.total;
        if !has_room || !is_within {
            return Err(budget.refusal());
        }
        counts.in_flight = sum;
        if share == Share::Decoded && !self.is_decoding {
            counts.decoding += 1;
            self.is_decoding = true;
        }
        self.bytes += more;
        Ok(())
    }

    /// The same, but waits a while for others to give back what they hold.
    pub(crate) async fn grow_in_time(&mut self, share: Share, more: usize) -> Result<(), Refusal> {
        let until = Instant::now() + Budget::PATIENCE;
        loop {
            let budget = Arc::clone(&self.budget);
            let freed = budget.freed.notified();
            let refusal = match self.grow(share, more) {
                Ok(()) => return Ok(()),
                Err(refusal) => refusal,
            };
            if Instant::now() >= until {
                return Err(refusal);
            }
            tokio::select! {
                () = freed => {}
                () = tokio::time::sleep(Budget::GLANCE) => {}
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut counts = self.budget.lock();
        counts.in_flight -= self.bytes;
        counts.decoding -= usize::from(self.is_decoding);
        drop(counts);
        self.budget.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::RecordingSink;

    const LIMITS: Limits = Limits {
        total: 1_000,
        in_flight: 100,
    };

    fn budget() -> (Arc<RecordingSink>, Arc<Budget>) {
        let sink = Arc::new(RecordingSink::default());
        let budget = Budget::new(LIMITS, Arc::clone(&sink) as Arc<dyn Sink>);
        (sink, budget)
    }

    #[test]
    fn what_is_over_the_budget_is_refused_until_there_is_room() {
        let (sink, budget) = budget();
        let mut first = budget.reserve().unwrap();
        first.grow(Share::Body, 30).unwrap();
        first.grow(Share::Decoded, 60).unwrap();
        let mut second = budget.reserve().unwrap();
        assert!(matches!(
            second.grow(Share::Decoded, 20),
            Err(Refusal::Overload { budget: 1_000, .. })
        ));
        second.grow(Share::Decoded, 10).unwrap();
        drop((first, second));
        assert_eq!(budget.used(), 0);
        sink.set_unsealed(1_000);
        assert!(budget.reserve().is_err());
    }

    #[test]
    fn bodies_leave_room_to_decode_and_one_request_can_always_go_on() {
        let (_, budget) = budget();
        let mut first = budget.reserve().unwrap();
        first.grow(Share::Body, 70).unwrap();
        let mut second = budget.reserve().unwrap();
        assert!(second.grow(Share::Body, 1).is_err());
        first.grow(Share::Decoded, 500).unwrap();
        assert!(second.grow(Share::Decoded, 1).is_err());
        drop(first);
        second.grow(Share::Body, 1).unwrap();
    }

    #[tokio::test]
    async fn a_request_waits_for_room() {
        let (_, budget) = budget();
        let mut first = budget.reserve().unwrap();
        first.grow(Share::Decoded, 100).unwrap();
        let mut second = budget.reserve().unwrap();
        let giving_back = async {
            tokio::task::yield_now().await;
            drop(first);
        };
        let (taken, ()) = tokio::join!(second.grow_in_time(Share::Decoded, 10), giving_back);
        assert_eq!(taken, Ok(()));
    }
}
