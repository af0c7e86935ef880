//! The thread that merges small splits where nothing more urgent is done.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use watchfire_schemas::{Clock, Timestamp};

use crate::background::{Background, Signal};
use crate::engine::Engine;
use crate::fields::Dataset;

/// How long it lets a dataset rest whose merge has failed.
const REST: Duration = Duration::from_mins(1);
/// Merging waits while more than this comes in a second, all datasets together: what comes is more
/// urgent, and makes splits that are large already.
const BUSY: u64 = 5_000;

/// A dataset as the thread sees it.
pub(crate) trait Merged: fmt::Debug + Send + Sync {
    fn name(&self) -> &'static str;
    /// How many records have come since the store was opened.
    fn appended(&self) -> u64;
    /// Whether its tail waits for nothing but time.
    fn is_calm(&self) -> bool;
    /// Merges once; whether there was something to merge.
    fn merge_some(&self, now: Timestamp, goes_on: &dyn Fn() -> bool) -> io::Result<bool>;
    fn merge_failed(&self);
}

/// Starts the thread, which looks so often.
pub(crate) fn start(
    datasets: Vec<Arc<dyn Merged>>,
    clock: Arc<dyn Clock>,
    every: Duration,
) -> io::Result<Background> {
    Background::start("logsearch-merge", move |signal| {
        run(&datasets, clock.as_ref(), every, signal);
    })
}

fn run(datasets: &[Arc<dyn Merged>], clock: &dyn Clock, every: Duration, signal: &Signal) {
    let mut resting_until = vec![Timestamp::MIN; datasets.len()];
    let appended = || {
        datasets
            .iter()
            .map(|dataset| dataset.appended())
            .sum::<u64>()
    };
    let mut pause = every;
    loop {
        let (before, since) = (appended(), Instant::now());
        if !signal.wait(pause) {
            return;
        }
        pause = every;
        let rate = (appended() - before) as f64 / since.elapsed().as_secs_f64().max(1.0);
        let is_calm = || datasets.iter().all(|dataset| dataset.is_calm());
        if rate > BUSY as f64 || !is_calm() {
            continue;
        }
        let now = clock.now();
        for (dataset, resting_until) in datasets.iter().zip(&mut resting_until) {
            if now < *resting_until {
                continue;
            }
            let started = Instant::now();
            let goes_on = || !signal.stops() && is_calm();
            match work(dataset.as_ref(), now, &goes_on) {
                // As long as it worked it leaves the cores to others.
                Ok(true) => pause = started.elapsed().max(Duration::from_millis(10)),
                Ok(false) => {}
                Err(error) => {
                    dataset.merge_failed();
                    *resting_until = now + REST;
                    tracing::error!(dataset = dataset.name(), %error, "merging failed, the splits stay as they are");
                }
            }
        }
    }
}

fn work(dataset: &dyn Merged, now: Timestamp, goes_on: &dyn Fn() -> bool) -> io::Result<bool> {
    // A panic must not end the thread: nothing would be merged any more, for any dataset.
    catch_unwind(AssertUnwindSafe(|| dataset.merge_some(now, goes_on)))
        .unwrap_or_else(|_| Err(io::Error::other("the search engine has panicked")))
}

impl<D: Dataset> Merged for Engine<D> {
    fn name(&self) -> &'static str {
        D::NAME
    }

    fn appended(&self) -> u64 {
        self.appended_records()
    }

    fn is_calm(&self) -> bool {
        self.has_small_tail()
    }

    fn merge_some(&self, now: Timestamp, goes_on: &dyn Fn() -> bool) -> io::Result<bool> {
        self.merge(now, goes_on)
    }

    fn merge_failed(&self) {
        self.count_merge_failure();
    }
}
