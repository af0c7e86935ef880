use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Requests that are due within this time of each other share a beat: at high rates more beats would
/// cost more than they tell.
const LEAST: Duration = Duration::from_micros(400);
/// A beat that is far off is waited for in pieces, so that clocks that jump do no harm.
const LONGEST: Duration = Duration::from_millis(500);

/// Wakes workers when requests are due. The runtime's own timers are rounded up to milliseconds,
/// which would make every fast answer look slow; a thread that sleeps is exact to some 0.1 ms.
#[derive(Debug)]
pub(super) struct Pacemaker {
    thread: Thread,
    handle: Option<JoinHandle<()>>,
    is_over: Arc<AtomicBool>,
}

impl Pacemaker {
    /// Beats at the moments, which are counted from `start`.
    pub(super) fn start(
        moments: impl Iterator<Item = Duration> + Send + 'static,
        start: Instant,
        woken: Vec<Arc<Notify>>,
    ) -> std::io::Result<Self> {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let handle = thread::Builder::new()
            .name("pacemaker".to_owned())
            .spawn(move || {
                let mut beaten: Option<Instant> = None;
                for moment in moments {
                    let due = start + moment;
                    let due = match beaten {
                        Some(beaten) if due <= beaten => continue,
                        Some(beaten) => due.max(beaten + LEAST),
                        None => due,
                    };
                    if !wait_until(due, &over) {
                        return;
                    }
                    beaten = Some(Instant::now());
                    for woken in &woken {
                        woken.notify_one();
                    }
                }
            })?;
        Ok(Self {
            thread: handle.thread().clone(),
            handle: Some(handle),
            is_over,
        })
    }
}

impl Drop for Pacemaker {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        self.thread.unpark();
        if let Some(handle) = self.handle.take() {
            // It has nothing that could panic.
            drop(handle.join());
        }
    }
}

/// Whether the moment came before the end.
fn wait_until(due: Instant, is_over: &AtomicBool) -> bool {
    loop {
        if is_over.load(Ordering::Acquire) {
            return false;
        }
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        thread::park_timeout(left.min(LONGEST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_beats_once_for_requests_that_are_due_together_and_not_early() {
        let woken = Arc::new(Notify::new());
        let start = Instant::now();
        let moments = [0, 0, 20, 20, 40].map(Duration::from_millis);
        let pacemaker =
            Pacemaker::start(moments.into_iter(), start, vec![Arc::clone(&woken)]).unwrap();
        let mut last = start;
        while last < start + moments[4] {
            woken.notified().await;
            last = Instant::now();
        }
        drop(pacemaker);
    }

    #[test]
    fn it_ends_when_it_is_dropped() {
        let far = std::iter::once(Duration::from_hours(1));
        let pacemaker = Pacemaker::start(far, Instant::now(), Vec::new()).unwrap();
        drop(pacemaker);
    }
}
