use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use watchfire_schemas::Clock;

use super::board::{BoardEntry, ScrapeBoard};
use super::client::{Fetch, HttpFetch};
use super::config::{ReadingConfig, ScrapeJob};
use super::discovery::DiscoveredFiles;
use super::failure::{FailureReason, ScrapeFailure};
use super::meters::ScrapeMeters;
use super::reading::TargetMemory;
use super::target::{Target, TargetKey, Targets};
use super::target_loop::{Ending, TargetLoop};
use crate::hand_over::HandOver;

/// How many dropped targets of a job are remembered where it does not say.
const DROPPED_KEPT: usize = 1_000;

/// What all jobs share.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) out: HandOver,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meters: Arc<ScrapeMeters>,
    pub(crate) board: Arc<ScrapeBoard>,
    pub(crate) tasks: TaskTracker,
    pub(crate) seed: u64,
}

/// The targets of one job while they are scraped.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) job: ScrapeJob,
    around: Surroundings,
    files: DiscoveredFiles,
    fetch: Result<Arc<dyn Fetch>, ScrapeFailure>,
    reading: Arc<ReadingConfig>,
    running: HashMap<TargetKey, Running>,
    /// What was told last, so that it is told once.
    faults: Vec<String>,
    is_over_limit: bool,
}

#[derive(Debug)]
struct Running {
    target: Target,
    stop: oneshot::Sender<Ending>,
    task: JoinHandle<TargetMemory>,
    entry: Arc<BoardEntry>,
}

impl Running {
    async fn end(self, ending: Ending) -> TargetMemory {
        self.tell_end(ending).await.unwrap_or_default()
    }

    fn tell_end(self, ending: Ending) -> JoinHandle<TargetMemory> {
        if self.stop.send(ending).is_err() {
            tracing::error!(
                url = self.target.url,
                "the scraping of a target had broken off"
            );
        }
        self.task
    }
}

impl Pool {
    pub(crate) fn new(job: ScrapeJob, around: Surroundings) -> Self {
        let fetch = HttpFetch::new(&job.request);
        let fetch = fetch.map(|fetch| Arc::new(fetch) as Arc<dyn Fetch>);
        Self::with_fetch(job, around, fetch)
    }

    pub(crate) fn with_fetch(
        job: ScrapeJob,
        around: Surroundings,
        fetch: Result<Arc<dyn Fetch>, ScrapeFailure>,
    ) -> Self {
        Self {
            reading: Arc::new(job.reading.clone()),
            job,
            around,
            files: DiscoveredFiles::default(),
            fetch,
            running: HashMap::new(),
            faults: Vec::new(),
            is_over_limit: false,
        }
    }

    /// Looks at the files of targets again, and starts and ends what has come and gone.
    pub(crate) async fn refresh(&mut self) {
        if !self.job.files.is_empty() {
            let discoveries = self.job.files.clone();
            let mut files = std::mem::take(&mut self.files);
            let work = tokio::task::spawn_blocking(move || {
                files.refresh(&discoveries);
                files
            });
            // It fails only if the runtime stops.
            let Ok(files) = work.await else { return };
            self.files = files;
        }
        let groups = self.job.groups.iter().chain(self.files.groups());
        let targets = Targets::of(&self.job, groups);
        self.sync(targets).await;
    }

    async fn sync(&mut self, targets: Targets) {
        let limit = self.job.target_limit;
        let is_over_limit = limit > 0 && targets.kept.len() > limit;
        if is_over_limit != self.is_over_limit {
            // Everybody learns whether he may be scraped.
            self.is_over_limit = is_over_limit;
            self.restart(&targets).await;
        }
        let gone = |key: &TargetKey, running: &Running| {
            targets
                .kept
                .get(key)
                .is_none_or(|target| !same(target, &running.target))
        };
        let keys = self
            .running
            .iter()
            .filter(|(key, running)| gone(key, running));
        let keys: Vec<TargetKey> = keys.map(|(key, _)| key.clone()).collect();
        for key in keys {
            let running = self.running.remove(&key).expect("the key was just found");
            match targets.kept.get(&key) {
                Some(target) => {
                    let memory = running.end(Ending::Pause).await;
                    self.start(target, memory);
                }
                None => drop(running.end(Ending::Gone).await),
            }
        }
        for (key, target) in &targets.kept {
            if !self.running.contains_key(key) {
                self.start(target, TargetMemory::default());
            }
        }
        self.tell(targets);
    }

