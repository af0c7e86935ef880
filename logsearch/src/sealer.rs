//! The store's own thread: seals what is due and drops what is too old.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use watchfire_schemas::{Clock, Timestamp};

use crate::background::{Background, Signal};
use crate::engine::Engine;
use crate::fields::Dataset;

/// How often the thread looks for something to do when nobody wakes it.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it lets a dataset rest whose disk has failed.
const REST: Duration = Duration::from_secs(5);
/// How often it looks for what is too old, and lets the checkpoints of datasets that nothing comes
/// for follow the log.
const TIDY_EVERY: Duration = Duration::from_mins(1);

/// A dataset as the thread sees it.
pub(crate) trait Sealed: fmt::Debug + Send + Sync {
    fn name(&self) -> &'static str;
    /// Seals if it is due; whether there may be more to seal.
    fn seal_due(&self, now: Timestamp) -> io::Result<bool>;
    /// Drops what is too old, and lets the checkpoint follow the log.
    fn tidy(&self, now: Timestamp) -> io::Result<()>;
    fn failed(&self);
    /// Closes files that nobody has read for long.
    fn close_unused(&self) {}
}

/// Starts the thread. Woken when a tail has grown large.
pub(crate) fn start(
    datasets: Vec<Arc<dyn Sealed>>,
    clock: Arc<dyn Clock>,
) -> io::Result<Background> {
    Background::start("logsearch-seal", move |signal| {
        run(&datasets, clock.as_ref(), signal);
    })
}

fn run(datasets: &[Arc<dyn Sealed>], clock: &dyn Clock, signal: &Signal) {
    let mut resting_until = vec![Timestamp::MIN; datasets.len()];
    let mut tidy_at = Timestamp::MIN;
    while signal.wait(LOOK_EVERY) {
        let now = clock.now();
        let tidying = now >= tidy_at;
        if tidying {
            tidy_at = now + TIDY_EVERY;
        }
        for (dataset, resting_until) in datasets.iter().zip(&mut resting_until) {
            if now < *resting_until {
                continue;
            }
            if let Err(error) = work(dataset.as_ref(), now, tidying) {
                dataset.failed();
                *resting_until = now + REST;
                tracing::error!(dataset = dataset.name(), %error, "sealing failed, the tail stays in memory");
            }
        }
    }
}

fn work(dataset: &dyn Sealed, now: Timestamp, tidying: bool) -> io::Result<()> {
    let work = || {
        while dataset.seal_due(now)? {}
        dataset.close_unused();
        if tidying {
            dataset.tidy(now)?;
        }
        Ok(())
    };
    // A panic must not end the thread: nothing would be sealed any more, for any dataset.
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(io::Error::other("the search engine has panicked")))
}

impl<D: Dataset> Sealed for Engine<D> {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn seal_due(&self, now: Timestamp) -> io::Result<bool> {
        Ok(self.is_due(now) && self.seal(now)?)
    }

    fn tidy(&self, now: Timestamp) -> io::Result<()> {
        self.drop_expired(now)?;
        self.follow()
    }

    fn failed(&self) {
        self.count_failure();
    }

    fn close_unused(&self) {
        Engine::close_unused(self);
    }
}
