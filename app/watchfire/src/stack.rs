//! The stack: every store and listener, started in the order in which they depend on each other
//! and stopped in reverse.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::middleware::from_fn_with_state;
use prometheus_client::registry::Registry;
use sqlx::SqlitePool;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::compression::CompressionLayer;
use watchfire_alerts::Alerts;
use watchfire_collector::Collector;
use watchfire_dashboards::{Console, console_router};
use watchfire_logsearch::{EventStore, LogSearch};
use watchfire_schemas::{Clock, ExceptionSeen, SystemClock, TimeRange};
use watchfire_telemetry::{LogOutput, Telemetry, register_process_metrics};
use watchfire_tsdb::Tsdb;

use crate::cli::ServeArgs;
use crate::config::{Defaults, Settings};
use crate::guard::{Guard, guard};
use crate::inbox::Inbox;
use crate::listeners::{bind, drained, print_addresses, serve};
use crate::signals::TsdbSignals;
use crate::status::Status;
use crate::{metrics_page, migrate};

/// How many batches of occurrences may wait for the keeper of exception groups.
const EXCEPTION_QUEUE: usize = 256;

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings::from_args(args, Defaults::SERVE)?;
    let logs = own_logs()?;
    let result = runtime()?.block_on(async {
        let stack = Stack::start(settings, Arc::new(SystemClock), None).await?;
        stack.watch();
        stack.announce(&[]);
        stop_signal().await?;
        stack.stop().await;
        Ok(ExitCode::SUCCESS)
    });
    logs.shutdown();
    result
}

pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}

/// Our own log lines: to stderr, and nowhere else, so that what we say never feeds ourselves.
pub(crate) fn own_logs() -> anyhow::Result<Telemetry> {
    let logs = Telemetry::service("watchfire")
        .version(env!("CARGO_PKG_VERSION"))
        .log_output(LogOutput::Stderr)
        .variable("OTEL_SDK_DISABLED", "true")
        .start()?;
    logs.install_global();
    Ok(logs)
}