    async fn restart(&mut self, targets: &Targets) {
        for (key, running) in std::mem::take(&mut self.running) {
            if targets.kept.contains_key(&key) {
                let target = running.target.clone();
                let memory = running.end(Ending::Pause).await;
                self.start(&target, memory);
            } else {
                self.running.insert(key, running);
            }
        }
    }

    fn start(&mut self, target: &Target, memory: TargetMemory) {
        let entry = Arc::new(BoardEntry::new(&self.job.name, target));
        let (stop, stopped) = oneshot::channel();
        let (fetch, mut forbidden) = match &self.fetch {
            Ok(fetch) => (Arc::clone(fetch), None),
            Err(failure) => (Arc::new(Unusable) as Arc<dyn Fetch>, Some(failure.clone())),
        };
        if self.is_over_limit {
            let reason = format!("the job has more than {} targets", self.job.target_limit);
            forbidden = Some(FailureReason::TargetLimit.because(reason));
        }
        let scraping = TargetLoop {
            target: target.clone(),
            fetch,
            reading: Arc::clone(&self.reading),
            entry: Arc::clone(&entry),
            out: self.around.out.clone(),
            clock: Arc::clone(&self.around.clock),
            meters: Arc::clone(&self.around.meters),
            memory,
            forbidden,
            seed: self.around.seed,
        };
        let task = self.around.tasks.spawn(scraping.run(stopped));
        let running = Running {
            target: target.clone(),
            stop,
            task,
            entry,
        };
        self.running.insert(target.key(), running);
    }

    fn tell(&mut self, mut targets: Targets) {
        for fault in &targets.faults {
            if !self.faults.contains(fault) {
                let job = &self.job.name;
                tracing::warn!(job, reason = fault, "a target cannot be scraped");
            }
        }
        self.faults = targets.faults;
        let mut entries: Vec<_> = self.running.iter().collect();
        entries.sort_by(|a, b| a.0.cmp(b.0));
        let entries = entries
            .into_iter()
            .map(|(_, running)| Arc::clone(&running.entry));
        let dropped_count = targets.dropped.len();
        let keep = match self.job.keep_dropped {
            0 => DROPPED_KEPT,
            keep => keep.min(DROPPED_KEPT),
        };
        targets.dropped.truncate(keep);
        let dropped = (targets.dropped, dropped_count);
        self.around
            .board
            .put(&self.job.name, entries.collect(), dropped);
    }

    pub(crate) fn targets(&self) -> usize {
        self.running.len()
    }

    /// Goes on in another way: targets that stay remember their series.
    pub(crate) async fn change(&mut self, job: ScrapeJob) {
        let mut changed = Self::new(job, self.around.clone());
        changed.files = std::mem::take(&mut self.files);
        for (key, running) in std::mem::take(&mut self.running) {
            changed.running.insert(key, running);
        }
        *self = changed;
        let groups = self.job.groups.iter().chain(self.files.groups());
        let targets = Targets::of(&self.job, groups);
        for (key, running) in std::mem::take(&mut self.running) {
            let Some(target) = targets.kept.get(&key) else {
                self.running.insert(key, running);
                continue;
            };
            let mut memory = running.end(Ending::Pause).await;
            memory.series.forget_texts();
            self.start(target, memory);
        }
        self.refresh().await;
    }

    /// Ends all targets; with [`Ending::Gone`] their series as well.
    pub(crate) async fn end(self, ending: Ending) {
        let running = self.running.into_values();
        let tasks: Vec<_> = running.map(|running| running.tell_end(ending)).collect();
        for task in tasks {
            drop(task.await);
        }
        if ending == Ending::Gone {
            self.around.board.remove(&self.job.name);
        }
    }
}

/// Whether two targets of one key are scraped at the same pace.
fn same(a: &Target, b: &Target) -> bool {
    (a.interval, a.timeout) == (b.interval, b.timeout)
}

/// Stands where no client could be made; it is never asked.
#[derive(Debug)]
struct Unusable;

#[async_trait::async_trait]
impl Fetch for Unusable {
    async fn fetch(
        &self,
        _url: &str,
        _timeout: std::time::Duration,
    ) -> Result<super::client::Exposed, ScrapeFailure> {
        Err(FailureReason::Credentials.because("no client could be made"))
    }
}
