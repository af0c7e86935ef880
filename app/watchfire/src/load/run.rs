use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{Clock as _, SystemClock};

use super::engine::{Engine, Script, Settings};
use super::host::{Host, HostError, Origin};
use super::machine::{cpu_time, most_open_files};
use super::progress::Progress;
use super::tally::Tally;
use crate::cli::SendingArgs;
use crate::stack::StopSignal;

/// The most connections if nothing is said.
const CONNECTIONS: usize = 1_000;
/// Files that this process needs beside its connections.
const OTHER_FILES: u64 = 50;
/// Until workers are ready.
const MOMENT: Duration = Duration::from_millis(20);

/// Why a run does not come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("the runtime cannot be started")]
    Runtime(#[source] std::io::Error),
    #[error("{0}")]
    Wrong(String),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("signals cannot be listened for")]
    Signals(#[source] anyhow::Error),
    #[error(transparent)]
    Api(#[from] crate::api::ApiError),
}

/// A run that is over.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) tally: Tally,
    /// What was planned.
    pub(crate) length: Duration,
    /// From the first moment to the last answer.
    pub(crate) took: Duration,
    /// What this process used of the processors meanwhile.
    pub(crate) cpu: Option<Duration>,
    /// Somebody ended it early.
    pub(crate) was_stopped: bool,
}

/// How requests are sent.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) settings: Settings,
    /// Some: the run begins when the clock shows a multiple of it.
    pub(crate) mark: Option<Duration>,
    authorities: Option<PathBuf>,
}

/// For what is done beside the sending, which has threads of its own.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, RunError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(RunError::Runtime)
}

impl Sending {
    pub(crate) fn of(args: &SendingArgs) -> Result<Self, RunError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = args
            .threads
            .map_or(cores.div_ceil(2), |threads| threads as usize);
        let room = most_open_files().unwrap_or(u64::MAX);
        let room = usize::try_from(room.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
        let connections = match args.connections {
            None => CONNECTIONS.min(room),
            Some(connections) if connections as usize <= room => connections as usize,
            Some(connections) => {
                let wanted = u64::from(connections) + OTHER_FILES;
                return Err(RunError::Wrong(format!(
                    "--connections {connections} is more than the limit of open files leaves ({room}); \
                     raise it with ulimit -n {wanted}"
                )));
            }
        };
        if args.timeout.is_zero() {
            return Err(RunError::Wrong("--timeout must be above 0".to_owned()));
        }
        Ok(Self {
            settings: Settings {
                connections,
                threads: threads.min(connections),
                timeout: args.timeout,
                keep_alive: true,
                trace: args.trace,
                seed: 1,
            },
            mark: None,
            authorities: args.ca.clone(),
        })
    }

    /// Sends what the script says, to the end or until somebody stops it, and shows how it goes.
    pub(crate) async fn run(
        &self,
        script: Arc<dyn Script>,
        origins: &[Origin],
        title: &str,
    ) -> Result<Ran, RunError> {
        let mut hosts: Vec<Host> = Vec::new();
        for origin in origins {
            hosts.push(origin.host(self.authorities.as_deref()).await?);
        }
        let length = script.length();
        let stop = CancellationToken::new();
        let signal = StopSignal::listen().map_err(RunError::Signals)?;
        let wait = self.mark.map_or(MOMENT, until_mark);
        let mut progress = Progress::begin(title, length, wait);
        let before = cpu_time();
        let engine = Engine::start(&script, hosts, &self.settings, Instant::now() + wait, &stop);
        let mut engine = engine.map_err(RunError::Runtime)?;
        let start = engine.start;
        let mut signal = Box::pin(signal.come());
        loop {
            tokio::select! {
                () = engine.ended() => break,
                () = &mut signal, if !stop.is_cancelled() => stop.cancel(),
                () = progress.due() => {
                    let since = Instant::now().saturating_duration_since(start);
                    progress.show(since, &engine.look());
                }
            }
        }
        progress.clear();
        let tally = engine.tally();
        let last = tally.last_end.unwrap_or_else(Instant::now);
        Ok(Ran {
            length,
            took: last.saturating_duration_since(start),
            cpu: cpu_time()
                .zip(before)
                .map(|(after, before)| after.saturating_sub(before)),
            was_stopped: stop.is_cancelled(),
            tally,
        })
    }
}

/// Until the clock shows a multiple of this.
fn until_mark(mark: Duration) -> Duration {
    let mark = (mark.as_nanos() as u64).max(1);
    let past = SystemClock.now().nanos() as u64 % mark;
    Duration::from_nanos(mark - past)
}
