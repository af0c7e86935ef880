//! The stack: every store and listener, started in the order in which they depend on each other
//! and stopped in reverse.

mod stores;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::compression::CompressionLayer;
use watchfire_collector::fingerprint;
use watchfire_dashboards::{Console, ReadStack, SavedSearches, console_router};
use watchfire_logsearch::LogSearch;
use watchfire_schemas::{Clock, Exception, SystemClock, TimeRange};
use watchfire_telemetry::{LogOutput, Telemetry};
use watchfire_tsdb::ServerFacts;

use crate::alertmanager_file;
use crate::cli::ServeArgs;
use crate::config::{Defaults, Settings};
use crate::contracts::CollectorContracts;
use crate::disk_share::DiskKeeper;
use crate::gatherers::{self, Gatherers};
use crate::guard::{Guard, guard, guard_name};
use crate::inbox::Inbox;
use crate::incident_keeper;
use crate::listeners::{bind, drained, print_addresses, serve};
use crate::metrics_page;
use crate::rule_files::RuleFiles;
use crate::server_facts::server_facts;
use crate::status::Status;
pub(crate) use stores::Stores;

pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let settings = Settings::from_args(args, Defaults::SERVE)?;
    let logs = own_logs()?;
    let result = runtime()?.block_on(async {
        let stack = Stack::start(settings, Arc::new(SystemClock), None).await?;
        let stop = StopSignal::listen()?;
        stack.watch();
        stack.announce(&[]);
        stop.come().await;
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

/// Somebody wants us to stop. Listened for before anybody is told that we run, so that no signal
/// finds us unprepared.
#[derive(Debug)]
pub(crate) struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    pub(crate) fn listen() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn come(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// A running stack.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) stores: Stores,
    pub(crate) console: SocketAddr,
    /// What the pages are made of.
    pages: Console,
    print_addresses: bool,
    addresses: [(&'static str, SocketAddr); 3],
    /// What accepts requests; stopped first.
    listeners: TaskTracker,
    stop_listening: CancellationToken,
    /// What fetches samples; stopped before what keeps them.
    gatherers: Arc<Gatherers>,
    /// What judges and pages; stopped before the collector, which takes what rules compute.
    judges: TaskTracker,
    stop_judging: CancellationToken,
    /// What keeps the stores; stopped when nothing comes in any more.
    watchers: TaskTracker,
    stop_watching: CancellationToken,
    rule_files: RuleFiles,
    /// That says how alerts are routed.
    alertmanager_file: Option<PathBuf>,
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
        let console = addresses[0].1;
        let watchers = TaskTracker::new();
        let stores = Stores::open(&settings, console, &clock, &watchers).await?;
        let stop_watching = CancellationToken::new();
        let (dir, share) = (settings.data_dir.clone(), settings.disk);
        let (events, tsdb) = (Arc::clone(&stores.events), Arc::clone(&stores.tsdb));
        let disk = Arc::new(DiskKeeper::new(dir, share, events, tsdb));
        watchers.spawn(Arc::clone(&disk).run(stop_watching.clone()));
        let status = Status {
            disk,
            collector: Arc::clone(&stores.collector),
            inbox,
            data_dir: settings.data_dir.clone(),
            started_at,
        };
        let gatherers = Gatherers::new(&settings, &stores.collector, &clock, &stores.registry);
        let gatherers = Arc::new(gatherers);
        let facts = server_facts(&settings, started_at, gatherers.scrape_board());
        let pages = console_of(&stores, status, clock);
        let (listeners, stop_listening) = (TaskTracker::new(), CancellationToken::new());
        let names = Guard::new(&settings.allowed_hosts);
        let guarded = |router: Router| router.layer(from_fn_with_state(names.clone(), guard));
        let open = stores.collector.clients_router();
        let open = open.layer(from_fn_with_state(names.clone(), guard_name));
        let (grpc, http) = (
            stores.collector.otlp_grpc_router(),
            stores.collector.otlp_http_router(),
        );
        for (listener, router) in [
            (
                bound.console,
                guarded(
                    console_routes(&stores, pages.clone(), facts)
                        .merge(gatherers::router(Arc::clone(&gatherers)))
                        .merge(watchfire_alerts::hooks_router(
                            Arc::clone(&stores.alerts),
                            settings.hooks.clone(),
                        )),
                )
                .merge(open),
            ),
            (bound.otlp_http, guarded(http)),
            // No page in a browser can speak gRPC over HTTP/2 in clear text.
            (bound.otlp_grpc, grpc),
        ] {
            serve(&listeners, &stop_listening, listener, router);
        }
        tracing::info!(took_ms = began.elapsed().as_millis() as u64, "started");
        Ok(Self {
            stores,
            console,
            pages,
            print_addresses: settings.print_addresses,
            addresses,
            listeners,
            stop_listening,
            gatherers,
            judges: TaskTracker::new(),
            stop_judging: CancellationToken::new(),
            watchers,
            stop_watching,
            rule_files: settings.rule_files,
            alertmanager_file: settings.alertmanager.map(|file| file.path),
        })
    }

    /// From now on samples are gathered, rules are evaluated and people are paged.
    pub(crate) fn watch(&self) {
        self.gatherers.start();
        let (alerts, stop) = (&self.stores.alerts, &self.stop_judging);
        self.judges.spawn(Arc::clone(alerts).run(stop.clone()));
        let files = self.rule_files.clone();
        self.judges
            .spawn(files.follow(Arc::clone(alerts), stop.clone()));
        if let Some(path) = self.alertmanager_file.clone() {
            let follow = alertmanager_file::follow(path, Arc::clone(alerts), stop.clone());
            self.judges.spawn(follow);
        }
        self.judges
            .spawn(incident_keeper::keep(self.pages.clone(), stop.clone()));
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
        Ok(!self
            .stores
            .events
            .search_logs(search)
            .await?
            .records
            .is_empty())
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
        self.stores.events.end_tails();
        if !drained(&self.listeners).await {
            tracing::warn!("some requests did not finish in time");
        }
        self.gatherers.stop().await;
        drop(self.gatherers);
        self.stop_judging.cancel();
        if !drained(&self.judges).await {
            tracing::warn!("the evaluation of rules did not finish in time");
        }
        drop(self.pages);
        let closed = self.stores.stop_intake().await;
        self.stop_watching.cancel();
        if !drained(&self.watchers).await {
            tracing::warn!("the watchers did not finish in time");
        }
        closed.close().await;
        tracing::info!(took_ms = began.elapsed().as_millis() as u64, "stopped");
    }
}

/// What the pages are made of.
fn console_of(stores: &Stores, status: Status, clock: Arc<dyn Clock>) -> Console {
    Console {
        events: Arc::clone(&stores.events),
        tsdb: Arc::clone(&stores.tsdb),
        alerts: Arc::clone(&stores.alerts),
        saved: SavedSearches::new(stores.pool.clone()),
        is_demo: status.inbox.is_some(),
        status: Arc::new(status),
        contracts: Arc::new(CollectorContracts {
            contracts: Arc::clone(&stores.contracts),
            replay: stores
                .collector
                .quarantine_replay(Arc::clone(&stores.events)),
        }),
        clock,
        read_stack,
    }
}

/// As it is read for the group.
fn read_stack(service: &str, exception: &Exception) -> ReadStack {
    let print = fingerprint(service, exception, None);
    let calls = print
        .frames
        .iter()
        .map(|frame| (frame.name(), frame.in_app));
    ReadStack {
        calls: calls.collect(),
        chain: print.chain,
    }
}

/// Everything that the console's listener answers.
fn console_routes(stores: &Stores, pages: Console, facts: ServerFacts) -> Router {
    let (registry, collector) = (Arc::clone(&stores.registry), Arc::clone(&stores.collector));
    console_router(pages)
        .merge(watchfire_tsdb::http_router(Arc::clone(&stores.tsdb), facts))
        .merge(watchfire_alerts::http_router(Arc::clone(&stores.alerts)))
        .merge(metrics_page::router(registry, collector))
        .layer(CompressionLayer::new())
        .merge(stores.collector.ingest_router())
        .merge(stores.collector.remote_write_router())
        .merge(stores.collector.shippers_router())
}
