use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::Refusal;
use crate::collector::TIDY;
use crate::exception_backlog::ExceptionBacklog;
use crate::intake::Intake;
use crate::sink::Sink;
use crate::wal::{ByKind, Shelf, is_full};

/// What is done from time to time: snapshots, recycling of segments, the gauges.
#[derive(Debug)]
pub(crate) struct Housekeeping {
    pub(crate) intake: Arc<Intake>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) exceptions: Arc<ExceptionBacklog>,
    pub(crate) snapshot_interval: Duration,
}

impl Housekeeping {
    pub(crate) async fn run(self, stop: CancellationToken) {
        let this = Arc::new(self);
        let mut ticks = interval(TIDY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut snapshot_due = Instant::now() + this.snapshot_interval;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            let due = Instant::now() >= snapshot_due;
            if due {
                snapshot_due = Instant::now() + this.snapshot_interval;
            }
            let worker = Arc::clone(&this);
            let tidied = tokio::task::spawn_blocking(move || worker.tidy(due)).await;
            if let Ok(Err(error)) = tidied {
                tracing::warn!(%error, "the write-ahead log could not be tidied");
            }
        }
    }

    fn tidy(&self, snapshot: bool) -> io::Result<()> {
        if snapshot && let Err(error) = self.sink.snapshot() {
            tracing::error!(%error, "the time series snapshot failed; the log grows until one succeeds");
        }
        // One that fails does not keep the others from what they can do.
        let saved = self.exceptions.save();
        let recycled = self.shelf.recycle(&self.passed());
        self.measure();
        let ready = self.shelf.prepare_spare().and_then(|()| self.clear_fault());
        match saved.and(recycled.map(drop)).and(ready) {
            // The writer says so as soon as it matters.
            Err(error) if is_full(&error) => Ok(()),
            other => other,
        }
    }

    /// A fault refuses requests before the writer sees them, so the writer cannot find out that it
    /// has passed: that is found out here.
    fn clear_fault(&self) -> io::Result<()> {
        let state = self.intake.pipeline.state();
        let passed = match state.fault() {
            None => return Ok(()),
            Some(Refusal::Unwritable { .. }) => "the write-ahead log can be written again",
            Some(_) => "the write-ahead log has room again",
        };
        self.shelf.probe()?;
        state.set_fault(None);
        tracing::info!("{passed}");
        Ok(())
    }

    /// What neither a store nor the keeper of exception groups needs any more.
    pub(crate) fn passed(&self) -> ByKind {
        self.sink
            .passed()
            .min(ByKind::all(self.exceptions.passed()))
    }

    fn measure(&self) {
        let meters = &self.intake.meters;
        meters.wal_bytes.set(self.shelf.bytes() as i64);
        meters.memory_used.set(self.intake.budget.used() as i64);
        let last = self.intake.pipeline.state().last();
        let behind = last.0.saturating_sub(self.passed().earliest().0);
        meters.batches_behind.set(behind as i64);
    }
}
