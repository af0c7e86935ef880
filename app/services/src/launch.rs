mod cache;
mod content;
mod deploy;
mod lock;
mod service_name;
mod stages;
mod upstream_url;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use watchfire_schemas::{Batch, ChangeEvent, Clock};
use watchfire_telemetry::Telemetry;

use crate::content::release::Live;
use crate::database::PostgresUrl;
use crate::fault::{self, Extent, FaultSwitch, Faults};
use crate::feed;
use crate::gateway::{self, CacheUrl, NoCacheUrl, Policy, PolicyError, Store, Upstream};
use crate::secret::{Keyring, SecretError, Secrets};
use crate::server::{self, LOOPBACK};
use crate::setup::{Setup, Started};
use crate::telemetry::{self, GATEWAY, Origin, VERSION};
use crate::traffic::{self, Traffic};

use content::Content;
pub use service_name::{ServiceName, UnknownService};
use stages::Stages;
pub use upstream_url::{NoUpstreamUrl, UpstreamUrl};

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
    /// Which of them.
    pub services: Vec<ServiceName>,
    /// SQLite files go here, and what else is kept as files.
    pub data_dir: PathBuf,
    /// Instead of SQLite files, each service has a schema of this database.
    pub postgres: Option<PostgresUrl>,
    /// The gateway's address.
    pub gateway: SocketAddr,
    /// Where services behind it listen; those that are not named take a loopback port of their own.
    pub listen: BTreeMap<ServiceName, SocketAddr>,
    /// Where services answer that run elsewhere, for the gateway.
    pub upstreams: BTreeMap<ServiceName, UpstreamUrl>,
    /// What the gateway shares its answers in with others; else the secret `gateway.cache` says so.
    pub cache: Option<CacheUrl>,
    pub export: Export,
    /// `deployment.environment.name`.
    pub environment: Option<String>,
    pub secrets: Secrets,
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
    /// Where it is, without the password.
    #[error("the database {database} cannot be opened")]
    Database {
        database: String,
        #[source]
        source: sqlx::Error,
    },
    #[error("another process runs {service} over the files in {folder}")]
    InUse {
        service: &'static str,
        folder: PathBuf,
    },
    #[error("{path} cannot be locked")]
    Lock {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("telemetry could not be started")]
    Telemetry(#[source] watchfire_telemetry::StartError),
    #[error("an HTTP client could not be made")]
    Client(#[source] reqwest::Error),
    #[error(transparent)]
    Secret(SecretError),
    #[error(transparent)]
    Policy(PolicyError),
    #[error(transparent)]
    Cache(NoCacheUrl),
    /// A variable of the environment, by its name, and what was expected.
    #[error("{0}")]
    Setting(String),
    #[error("what {service} has stored cannot be read: {reason}")]
    Unreadable {
        service: &'static str,
        reason: String,
    },
}

/// The running services.
#[derive(Debug)]
pub struct Running {
    /// By the name that telemetry has for who answers there, in the order of their start.
    addresses: Vec<(&'static str, SocketAddr)>,
    faults: FaultSwitch,
    /// The content service's releases.
    live: Option<Arc<Live>>,
    telemetries: Vec<Telemetry>,
    stages: Stages,
    /// Held for as long as the services run.
    _locks: Vec<File>,
}

/// What every service of one launch is started from.
struct House<'a> {
    launch: &'a Launch,
    origin: &'a Origin,
    faults: BTreeMap<&'static str, Arc<Faults>>,
    switch: &'a FaultSwitch,
    secrets: &'a Keyring,
    /// What the gateway shares its answers in.
    cache: Option<CacheUrl>,
}

impl Running {
    /// Starts the services. When it returns they answer, and the content service holds its data.
    pub async fn launch(launch: Launch) -> Result<Self, LaunchError> {
        // First, so that an address in use is told before anything else is done.
        let front = if launch.runs(ServiceName::Gateway) {
            Some(server::bind(launch.gateway).await?)
        } else {
            None
        };
        let locks = lock::take(&launch)?;
        let (deploys, orders) = mpsc::unbounded_channel();
        let cache = launch.cache()?;
        let faults = launch.faults(cache.is_some());
        let switch = FaultSwitch::new(faults.clone(), deploys, Arc::clone(&launch.clock));
        let house = House {
            launch: &launch,
            origin: &Origin::of(&launch),
            faults,
            switch: &switch,
            secrets: &Keyring::new(launch.secrets),
            cache,
        };
        let stages = Stages::of(&launch.services);
        let source = Arc::new(feed::Source::new());
        let content = house.start_content(&source, &stages).await?;
        let mut started = house.start_others(&stages).await?;
        let (content, live) = match content {
            None => (None, None),
            Some(content) => {
                started.extend([content.api, content.sync]);
                (
                    Some((Arc::clone(&content.live), content.store)),
                    Some(content.live),
                )
            }
        };
        let deployer = deploy::Deployer::new(content, &started, &house);
        stages.last.spawn(|stop| deployer.run(orders, stop));
        stages.last.spawn(|stop| switch.clone().run(stop));

        if let Some((listener, address)) = front {
            started.push(house.start_gateway(listener, address, &started, &stages)?);
            if launch.traffic > 0.0 {
                let traffic = house.traffic(address, &source)?;
                stages.traffic.spawn(|stop| traffic.run(stop));
            }
        }
        let addresses = started.iter().map(|one| (one.service, one.address));
        Ok(Self {
            addresses: addresses.collect(),
            faults: switch,
            live,
            telemetries: started
                .into_iter()
                .flat_map(|one| one.telemetries)
                .collect(),
            stages,
            _locks: locks,
        })
    }

    /// Where each of them answers, by the name that its telemetry has.
    pub fn addresses(&self) -> &[(&'static str, SocketAddr)] {
        &self.addresses
    }

    /// Where this one answers, if it runs here.
    pub fn address(&self, service: &str) -> Option<SocketAddr> {
        let found = self.addresses.iter().find(|(name, _)| *name == service);
        found.map(|(_, address)| *address)
    }

    pub fn faults(&self) -> FaultSwitch {
        self.faults.clone()
    }

    /// Stops accepting, finishes requests, flushes telemetry.
    pub async fn stop(self) {
        self.stages.stop().await;
        let mut telemetries = self.telemetries;
        let release = self.live.map(|live| live.release().telemetry.clone());
        telemetries.extend(release);
        telemetry::stop(telemetries).await;
    }
}

impl Launch {
    fn runs(&self, service: ServiceName) -> bool {
        self.services.contains(&service)
    }

    /// One for each service that can be broken.
    fn faults(&self, has_cache: bool) -> BTreeMap<&'static str, Arc<Faults>> {
        let faults = |service: &ServiceName| match service {
            ServiceName::Gateway if !has_cache => Faults::of_one_that_stands_alone(self.seed),
            _ => Faults::none(self.seed),
        };
        let services = self.services.iter();
        services
            .map(|service| (service.as_str(), Arc::new(faults(service))))
            .collect()
    }
}

impl House<'_> {
    fn setup<'a>(&'a self, service: ServiceName, stages: &'a Stages) -> Setup<'a> {
        let listen = self.launch.listen.get(&service);
        Setup {
            data_dir: self.launch.data_dir.clone(),
            postgres: self.launch.postgres.as_ref(),
            listen: listen.copied().unwrap_or(LOOPBACK),
            origin: self.origin,
            clock: Arc::clone(&self.launch.clock),
            seed: self.launch.seed,
            faults: Arc::clone(&self.faults[service.as_str()]),
            switch: self.switch,
            secrets: self.secrets,
            stage: &stages.services[&service],
        }
    }

    async fn start_content(
        &self,
        source: &Arc<feed::Source>,
        stages: &Stages,
    ) -> Result<Option<Content>, LaunchError> {
        if !self.launch.runs(ServiceName::Content) {
            return Ok(None);
        }
        let setup = self.setup(ServiceName::Content, stages);
        content::start(&setup, source, &stages.last).await.map(Some)
    }

    /// Starts the services that need no more than their setup.
    async fn start_others(&self, stages: &Stages) -> Result<Vec<Started>, LaunchError> {
        let mut started = Vec::new();
        for service in stages.services.keys() {
            started.extend(service.start(&self.setup(*service, stages)).await?);
        }
        Ok(started)
    }

    /// Starts the gateway before those that are here and those that are known to be elsewhere.
    fn start_gateway(
        &self,
        listener: TcpListener,
        address: SocketAddr,
        started: &[Started],
        stages: &Stages,
    ) -> Result<Started, LaunchError> {
        let faults = &self.faults[GATEWAY];
        let telemetry = self.origin.start(GATEWAY, VERSION, faults);
        let telemetry = telemetry.map_err(LaunchError::Telemetry)?;
        let keys = Secrets::given("gateway.keys").map_err(LaunchError::Secret)?;
        let policy = Policy::of(keys.as_ref()).map_err(LaunchError::Policy)?;
        let tasks = stages.gateway.tasks.clone();
        let store = self.cache.clone().map(|url| {
            let (clock, faults) = (Arc::clone(&self.launch.clock), Arc::clone(faults));
            Store::new(url, clock, faults, &telemetry, tasks.clone())
        });
        if let Some(store) = store.clone() {
            stages.gateway.spawn(|stop| store.keep(stop));
        }
        let upstreams = self.upstreams(started);
        let router = gateway::router(upstreams, policy, &telemetry, VERSION, tasks, store);
        let router = router.merge(self.switch.routes(address));
        let router = fault::aimed_at(router, Arc::clone(faults), Extent::All);
        stages.gateway.serve(listener, router);
        telemetry.in_scope(|| tracing::info!("gateway {VERSION} listens on {address}"));
        Ok(Started {
            service: GATEWAY,
            address,
            telemetries: vec![telemetry],
        })
    }

    /// Clients of all that the gateway offers.
    fn traffic(&self, gateway: SocketAddr, source: &feed::Source) -> Result<Traffic, LaunchError> {
        let launch = self.launch;
        let is_offered =
            |name: &ServiceName| launch.runs(*name) || launch.upstreams.contains_key(name);
        let offered = ServiceName::ALL.into_iter().filter(is_offered);
        let offered: Vec<ServiceName> = offered.collect();
        let recruiting = offered.contains(&ServiceName::Recruitment);
        let admin = recruiting.then(|| self.secrets.get(traffic::ADMIN));
        let admin = admin.transpose().map_err(LaunchError::Secret)?;
        let traffic = Traffic::new(
            gateway,
            (launch.traffic, launch.seed),
            &offered,
            (source, &launch.clock),
            admin.as_ref(),
        );
        traffic.map_err(LaunchError::Client)
    }

    /// What the gateway offers, and where it is.
    fn upstreams(&self, started: &[Started]) -> Vec<Upstream> {
        let mut upstreams = Vec::new();
        for name in ServiceName::ALL {
            let here = started.iter().find(|other| other.service == name.as_str());
            let elsewhere = self.launch.upstreams.get(&name);
            let base = elsewhere
                .map(|url| url.as_str().to_owned())
                .or_else(|| here.map(|here| format!("http://{}", here.address)));
            if let (Some(base), Some((prefix, routes))) = (base, name.offer()) {
                // Documents of applicants are large, and the lines that they come over may be slow.
                let (timeout, max_body) = match name {
                    ServiceName::Recruitment => (Duration::from_secs(30), 10 << 20),
                    _ => (Upstream::TIMEOUT, Upstream::MAX_BODY),
                };
                upstreams.push(Upstream {
                    service: name.as_str(),
                    prefix,
                    routes,
                    base,
                    timeout,
                    max_body,
                });
            }
        }
        upstreams
    }
}