/// Waits until somebody wants us to stop.
pub(crate) async fn stop_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// A running stack.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) collector: Arc<Collector>,
    pub(crate) alerts: Arc<Alerts>,
    pub(crate) console: SocketAddr,
    print_addresses: bool,
    addresses: [(&'static str, SocketAddr); 3],
    events: Arc<EventStore>,
    tsdb: Arc<Tsdb>,
    pool: SqlitePool,
    /// What accepts requests; stopped first.
    listeners: TaskTracker,
    stop_listening: CancellationToken,
    /// What judges and pages; stopped when nothing comes in any more.
    watchers: TaskTracker,
    stop_watching: CancellationToken,
    /// Held so that no second process opens the same data.
    _lock: File,
}

/// The listeners, bound before anything else is touched.
struct Bound {
    console: TcpListener,
    otlp_grpc: TcpListener,
    otlp_http: TcpListener,
}

impl Bound {
    async fn new(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self {
            console: bind("listen", settings.listen).await?,
            otlp_grpc: bind("otlp-grpc", settings.otlp_grpc).await?,
            otlp_http: bind("otlp-http", settings.otlp_http).await?,
        })
    }

    fn addresses(&self) -> std::io::Result<[(&'static str, SocketAddr); 3]> {
        Ok([
            ("listen", self.console.local_addr()?),
            ("otlp_grpc", self.otlp_grpc.local_addr()?),
            ("otlp_http", self.otlp_http.local_addr()?),
        ])
    }
}

impl Stack {
    pub(crate) async fn start(
        settings: Settings,
        clock: Arc<dyn Clock>,
        inbox: Option<Inbox>,
    ) -> anyhow::Result<Self> {
        let began = Instant::now();
        let started_at = clock.now();
        let bound = Bound::new(&settings).await?;
        let addresses = bound.addresses()?;
        let lock = lock_data(&settings.data_dir)?;
        let mut registry = Registry::default();
        register_process_metrics(&mut registry, Arc::clone(&clock));
        let pool = migrate::open(&settings.data_dir).await?;
        let (events, tsdb) = open_stores(&settings, &clock, &mut registry).await?;
        let alerts = open_alerts(
            &settings,
            addresses[0].1,
            &pool,
            &tsdb,
            &clock,
            &mut registry,
        )
        .await?;
        let (occurrences, inflow) = mpsc::channel(EXCEPTION_QUEUE);
        let watchers = TaskTracker::new();
        let stop_watching = CancellationToken::new();
        watchers.spawn(keep_groups(Arc::clone(&alerts), inflow));
        let collector = Collector::open(
            collector_config(&settings),
            Arc::clone(&events),
            Arc::clone(&tsdb),
            occurrences,
            Arc::clone(&clock),
            &mut registry,
        )
        .await?;
        let status = Status {
            collector: Arc::clone(&collector),
            inbox: inbox.clone(),
            data_dir: settings.data_dir.clone(),
            started_at,
        };
        let pages = console_router(Console {
            events: Arc::clone(&events),
            tsdb: Arc::clone(&tsdb),
            alerts: Arc::clone(&alerts),
            status: Arc::new(status),
            clock,
            is_demo: inbox.is_some(),
        });
        let console = pages
            .merge(watchfire_tsdb::http_router(Arc::clone(&tsdb)))
            .merge(watchfire_alerts::http_router(Arc::clone(&alerts)))
            .merge(metrics_page::router(
                Arc::new(Mutex::new(registry)),
                Arc::clone(&collector),
            ))
            .layer(CompressionLayer::new())
            .merge(collector.ingest_router())
            .merge(inbox.map(|inbox| inbox.router()).unwrap_or_default());
        let listeners = TaskTracker::new();
        let stop_listening = CancellationToken::new();
        let guarded = |router: Router| {
            router.layer(from_fn_with_state(
                Guard::new(&settings.allowed_hosts),
                guard,
            ))
        };
        serve(&listeners, &stop_listening, bound.console, guarded(console));
        serve(
            &listeners,
            &stop_listening,
            bound.otlp_http,
            guarded(collector.otlp_http_router()),
        );
        serve(
            &listeners,
            &stop_listening,
            bound.otlp_grpc,
            collector.otlp_grpc_router(),
        );
        tracing::info!(took_ms = began.elapsed().as_millis() as u64, "started");
        Ok(Self {
            collector,
            alerts,
            console: addresses[0].1,
            print_addresses: settings.print_addresses,
            addresses,
            events,
            tsdb,
            pool,
            listeners,
            stop_listening,
            watchers,
            stop_watching,
            _lock: lock,
        })
    }

    /// From now on rules are evaluated and people are paged.
    pub(crate) fn watch(&self) {
        self.watchers
            .spawn(Arc::clone(&self.alerts).run(self.stop_watching.clone()));
    }

    /// Whether the store holds any log record of a time.
    pub(crate) async fn has_logs_in(&self, range: TimeRange) -> anyhow::Result<bool> {
        let search = LogSearch {
            query: String::new(),
            range,
            limit: 1,
            cursor: None,
            deadline: Duration::from_secs(10),
        };
        Ok(!self.events.search_logs(search).await?.records.is_empty())
    }

    /// Says where we are: for a program if it asked, else for a person.
    pub(crate) fn announce(&self, more: &[(&'static str, SocketAddr)]) {
        if self.print_addresses {
            let all: Vec<_> = self.addresses.iter().chain(more).copied().collect();
            print_addresses(&all);
        }
        for (name, address) in self.addresses.iter().chain(more) {
            tracing::info!(%address, "listening for {name}");
        }
    }

    /// Stops in reverse: nothing new comes in, what is under way is finished, written and synced.
    pub(crate) async fn stop(self) {
        let began = Instant::now();
        tracing::info!("stopping");
        self.stop_listening.cancel();
        if !drained(&self.listeners).await {
            tracing::warn!("some requests did not finish in time");
        }
        self.collector.close().await;
        self.stop_watching.cancel();
        // The collector held the sender of occurrences, so dropping it ends their keeper as well.
        drop(self.collector);
        if !drained(&self.watchers).await {
            tracing::warn!("the watchers did not finish in time");
        }
        self.events.close().await;
        let tsdb = Arc::clone(&self.tsdb);
        match tokio::task::spawn_blocking(move || tsdb.snapshot()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the last snapshot of the metrics failed; they will be read from the log")
            }
            Err(error) => tracing::error!(%error, "the last snapshot of the metrics was cut short"),
        }
        self.pool.close().await;
        tracing::info!(took_ms = began.elapsed().as_millis() as u64, "stopped");
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

async fn open_stores(
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
        ..Default::default()
    };
    // Opening reads files; the registry cannot leave this thread, so the runtime is told instead.
    tokio::task::block_in_place(|| {
        let events = EventStore::open(
            &dir.join("events"),
            events_config,
            Arc::clone(&clock),
            registry,
        )?;
        let tsdb = Tsdb::open(&dir.join("metrics"), tsdb_config, clock, registry)?;
        Ok((events, tsdb))
    })
}

async fn open_alerts(
    settings: &Settings,
    console: SocketAddr,
    pool: &SqlitePool,
    tsdb: &Arc<Tsdb>,
    clock: &Arc<dyn Clock>,
    registry: &mut Registry,
) -> anyhow::Result<Arc<Alerts>> {
    let config = watchfire_alerts::Config {
        rules: settings.rules.clone(),
        destinations: settings.destinations.clone(),
        evaluation_interval: settings.evaluation_interval,
        group_wait: settings.group_wait,
        quiet: settings.quiet,
        resolve_after: Duration::ZERO,
        external_url: settings
            .external_url
            .clone()
            .unwrap_or_else(|| format!("http://{console}")),
    };
    let signals = Arc::new(TsdbSignals(Arc::clone(tsdb)));
    Ok(Alerts::open(pool.clone(), config, signals, Arc::clone(clock), registry).await?)
}

fn collector_config(settings: &Settings) -> watchfire_collector::Config {
    watchfire_collector::Config {
        dir: settings.data_dir.join("wal"),
        memory_budget: settings.memory_budget,
        max_body: settings.max_body,
        snapshot_interval: Duration::from_secs(60),
    }
}

/// Tells the keeper of exception groups of each occurrence, until nobody tells us any more.
async fn keep_groups(alerts: Arc<Alerts>, mut inflow: mpsc::Receiver<Vec<ExceptionSeen>>) {
    while let Some(mut seen) = inflow.recv().await {
        while let Ok(more) = inflow.try_recv() {
            seen.extend(more);
        }
        while let Err(error) = alerts.exceptions_seen(seen.clone()).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "exception groups could not be written; trying again"
            );
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
