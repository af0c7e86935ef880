//! Sends requests at the moments that a script tells, whatever the server does: an open loop. One
//! engine is behind `load` and `replay`.

mod connection;
mod desk;
mod pool;

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use rand::rngs::StdRng;
use tokio::sync::{Notify, mpsc};
use tokio::task::LocalSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::desk::Desk;
use super::host::Host;
use super::pacemaker::Pacemaker;
use super::tally::{Ended, Tally};

/// The moments of a script's requests, counted from its start.
pub(crate) type Moments = Box<dyn Iterator<Item = Duration> + Send>;

/// What is sent, and when. It is asked from several threads.
pub(crate) trait Script: Debug + Send + Sync + 'static {
    /// When each request is due; they never go back, and are the same each time.
    fn moments(&self) -> Moments;
    /// When it is over: no moment is later.
    fn length(&self) -> Duration;
    /// How many targets there are.
    fn targets(&self) -> usize;
    /// What the request of this number is aimed at.
    fn target(&self, number: u64, dice: &mut StdRng) -> usize;
    /// Where requests of this target go: an index into the engine's hosts.
    fn host(&self, target: usize) -> usize;
    fn request(&self, number: u64, target: usize, dice: &mut StdRng) -> Request<Full<Bytes>>;
    fn is_expected(&self, number: u64, target: usize, status: StatusCode) -> bool;
    /// Called once for each request that ended. It must not take long.
    fn ended(&self, ended: &Ended);
}

/// How requests are sent.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The most connections that are open at once.
    pub(crate) connections: usize,
    pub(crate) threads: usize,
    /// The longest that an answer may take from the sending, and that a connection may take to open.
    pub(crate) timeout: Duration,
    /// Whether a connection is used again.
    pub(crate) keep_alive: bool,
    /// Whether each request begins a trace.
    pub(crate) trace: bool,
    pub(crate) seed: u64,
}

/// A run that goes on.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) start: Instant,
    workers: Vec<Worker>,
    /// Closed when all workers are done.
    done: mpsc::Receiver<()>,
    _pacemaker: Pacemaker,
}

#[derive(Debug)]
struct Worker {
    tally: Arc<Mutex<Tally>>,
    handle: thread::JoinHandle<()>,
}

/// A look at a run that goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    pub(crate) due: u64,
    pub(crate) answered: u64,
    pub(crate) unexpected: u64,
    pub(crate) ended: u64,
    /// Of what ended since the last look, corrected.
    pub(crate) p99: Option<Duration>,
}

impl Engine {
    /// Begins at `start`, which may be in the future; ends by itself, or soon after `stop`.
    pub(crate) fn start(
        script: &Arc<dyn Script>,
        hosts: Vec<Host>,
        settings: &Settings,
        start: Instant,
        stop: &CancellationToken,
    ) -> std::io::Result<Self> {
        let hosts = Arc::new(hosts);
        let (holder, done) = mpsc::channel(1);
        let mut workers = Vec::new();
        let mut beats = Vec::new();
        for place in 0..settings.threads {
            let beat = Arc::new(Notify::new());
            let tally = Arc::new(Mutex::new(Tally::new(script.targets())));
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            let desk = desk::Opening {
                script: Arc::clone(script),
                hosts: Arc::clone(&hosts),
                settings: settings.clone(),
                place,
                start,
                tally: Arc::clone(&tally),
            };
            let (beaten, stop, holder) = (Arc::clone(&beat), stop.clone(), holder.clone());
            let handle = thread::Builder::new()
                .name(format!("load-{place}"))
                .spawn(move || {
                    let _held = holder;
                    let set = LocalSet::new();
                    set.block_on(&runtime, Desk::open(desk).work(&beaten, &stop));
                })?;
            workers.push(Worker { tally, handle });
            beats.push(beat);
        }
        Ok(Self {
            start,
            workers,
            done,
            _pacemaker: Pacemaker::start(script.moments(), start, beats)?,
        })
    }

    /// Waits until all is sent and answered or given up.
    pub(crate) async fn ended(&mut self) {
        while self.done.recv().await.is_some() {}
    }

    pub(crate) fn look(&self) -> Sight {
        let mut sight = Sight::default();
        for worker in &self.workers {
            let mut tally = worker.tally.lock().expect("no holder of this lock panics");
            sight.due += tally.due;
            sight.answered += tally.answered;
            sight.unexpected += tally.unexpected;
            sight.ended += tally.answered + tally.failures.values().sum::<u64>();
            sight.p99 = sight.p99.max(tally.recent.quantile(0.99));
            tally.recent.clear();
        }
        sight
    }

    /// What became of all requests. Called after the end.
    pub(crate) fn tally(self) -> Tally {
        let mut whole: Option<Tally> = None;
        for worker in self.workers {
            worker.handle.join().expect("a worker does not panic");
            let tally = worker.tally.lock().expect("no holder of this lock panics");
            match &mut whole {
                Some(whole) => whole.merge(&tally),
                None => whole = Some(tally.clone()),
            }
        }
        whole.expect("there is a worker")
    }
}
