use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::reminders::instruments::{Instruments, Queue, ShedReason, observe};

/// How long a request may wait for its turn. What waits longer is of no use to who asked.
pub(crate) const PATIENCE: Duration = Duration::from_secs(8);

/// A bounded queue in front of something that serves few at once, in the order of their coming.
#[derive(Debug)]
pub(crate) struct Admission {
    turns: Semaphore,
    waiting: AtomicUsize,
    most_waiting: usize,
    queue: Queue,
    instruments: Instruments,
    waiting_gauge: Gauge,
    wait: Histogram,
}

/// A request that is sent away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shed(pub(crate) ShedReason);

/// One that waits. It no longer does when this is dropped, also if its client has gone.
struct Waiting<'a>(&'a Admission);

impl Admission {
    pub(crate) fn new(
        at_once: usize,
        most_waiting: usize,
        queue: Queue,
        instruments: &Instruments,
    ) -> Self {
        Self {
            turns: Semaphore::new(at_once),
            waiting: AtomicUsize::new(0),
            most_waiting,
            queue,
            instruments: instruments.clone(),
            waiting_gauge: instruments.waiting(queue),
            wait: instruments.wait(queue),
        }
    }

    /// Waits for a turn, which ends when the permit is dropped.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, Shed> {
        if let Ok(permit) = self.turns.try_acquire() {
            observe(&self.wait, Duration::ZERO);
            return Ok(permit);
        }
        let begun = Instant::now();
        let waiting = self.join().ok_or(ShedReason::QueueFull);
        let outcome = match waiting {
            Err(full) => Err(full),
            Ok(_waiting) => match tokio::time::timeout(PATIENCE, self.turns.acquire()).await {
                Ok(Ok(permit)) => Ok(permit),
                Ok(Err(_closed)) => Err(ShedReason::Stopping),
                Err(_elapsed) => Err(ShedReason::WaitedTooLong),
            },
        };
        observe(&self.wait, begun.elapsed());
        outcome.map_err(|reason| {
            self.instruments.shed(self.queue, reason);
            Shed(reason)
        })
    }

    /// How full the queue is, from 0 to 1.
    pub(crate) fn fullness(&self) -> f64 {
        self.waiting.load(Ordering::Relaxed) as f64 / self.most_waiting as f64
    }

    fn join(&self) -> Option<Waiting<'_>> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.most_waiting {
            self.waiting_gauge.inc();
            Some(Waiting(self))
        } else {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            None
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.waiting_gauge.dec();
    }
}

#[cfg(test)]
mod tests {
    use watchfire_telemetry::{LogOutput, Telemetry};

    use super::*;

    fn admission() -> Admission {
        let telemetry = Telemetry::service("reminders");
        let telemetry = telemetry.log_output(LogOutput::Nowhere).start().unwrap();
        let queue = Queue {
            pool: "base",
            queue: "read",
        };
        Admission::new(1, 1, queue, &Instruments::register(&telemetry))
    }

    #[tokio::test]
    async fn one_is_served_one_waits_and_one_is_sent_away() {
        let admission = admission();
        let served = admission.turn().await.unwrap();
        // They are polled in this order: the first waits, the second finds the queue full, and
        // the third makes way.
        let (waited, sent_away, ()) = tokio::join!(admission.turn(), admission.turn(), async {
            assert!((admission.fullness() - 1.0).abs() < f64::EPSILON);
            drop(served);
        });
        assert_eq!(sent_away.unwrap_err(), Shed(ShedReason::QueueFull));
        drop(waited.unwrap());
        assert!(admission.fullness() < f64::EPSILON);
    }

    #[tokio::test]
    async fn who_goes_away_no_longer_waits() {
        let admission = admission();
        let served = admission.turn().await.unwrap();
        let mut waiting = Box::pin(admission.turn());
        assert!(futures_util::poll!(waiting.as_mut()).is_pending());
        drop(waiting);
        assert!(admission.fullness() < f64::EPSILON);
        drop(served);
    }
}
