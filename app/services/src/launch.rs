mod deploy;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use watchfire_schemas::{Batch, ChangeEvent, Clock};
use watchfire_telemetry::Telemetry;

use crate::client::Client;
use crate::content::release::{Live, Release};
use crate::content::sync::Sync;
use crate::content::{self, Store};
use crate::database::{Database, Durability};
use crate::fault::{self, Extent, FaultSwitch, Faults};
use crate::gateway::Upstream;
use crate::secret::{SecretError, Secrets};
use crate::server::LOOPBACK;
use crate::setup::{Setup, Started};
use crate::stage::Stage;
use crate::telemetry::{self, CONTENT, CONTENT_SYNC, GATEWAY, VERSION};
use crate::traffic::Traffic;
use crate::{feed, gateway, messages, payments, recruitment, reminders, server};

/// Where the services' telemetry goes.
#[derive(Debug, Clone)]
pub enum Export {
    /// To a collector in this process.
    InProcess(mpsc::Sender<Batch>),
    /// By `OTEL_EXPORTER_OTLP_ENDPOINT`; log lines on stdout.
    Environment,
}

/// What the services are started with.
#[derive(Debug, Clone)]
pub struct Launch {
    /// SQLite files go here.
    pub data_dir: PathBuf,
    /// The gateway's address. The services behind it bind loopback ports of their own.
    pub gateway: SocketAddr,
    pub export: Export,
    /// Requests per second that the built-in traffic generator makes; 0 for none.
    pub traffic: f64,
    pub seed: u64,
    pub clock: Arc<dyn Clock>,
    /// Told of each deploy that the services make.
    pub changes: Option<mpsc::Sender<ChangeEvent>>,
}

/// Why the services could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("{address} cannot be bound")]
    Bind {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("the database {path} cannot be opened")]
    Database {
        path: PathBuf,
        #[source]
        source: sqlx::Error,
    },
    #[error("telemetry could not be started")]
    Telemetry(#[source] watchfire_telemetry::StartError),
    #[error("an HTTP client could not be made")]
    Client(#[source] reqwest::Error),
    #[error(transparent)]
    Secret(SecretError),
    /// A variable of the environment, by its name, and what was expected.
    #[error("{0}")]
    Setting(String),
}

/// The running services.
#[derive(Debug)]
pub struct Running {
    gateway: SocketAddr,
    content: SocketAddr,
    content_sync: SocketAddr,
    faults: FaultSwitch,
    live: Arc<Live>,
    telemetries: Vec<Telemetry>,
    /// In the order in which they stop.
    stages: [Stage; 3],
}

/// The stages, what asks before what is asked.
const TRAFFIC: usize = 0;
const FRONT: usize = 1;
const BACK: usize = 2;

impl Running {
    /// Starts all services. When it returns they answer, and the content service holds its data.
    pub async fn launch(launch: Launch) -> Result<Self, LaunchError> {
        let (listener, gateway) = server::bind(launch.gateway).await?;
        let stages: [Stage; 3] = Default::default();
        let start = |service| {
            telemetry::start(service, VERSION, &launch.export, &launch.clock)
                .map_err(LaunchError::Telemetry)
        };
        let gateway_telemetry = start(GATEWAY)?;
        let sync_telemetry = start(CONTENT_SYNC)?;

        let source = Arc::new(feed::Source::new());
        let feed = serve_feed(&source, &launch, &stages[BACK]).await?;
        let faults = faults_of(launch.seed);
        let (deploys, orders) = mpsc::unbounded_channel();
        let switch = FaultSwitch::new(faults.clone(), deploys, Arc::clone(&launch.clock));
        let of_content = Arc::clone(&faults[CONTENT]);
        let database = open(&launch, Arc::clone(&of_content)).await?;
        let content_sync =
            start_sync(&database, feed, &sync_telemetry, &launch, &stages[BACK]).await?;
        let store = Store::new(database, of_content);
        let (content, live) =
            start_content(store.clone(), start(CONTENT)?, &faults, &stages[BACK]).await?;
        let others = start_others(&launch, &faults, &stages[BACK]).await?;
        let deployer = deploy::Deployer::new(Arc::clone(&live), store, &others, &launch);
        stages[BACK].spawn(|stop| deployer.run(orders, stop));
        stages[BACK].spawn(|stop| switch.clone().run(stop));

        let upstreams = upstreams(content, &others, &gateway_telemetry)?;
        let offered = offers_switch(&launch).then(|| switch.clone());
        let router = gateway::router(&upstreams, &gateway_telemetry, VERSION, offered);
        let router = fault::aimed_at(router, Arc::clone(&faults[GATEWAY]), Extent::All);
        stages[FRONT].serve(listener, router);
        gateway_telemetry.in_scope(|| tracing::info!("gateway {VERSION} listens on {gateway}"));

        if launch.traffic > 0.0 {
            let traffic = Traffic::new(gateway, launch.traffic, launch.seed, &source)
                .map_err(LaunchError::Client)?;
            let stop = stages[TRAFFIC].stop.clone();
            stages[TRAFFIC].tasks.spawn(traffic.run(stop));
        }
        Ok(Self {
            gateway,
            content,
            content_sync,
            faults: switch,
            live,
            telemetries: [gateway_telemetry, sync_telemetry]
                .into_iter()
                .chain(others.into_iter().flat_map(|other| other.telemetries))
                .collect(),
            stages,
        })
    }

    pub fn gateway_address(&self) -> SocketAddr {
        self.gateway
    }

    /// Where the content service answers by itself, with its `/healthz` and `/metrics`.
    pub fn content_address(&self) -> SocketAddr {
        self.content
    }

    /// Where the sync worker has its `/healthz` and `/metrics`.
    pub fn content_sync_address(&self) -> SocketAddr {
        self.content_sync
    }

    pub fn faults(&self) -> FaultSwitch {
        self.faults.clone()
    }

    /// Stops accepting, finishes requests, flushes telemetry.
    pub async fn stop(self) {
        for stage in &self.stages {
            stage.stop().await;
        }
        let mut telemetries = self.telemetries;
        telemetries.push(self.live.release().telemetry.clone());
        telemetry::stop(telemetries).await;
    }
}

/// The switch is for demonstrations in one process, and only on loopback.
fn offers_switch(launch: &Launch) -> bool {
    matches!(launch.export, Export::InProcess(_)) && launch.gateway.ip().is_loopback()
}

async fn serve_feed(
    source: &Arc<feed::Source>,
    launch: &Launch,
    stage: &Stage,
) -> Result<SocketAddr, LaunchError> {
    let (listener, address) = server::bind(LOOPBACK).await?;
    let router = feed::router(Arc::clone(source), Arc::clone(&launch.clock));
    stage.serve(listener, router);
    Ok(address)
}

async fn open(launch: &Launch, faults: Arc<Faults>) -> Result<Database, LaunchError> {
    let name = content::store::NAMESPACE;
    let migrations = &content::store::MIGRATIONS;
    let opened = Database::open(
        &launch.data_dir,
        name,
        migrations,
        Durability::Process,
        faults,
    );
    opened.await.map_err(|source| LaunchError::Database {
        path: launch.data_dir.join(format!("{name}.sqlite")),
        source,
    })
}

/// One for each service that can be broken.
fn faults_of(seed: u64) -> BTreeMap<&'static str, Arc<Faults>> {
    let services = [
        GATEWAY,
        CONTENT,
        messages::SERVICE,
        reminders::SERVICE,
        recruitment::SERVICE,
        payments::SERVICE,
    ];
    services
        .map(|service| (service, Arc::new(Faults::none(seed))))
        .into()
}

