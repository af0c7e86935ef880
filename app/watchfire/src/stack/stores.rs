//! The stores and their keepers, opened in the order in which they depend on each other.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use prometheus_client::registry::Registry;
use sqlx::SqlitePool;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use watchfire_alerts::Alerts;
use watchfire_collector::{Collector, Contracts, Occurrences};
use watchfire_logsearch::EventStore;
use watchfire_schemas::{Clock, LabelSet};
use watchfire_telemetry::{register_process_metrics, register_runtime_metrics};
use watchfire_tsdb::Tsdb;

use crate::config::Settings;
use crate::disk_use::EVENTS;
use crate::migrate;
use crate::rule_samples::CollectorSink;
use crate::signals::TsdbSignals;

/// How many batches of occurrences may wait for the keeper of exception groups.
const EXCEPTION_QUEUE: usize = 256;
/// With so many occurrences a transaction is large enough.
const ENOUGH: usize = 1_000;
/// How often the metrics' head is written, so that little has to be replayed at start.
const SNAPSHOT_INTERVAL: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) collector: Arc<Collector>,
    pub(crate) contracts: Arc<Contracts>,
    pub(crate) alerts: Arc<Alerts>,
    pub(crate) events: Arc<EventStore>,
    pub(crate) tsdb: Arc<Tsdb>,
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(super) pool: SqlitePool,
    /// Held so that no second process opens the same data.
    lock: File,
}

/// Stores that nothing comes into any more.
#[derive(Debug)]
pub(crate) struct Closing {
    events: Arc<EventStore>,
    tsdb: Arc<Tsdb>,
    pool: SqlitePool,
    _lock: File,
}

impl Stores {
    /// Opens everything and replays what the stores do not hold yet. `console` is the address that
    /// notifications link to where no other was configured.
    pub(crate) async fn open(
        settings: &Settings,
        console: SocketAddr,
        clock: &Arc<dyn Clock>,
        watchers: &TaskTracker,
    ) -> anyhow::Result<Self> {
        let lock = lock_data(&settings.data_dir)?;
        let mut registry = Registry::default();
        register_process_metrics(&mut registry, Arc::clone(clock));
        register_runtime_metrics(&mut registry);
        let pool = migrate::open(&settings.data_dir).await?;
        let (events, tsdb) = open_files(settings, clock, &mut registry)?;
        let signals = Arc::new(TsdbSignals(Arc::clone(&tsdb)));
        let samples = Arc::new(CollectorSink::default());
        let config = alerts_config(settings, console);
        let alerts = Alerts::open(
            pool.clone(),
            config,
            (signals, samples.clone()),
            Arc::clone(clock),
            &mut registry,
        )
        .await?;
        let contracts = open_contracts(settings)?;
        let (occurrences, inflow) = mpsc::channel(EXCEPTION_QUEUE);
        watchers.spawn(keep_groups(Arc::clone(&alerts), inflow));
        let collector = Collector::open(
            collector_config(settings, &contracts),
            Arc::clone(&events),
            Arc::clone(&tsdb),
            occurrences,
            Arc::clone(clock),
            &mut registry,
        )
        .await?;
        samples.connect(&collector);
        let registry = Arc::new(Mutex::new(registry));
        Ok(Self {
            collector,
            contracts,
            alerts,
            events,
            tsdb,
            registry,
            pool,
            lock,
        })
    }

    /// Refuses what still comes and finishes what came. The collector held the sender of
    /// occurrences, so its end is the end of their keeper as well.
    pub(crate) async fn stop_intake(self) -> Closing {
        self.collector.close().await;
        drop(self.collector);
        Closing {
            events: self.events,
            tsdb: self.tsdb,
            pool: self.pool,
            _lock: self.lock,
        }
    }
}

impl Closing {
    /// Writes and syncs everything.
    pub(crate) async fn close(self) {
        self.events.close().await;
        let tsdb = self.tsdb;
        match tokio::task::spawn_blocking(move || tsdb.snapshot()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the last snapshot of the metrics failed; they will be read from the log");
            }
            Err(error) => tracing::error!(%error, "the last snapshot of the metrics was cut short"),
        }
        self.pool.close().await;
    }
}

