use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchfire_schemas::{
    DroppedTarget, LabelSet, MetricMetadata, TargetHealth, TargetMetadata, TargetState, Timestamp,
};
use watchfire_tsdb::TargetBoard;

use super::target::Target;

/// What is known of all targets, for whoever shows it.
#[derive(Debug, Default)]
pub struct ScrapeBoard {
    /// By job. Locked only to copy, or when targets come and go.
    pools: Mutex<BTreeMap<String, PoolBoard>>,
}

#[derive(Debug, Default)]
struct PoolBoard {
    targets: Vec<Arc<BoardEntry>>,
    dropped: Vec<LabelSet>,
    dropped_count: usize,
}

/// One target's place on the board.
#[derive(Debug)]
pub(crate) struct BoardEntry {
    state: Mutex<TargetState>,
    metadata: Mutex<Arc<[MetricMetadata]>>,
}

impl ScrapeBoard {
    /// Every target that is scraped, by job.
    pub fn targets(&self) -> Vec<TargetState> {
        let pools = self.pools.lock().expect("no holder of this lock panics");
        let entries = pools.values().flat_map(|pool| &pool.targets);
        entries.map(|entry| entry.state()).collect()
    }

    /// Targets that relabelling dropped, some of each job.
    pub fn dropped(&self) -> Vec<DroppedTarget> {
        let pools = self.pools.lock().expect("no holder of this lock panics");
        let dropped = pools.iter().flat_map(|(name, pool)| {
            pool.dropped.iter().map(|labels| DroppedTarget {
                discovered_labels: labels.clone(),
                scrape_pool: name.clone(),
            })
        });
        dropped.collect()
    }

    /// How many targets relabelling dropped, by job.
    pub fn dropped_counts(&self) -> BTreeMap<String, usize> {
        let pools = self.pools.lock().expect("no holder of this lock panics");
        pools
            .iter()
            .map(|(name, pool)| (name.clone(), pool.dropped_count))
            .collect()
    }

    /// What targets say of their metrics.
    pub fn metadata(&self) -> Vec<TargetMetadata> {
        let pools = self.pools.lock().expect("no holder of this lock panics");
        let mut all = Vec::new();
        for entry in pools.values().flat_map(|pool| &pool.targets) {
            let target = entry.state().labels;
            let metadata = entry
                .metadata
                .lock()
                .expect("no holder of this lock panics");
            all.extend(metadata.iter().map(|metadata| TargetMetadata {
                target: target.clone(),
                metadata: metadata.clone(),
            }));
        }
        all
    }

    /// `dropped` is what is shown of `dropped_count`.
    pub(crate) fn put(
        &self,
        pool: &str,
        targets: Vec<Arc<BoardEntry>>,
        (dropped, dropped_count): (Vec<LabelSet>, usize),
    ) {
        let board = PoolBoard {
            targets,
            dropped,
            dropped_count,
        };
        let mut pools = self.pools.lock().expect("no holder of this lock panics");
        pools.insert(pool.to_owned(), board);
    }

    pub(crate) fn remove(&self, pool: &str) {
        let mut pools = self.pools.lock().expect("no holder of this lock panics");
        pools.remove(pool);
    }
}

impl TargetBoard for ScrapeBoard {
    fn pools(&self) -> Vec<String> {
        let pools = self.pools.lock().expect("no holder of this lock panics");
        pools.keys().cloned().collect()
    }

    fn active(&self) -> Vec<TargetState> {
        self.targets()
    }

    fn dropped(&self) -> Vec<DroppedTarget> {
        Self::dropped(self)
    }

    fn dropped_counts(&self) -> BTreeMap<String, usize> {
        Self::dropped_counts(self)
    }

    fn metadata(&self) -> Vec<TargetMetadata> {
        Self::metadata(self)
    }
}

impl BoardEntry {
    pub(crate) fn new(pool: &str, target: &Target) -> Self {
        Self {
            state: Mutex::new(TargetState {
                labels: target.labels.clone(),
                discovered_labels: target.discovered.clone(),
                scrape_pool: pool.to_owned(),
                scrape_url: target.url.clone(),
                last_error: String::new(),
                last_scrape: None,
                last_duration: Duration::ZERO,
                health: TargetHealth::Unknown,
                interval: target.interval,
                timeout: target.timeout,
            }),
            metadata: Mutex::default(),
        }
    }

    pub(crate) fn state(&self) -> TargetState {
        self.state
            .lock()
            .expect("no holder of this lock panics")
            .clone()
    }

    /// Writes down how a scrape went; an empty error is none.
    pub(crate) fn scraped(&self, at: Timestamp, took: Duration, error: String) {
        let mut state = self.state.lock().expect("no holder of this lock panics");
        state.health = if error.is_empty() {
            TargetHealth::Up
        } else {
            TargetHealth::Down
        };
        state.last_error = error;
        state.last_scrape = Some(at);
        state.last_duration = took;
    }

    pub(crate) fn describe(&self, metadata: Vec<MetricMetadata>) {
        *self.metadata.lock().expect("no holder of this lock panics") = metadata.into();
    }
}
