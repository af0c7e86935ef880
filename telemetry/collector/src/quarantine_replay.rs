//! Quarantined lines judged once more, by the contracts of today.
//!
//! A line that passes becomes a record with its own time, which says of which quarantined line it
//! is. That mark is how a second replay finds out that there is nothing left to do: it is in the
//! same batch of the log as the record, so there is no moment at which one is there and the other
//! is not. The quarantine itself never changes.

mod page;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchfire_logsearch::EventStore;
use watchfire_schemas::{ReplayReport, ReplayRequest, ReplayState};

use crate::intake::Intake;
use page::PageReplay;

/// Runs replays, one at a time, and remembers the last few.
#[derive(Debug, Clone)]
pub struct QuarantineReplay {
    intake: Arc<Intake>,
    events: Arc<EventStore>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Newest first. The lock is held for a look or a change, never over a page.
    reports: Arc<Mutex<VecDeque<ReplayReport>>>,
}

/// Why a replay is not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// Two at once could take the same line twice.
    #[error("replay {0} is still running")]
    Running(u64),
    /// The collector is closed, or about to be.
    #[error("the collector is stopping")]
    Stopping,
}

impl QuarantineReplay {
    /// How many reports are remembered.
    const REMEMBERED: usize = 20;

    pub(crate) fn new(
        intake: Arc<Intake>,
        events: Arc<EventStore>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self {
            intake,
            events,
            tasks,
            stop,
            reports: Arc::default(),
        }
    }

    /// Starts one and returns at once; its progress is in [`Self::report`].
    pub fn start(&self, request: ReplayRequest) -> Result<u64, StartError> {
        if self.stop.is_cancelled() || self.tasks.is_closed() {
            return Err(StartError::Stopping);
        }
        let id = {
            let mut reports = self.reports.lock().expect("no holder of this lock panics");
            let newest = reports.front();
            if let Some(running) = newest.filter(|one| one.state == ReplayState::Running) {
                return Err(StartError::Running(running.id));
            }
            let id = newest.map_or(1, |newest| newest.id + 1);
            let now = self.intake.clock.now();
            reports.push_front(ReplayReport::new(id, request.dry_run, now));
            reports.truncate(Self::REMEMBERED);
            id
        };
        let replay = self.clone();
        self.tasks.spawn(async move {
            let stopped = replay.stop.clone();
            let outcome = tokio::select! {
                outcome = replay.run(id, &request) => outcome,
                () = stopped.cancelled() => Err("the collector is stopping".to_owned()),
            };
            replay.finish(id, outcome);
        });
        Ok(id)
    }

    /// How far one is, as long as it is remembered.
    pub fn report(&self, id: u64) -> Option<ReplayReport> {
        let reports = self.reports.lock().expect("no holder of this lock panics");
        reports.iter().find(|report| report.id == id).cloned()
    }

    /// The last ones, newest first.
    pub fn reports(&self) -> Vec<ReplayReport> {
        let reports = self.reports.lock().expect("no holder of this lock panics");
        reports.iter().cloned().collect()
    }

    async fn run(&self, id: u64, request: &ReplayRequest) -> Result<(), String> {
        let pages = PageReplay {
            intake: &self.intake,
            events: &self.events,
            request,
        };
        let mut cursor = None;
        loop {
            let page = pages.next(cursor.take()).await?;
            self.update(id, |report| {
                report.total = report.total.max(page.total);
                report.examined += page.examined;
                report.replayed += page.replayed;
                report.already_replayed += page.already_replayed;
                report.still_failing += page.failing;
                report.cut += page.cut;
                let room = PageReplay::MOST_FAILURES.saturating_sub(report.failures.len());
                report.failures.extend(page.failures.into_iter().take(room));
            });
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(()),
            }
        }
    }

    fn finish(&self, id: u64, outcome: Result<(), String>) {
        self.update(id, |report| match outcome {
            Ok(()) => {
                report.state = ReplayState::Done;
                report.total = report.examined;
            }
            Err(error) => {
                report.state = ReplayState::Failed;
                report.error = Some(error);
            }
        });
        if let Some(report) = self.report(id) {
            let (examined, replayed) = (report.examined, report.replayed);
            let error = report.error.unwrap_or_default();
            tracing::info!(
                id,
                examined,
                replayed,
                error,
                "replay of the quarantine ended"
            );
        }
    }

    fn update(&self, id: u64, change: impl FnOnce(&mut ReplayReport)) {
        let mut reports = self.reports.lock().expect("no holder of this lock panics");
        if let Some(report) = reports.iter_mut().find(|report| report.id == id) {
            change(report);
        }
    }
}
