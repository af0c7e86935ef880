use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchfire_schemas::Clock;

use super::board::ScrapeBoard;
use super::config::ScrapeConfig;
use super::meters::ScrapeMeters;
use super::pool::{Pool, Surroundings};
use super::target_loop::Ending;
use crate::hand_over::{Gathering, HandOver, Writer, hand_over};
use crate::{Collector, GatherMeters};

/// How often files of targets are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Scrapes what is configured, until it is told otherwise.
#[derive(Debug)]
pub struct Scraper {
    config: watch::Sender<Arc<ScrapeConfig>>,
    board: Arc<ScrapeBoard>,
    gathering: Gathering<Surroundings>,
}

impl Scraper {
    /// Ready to start. `host` and the configuration's external labels decide when in the interval a
    /// target is scraped, so that two of us do not scrape it at the same moment.
    pub fn new(
        collector: Arc<Collector>,
        config: ScrapeConfig,
        host: &str,
        clock: &Arc<dyn Clock>,
        (gathering, registry): (&GatherMeters, &mut Registry),
    ) -> Self {
        let meters = Arc::new(ScrapeMeters::register(registry));
        let (out, writer) = hand_over("scrape", collector, gathering);
        Self::with_hand_over((out, writer), config, host, (Arc::clone(clock), meters))
    }

    pub(crate) fn with_hand_over(
        (out, writer): (HandOver, Writer),
        config: ScrapeConfig,
        host: &str,
        (clock, meters): (Arc<dyn Clock>, Arc<ScrapeMeters>),
    ) -> Self {
        let seed = config.external_labels.with("host", host).fingerprint();
        let (tasks, board) = (TaskTracker::new(), Arc::new(ScrapeBoard::default()));
        let around = Surroundings {
            out,
            clock,
            meters,
            board: Arc::clone(&board),
            tasks: tasks.clone(),
            seed,
        };
        Self {
            config: watch::Sender::new(Arc::new(config)),
            board,
            gathering: Gathering::new(tasks, around, writer),
        }
    }

    /// Begins to scrape. A second call does nothing.
    pub fn start(&self) {
        let config = self.config.subscribe();
        self.gathering.start(|around, tasks, stop| {
            let rounds = Rounds {
                pools: BTreeMap::new(),
                around,
            };
            tasks.spawn(rounds.run(config, stop.clone()));
        });
    }

    /// Goes on with another configuration: jobs that did not change are not touched.
    pub fn reload(&self, config: ScrapeConfig) {
        self.config.send_replace(Arc::new(config));
    }

    /// What is known of all targets.
    pub fn board(&self) -> Arc<ScrapeBoard> {
        Arc::clone(&self.board)
    }

    /// Scrapes no more, and hands over what was scraped.
    pub async fn stop(&self) {
        self.gathering.stop().await;
    }
}

/// Keeps the pools as the configuration and the files of targets say.
#[derive(Debug)]
struct Rounds {
    pools: BTreeMap<String, Pool>,
    around: Surroundings,
}

impl Rounds {
    async fn run(
        mut self,
        mut config: watch::Receiver<Arc<ScrapeConfig>>,
        stop: CancellationToken,
    ) {
        let first = Arc::clone(&config.borrow_and_update());
        self.configure(&first).await;
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        looks.reset_at(Instant::now() + LOOK);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                changed = config.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let next = Arc::clone(&config.borrow_and_update());
                    self.around.meters.reloads.inc();
                    self.configure(&next).await;
                }
                _ = looks.tick() => self.look().await,
            }
        }
        for pool in std::mem::take(&mut self.pools).into_values() {
            pool.end(Ending::Pause).await;
        }
    }

    async fn configure(&mut self, config: &ScrapeConfig) {
        for job in &config.jobs {
            match self.pools.get_mut(&job.name) {
                Some(pool) if pool.job == *job => {}
                Some(pool) => pool.change(job.clone()).await,
                None => {
                    let mut pool = Pool::new(job.clone(), self.around.clone());
                    pool.refresh().await;
                    self.pools.insert(job.name.clone(), pool);
                }
            }
        }
        let is_named = |name: &String| config.jobs.iter().any(|job| job.name == *name);
        let gone: Vec<String> = self
            .pools
            .keys()
            .filter(|name| !is_named(name))
            .cloned()
            .collect();
        for name in gone {
            let pool = self.pools.remove(&name).expect("the name was just found");
            pool.end(Ending::Gone).await;
        }
        self.count();
    }

    async fn look(&mut self) {
        for pool in self
            .pools
            .values_mut()
            .filter(|pool| !pool.job.files.is_empty())
        {
            pool.refresh().await;
        }
        self.count();
    }

    fn count(&self) {
        let targets: usize = self.pools.values().map(Pool::targets).sum();
        self.around.meters.targets.set(targets as i64);
    }
}
