//! What Watchfire fetches itself: targets that it scrapes, probes, this host.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use prometheus_client::registry::Registry;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchfire_collector::{
    Collector, GatherMeters, HostReporter, Prober, ScrapeBoard, ScrapeConfig, Scraper,
};
use watchfire_schemas::Clock;

use crate::config::{ConfigError, Settings, read_scrape_config};
use crate::listeners::problem;
use crate::own_samples::OwnSamples;

/// Everything that gathers samples in this process.
#[derive(Debug)]
pub(crate) struct Gatherers {
    scraper: Scraper,
    prober: Prober,
    /// None: nobody wants to know.
    host: Option<HostReporter>,
    /// What we say of ourselves; taken by the first who starts.
    own: Mutex<Option<OwnSamples>>,
    /// Where the scraper's configuration is read again.
    scrape_config: Option<PathBuf>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Gatherers {
    pub(crate) fn new(
        settings: &Settings,
        collector: &Arc<Collector>,
        clock: &Arc<dyn Clock>,
        registry: &Arc<Mutex<Registry>>,
    ) -> Self {
        let own_registry = registry;
        let mut registry = registry.lock().expect("no holder of this lock panics");
        let meters = GatherMeters::register(&mut registry);
        let name = host_name();
        let (path, config) = settings.scrape.clone().unzip();
        let scraper = Scraper::new(
            Arc::clone(collector),
            config.unwrap_or_default(),
            &name,
            clock,
            (&meters, &mut registry),
        );
        let configured = settings.probes.clone();
        let prober = Prober::new(Arc::clone(collector), configured, clock, &meters);
        let host = settings
            .host_metrics
            .then(|| HostReporter::new(Arc::clone(collector), &name, clock, &meters));
        let own = settings
            .host_metrics
            .then(|| OwnSamples::new(own_registry, collector, clock, &name));
        Self {
            scraper,
            prober,
            host,
            own: Mutex::new(own),
            scrape_config: path,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Begins to gather, and to listen for the signal by which files are read again.
    pub(crate) fn start(self: &Arc<Self>) {
        self.scraper.start();
        self.prober.start();
        if let Some(host) = &self.host {
            host.start();
        }
        let own = self
            .own
            .lock()
            .expect("no holder of this lock panics")
            .take();
        if let Some(own) = own {
            self.tasks.spawn(own.run(self.stop.clone()));
        }
        match signal(SignalKind::hangup()) {
            Ok(hangup) => {
                let gatherers = Arc::clone(self);
                self.tasks.spawn(gatherers.reload_on(hangup));
            }
            Err(error) => tracing::warn!(%error, "SIGHUP cannot be listened for"),
        }
    }

    /// What became of each target.
    pub(crate) fn scrape_board(&self) -> Arc<ScrapeBoard> {
        self.scraper.board()
    }

    /// Reads again what is to be scraped. If that is not sound, all goes on as it was.
    pub(crate) fn reload(&self) -> Result<(), ConfigError> {
        let Some(path) = &self.scrape_config else {
            return Ok(());
        };
        let config: ScrapeConfig = read_scrape_config(path)?;
        tracing::info!(jobs = config.jobs(), path = %path.display(), "scrape configuration read again");
        self.scraper.reload(config);
        Ok(())
    }

    /// Gathers no more, and hands over what was gathered.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        tokio::join!(self.scraper.stop(), self.prober.stop());
        if let Some(host) = &self.host {
            host.stop().await;
        }
    }

    async fn reload_on(self: Arc<Self>, mut hangup: Signal) {
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                came = hangup.recv() => {
                    if came.is_none() {
                        return;
                    }
                }
            }
            let reloaded = tokio::task::block_in_place(|| self.reload());
            if let Err(error) = reloaded {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the configuration cannot be read again; all goes on as it was"
                );
            }
        }
    }
}

/// `POST /-/reload`, as Prometheus has it.
pub(crate) fn router(gatherers: Arc<Gatherers>) -> Router {
    Router::new()
        .route("/-/reload", post(reload))
        .with_state(gatherers)
}

async fn reload(State(gatherers): State<Arc<Gatherers>>) -> Response {
    let reloaded = tokio::task::spawn_blocking(move || gatherers.reload()).await;
    match reloaded {
        Ok(Ok(())) => StatusCode::OK.into_response(),
        Ok(Err(error)) => problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Not reloaded",
            &crate::check::causes(&error),
        ),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The name of this machine, or of the container.
fn host_name() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname");
    let told = told.or_else(|_| std::fs::read_to_string("/etc/hostname"));
    match told.as_deref().map(str::trim) {
        Ok(name) if !name.is_empty() => name.to_owned(),
        _ => "localhost".to_owned(),
    }
}