/// Starts the services that need no more than their setup.
async fn start_others(
    launch: &Launch,
    faults: &BTreeMap<&'static str, Arc<Faults>>,
    stage: &Stage,
) -> Result<Vec<Started>, LaunchError> {
    let setup = |service| Setup {
        data_dir: launch.data_dir.clone(),
        listen: LOOPBACK,
        export: &launch.export,
        clock: Arc::clone(&launch.clock),
        seed: launch.seed,
        faults: Arc::clone(&faults[service]),
        secrets: &Secrets::GivenOrDrawn,
        stage,
    };
    Ok(vec![
        messages::start(&setup(messages::SERVICE)).await?,
        reminders::start(&setup(reminders::SERVICE)).await?,
        recruitment::start(&setup(recruitment::SERVICE)).await?,
        payments::start(&setup(payments::SERVICE)).await?,
    ])
}

/// What the gateway offers, and where it is.
fn upstreams(
    content: SocketAddr,
    others: &[Started],
    telemetry: &Telemetry,
) -> Result<Vec<Upstream>, LaunchError> {
    let known = [
        (CONTENT, content::PREFIX, &content::ROUTES[..]),
        (messages::SERVICE, "/messages", messages::ROUTES),
        (reminders::SERVICE, "/reminders", reminders::ROUTES),
        (recruitment::SERVICE, "/recruitment", recruitment::ROUTES),
        (payments::SERVICE, "/payments", payments::ROUTES),
    ];
    let mut upstreams = Vec::new();
    for (service, prefix, routes) in known {
        let started = others.iter().find(|other| other.service == service);
        let address = started.map_or(content, |started| started.address);
        let client = Client::new(address, telemetry).map_err(LaunchError::Client)?;
        upstreams.push(Upstream {
            service,
            prefix,
            routes,
            client,
        });
    }
    Ok(upstreams)
}

/// Makes the first round at once, so that there are data, and goes on in the background.
async fn start_sync(
    database: &Database,
    feed: SocketAddr,
    telemetry: &Telemetry,
    launch: &Launch,
    stage: &Stage,
) -> Result<SocketAddr, LaunchError> {
    let mut sync = Sync::new(database.clone(), feed, telemetry, Arc::clone(&launch.clock))
        .map_err(LaunchError::Client)?;
    telemetry.scope(sync.round()).await;
    stage
        .tasks
        .spawn(telemetry.scope(sync.run(stage.stop.clone())));
    let (listener, address) = server::bind(LOOPBACK).await?;
    stage.serve(listener, server::status_routes(telemetry, VERSION));
    Ok(address)
}

/// Its address, and what answers there.
async fn start_content(
    store: Store,
    telemetry: Telemetry,
    faults: &BTreeMap<&'static str, Arc<Faults>>,
    stage: &Stage,
) -> Result<(SocketAddr, Arc<Live>), LaunchError> {
    let (listener, address) = server::bind(LOOPBACK).await?;
    telemetry.in_scope(|| tracing::info!("content {VERSION} listens on {address}"));
    let live = Live::new(Release::new(VERSION, telemetry, store, None));
    let of_content = Arc::clone(&faults[CONTENT]);
    stage.serve(
        listener,
        fault::aimed_at(live.router(), of_content, Extent::Leaks),
    );
    Ok((address, live))
}