/// Makes the data directory and claims it for this process.
fn lock_data(dir: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(dir)
        .with_context(|| format!("the data directory {} cannot be made", dir.display()))?;
    let path = dir.join("lock");
    let file =
        File::create(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    file.try_lock()
        .with_context(|| format!("{} is in use by another Watchfire", dir.display()))?;
    Ok(file)
}

fn open_files(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    registry: &mut Registry,
) -> anyhow::Result<(Arc<EventStore>, Arc<Tsdb>)> {
    let (dir, clock) = (settings.data_dir.clone(), Arc::clone(clock));
    let events_config = watchfire_logsearch::Config {
        log_retention: settings.log_retention,
        span_retention: settings.span_retention,
        ..Default::default()
    };
    let tsdb_config = watchfire_tsdb::Config {
        retention: settings.metric_retention,
        // The rest is for what comes in, what is asked, and the process itself.
        max_memory: settings
            .metrics_memory
            .unwrap_or(settings.memory_budget / 8 * 3),
        max_bytes: settings.metrics_disk_limit as u64,
        out_of_order_window: settings.metrics_out_of_order,
        ..Default::default()
    };
    // Opening reads files; the registry cannot leave this thread, so the runtime is told instead.
    tokio::task::block_in_place(|| {
        let events = EventStore::open(
            &dir.join(EVENTS),
            events_config,
            Arc::clone(&clock),
            registry,
        )?;
        let tsdb = Tsdb::open(&dir.join("metrics"), tsdb_config, clock, registry)?;
        Ok((events, tsdb))
    })
}

fn alerts_config(settings: &Settings, console: SocketAddr) -> watchfire_alerts::Config {
    let here = || format!("http://{console}");
    watchfire_alerts::Config {
        rules: settings.rules.clone(),
        destinations: settings.destinations.clone(),
        alertmanager: settings.alertmanager.clone(),
        evaluation_interval: settings.evaluation_interval,
        group_wait: settings.group_wait,
        quiet: settings.quiet,
        resolve_after: Duration::ZERO,
        external_url: settings.external_url.clone().unwrap_or_else(here),
        external_labels: LabelSet::default(),
        alertmanagers: settings.alertmanagers.clone(),
        heartbeat: settings.heartbeat.clone(),
    }
}

/// Small files, read before the first record comes.
fn open_contracts(settings: &Settings) -> anyhow::Result<Arc<Contracts>> {
    let dir = settings.data_dir.join("schemas");
    let opened = tokio::task::block_in_place(|| Contracts::open(&dir, settings.schemas.clone()))?;
    Ok(Arc::new(opened))
}

fn collector_config(
    settings: &Settings,
    contracts: &Arc<Contracts>,
) -> watchfire_collector::Config {
    watchfire_collector::Config {
        dir: settings.data_dir.join("wal"),
        memory_budget: settings.memory_budget,
        intake_budget: settings.intake_budget,
        max_body: settings.max_body,
        bounds: watchfire_collector::TimeBounds {
            max_ahead: settings.max_ahead,
        },
        snapshot_interval: SNAPSHOT_INTERVAL,
        contracts: Arc::clone(contracts),
        counters: settings.counters.clone(),
        otlp_metrics: settings.otlp_metrics.clone(),
    }
}

/// Tells the keeper of exception groups of each occurrence, until nobody tells us any more.
async fn keep_groups(alerts: Arc<Alerts>, mut inflow: mpsc::Receiver<Occurrences>) {
    while let Some(occurrences) = gathered(&mut inflow).await {
        while let Err(error) = alerts.exceptions_seen(occurrences.seen.clone()).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "exception groups could not be written; trying again"
            );
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        occurrences.written();
    }
}

/// What waits, as much as one transaction should take: while it is written, no page is.
async fn gathered(inflow: &mut mpsc::Receiver<Occurrences>) -> Option<Occurrences> {
    let mut occurrences = inflow.recv().await?;
    while occurrences.seen.len() < ENOUGH
        && let Ok(more) = inflow.try_recv()
    {
        occurrences.absorb(more);
    }
    Some(occurrences)
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::{ExceptionSeen, Origin, Timestamp};

    use super::*;

    #[tokio::test]
    async fn a_flood_of_exceptions_is_written_in_parts() {
        let seen = ExceptionSeen {
            group: "0011223344556677".to_owned(),
            service: "shop".to_owned(),
            kind: "E".to_owned(),
            message: String::new(),
            culprit: String::new(),
            at: Timestamp::from_secs(1),
            release: None,
            environment: None,
            trace_id: None,
            span_id: None,
            origin: Origin::Log,
            hashes: watchfire_schemas::ExceptionHashes::default(),
            user: None,
        };
        let (to, mut inflow) = mpsc::channel(EXCEPTION_QUEUE);
        for _ in 0..10 {
            to.send(vec![seen.clone(); 400].into()).await.unwrap();
        }
        drop(to);
        let mut parts = Vec::new();
        while let Some(part) = gathered(&mut inflow).await {
            parts.push(part.seen.len());
        }
        assert_eq!(parts, [1200, 1200, 1200, 400]);
    }
}
