//! A thread of the store that looks from time to time whether there is something to do.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// Runs until it is dropped. What is under way then is finished; nothing new is begun.
#[derive(Debug)]
pub(crate) struct Background {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread waits for.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    state: Mutex<Wanted>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Wanted {
    stop: bool,
    look: bool,
}

impl Background {
    /// `run` goes on until [`Signal::wait`] says no.
    pub(crate) fn start(
        name: &str,
        run: impl FnOnce(&Signal) + Send + 'static,
    ) -> io::Result<Self> {
        let signal = Arc::new(Signal::default());
        let shared = Arc::clone(&signal);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&shared))?;
        Ok(Self {
            signal,
            thread: Some(thread),
        })
    }

    /// Makes the thread look at once.
    pub(crate) fn wake(&self) {
        self.signal.state().look = true;
        self.signal.changed.notify_one();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.signal.state().stop = true;
        self.signal.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a thread of the event store had panicked");
        }
    }
}

impl Signal {
    /// Waits for something to do, at most for so long; false when it is time to stop.
    pub(crate) fn wait(&self, most: Duration) -> bool {
        let (mut state, _) = self
            .changed
            .wait_timeout_while(self.state(), most, |wanted| !wanted.stop && !wanted.look)
            .expect("no holder of this lock panics");
        state.look = false;
        !state.stop
    }

    /// Whether it is time to stop.
    pub(crate) fn stops(&self) -> bool {
        self.state().stop
    }

    fn state(&self) -> MutexGuard<'_, Wanted> {
        self.state.lock().expect("no holder of this lock panics")
    }
}
