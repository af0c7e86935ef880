//! The store's own thread: seals what is due and drops what is too old.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use watchfire_schemas::{Clock, Timestamp};

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
}

/// Runs until it is dropped. What is being sealed then is finished; nothing new is begun.
#[derive(Debug)]
pub(crate) struct Sealer {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Signal {
    state: Mutex<Wanted>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Wanted {
    stop: bool,
    look: bool,
}

impl Sealer {
    pub(crate) fn start(datasets: Vec<Arc<dyn Sealed>>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let signal = Arc::new(Signal::default());
        let shared = Arc::clone(&signal);
        let thread = std::thread::Builder::new()
            .name("logsearch-seal".to_owned())
            .spawn(move || run(&datasets, clock.as_ref(), &shared))?;
        Ok(Self {
            signal,
            thread: Some(thread),
        })
    }

    /// Makes the thread look at once: a tail has grown large.
    pub(crate) fn wake(&self) {
        self.signal
            .state
            .lock()
            .expect("no holder of this lock panics")
            .look = true;
        self.signal.changed.notify_one();
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        self.signal
            .state
            .lock()
            .expect("no holder of this lock panics")
            .stop = true;
        self.signal.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the sealing thread had panicked");
        }
    }
}

impl Signal {
    /// Waits for something to do; false when it is time to stop.
    fn wait(&self) -> bool {
        let state = self.state.lock().expect("no holder of this lock panics");
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, LOOK_EVERY, |wanted| !wanted.stop && !wanted.look)
            .expect("no holder of this lock panics");
        state.look = false;
        !state.stop
    }
}

fn run(datasets: &[Arc<dyn Sealed>], clock: &dyn Clock, signal: &Signal) {
    let mut resting_until = vec![Timestamp::MIN; datasets.len()];
    let mut tidy_at = Timestamp::MIN;
    while signal.wait() {
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
}
