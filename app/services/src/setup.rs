use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use watchfire_schemas::Clock;
use watchfire_telemetry::Telemetry;

use crate::database::{Database, Durability, Migrations, PostgresUrl, Site};
use crate::fault::{self, Extent, FaultSwitch, Faults};
use crate::launch::LaunchError;
use crate::secret::{Keyring, Secret};
use crate::server;
use crate::stage::Stage;
use crate::telemetry::{Origin, VERSION};

/// What every service is started with.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    /// Where its files go.
    pub(crate) data_dir: PathBuf,
    /// Where its schemas are; none if its databases are files.
    pub(crate) postgres: Option<&'a PostgresUrl>,
    /// Where it listens; port 0 for any.
    pub(crate) listen: SocketAddr,
    pub(crate) origin: &'a Origin,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) seed: u64,
    /// Those that are aimed at this service.
    pub(crate) faults: Arc<Faults>,
    /// Begins and ends the faults of all services of this process.
    pub(crate) switch: &'a FaultSwitch,
    pub(crate) secrets: &'a Keyring,
    /// What it runs stops with this.
    pub(crate) stage: &'a Stage,
}

/// A service that answers.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) service: &'static str,
    pub(crate) address: SocketAddr,
    /// To be flushed and stopped last: the service's own, and those of its workers.
    pub(crate) telemetries: Vec<Telemetry>,
}

impl Setup<'_> {
    pub(crate) fn telemetry(&self, service: &str) -> Result<Telemetry, LaunchError> {
        let started = self.origin.start(service, VERSION, &self.faults);
        started.map_err(LaunchError::Telemetry)
    }

    /// Opens the database `name` of this service.
    pub(crate) async fn database(
        &self,
        name: &'static str,
        migrations: &Migrations,
        durability: Durability,
    ) -> Result<Database, LaunchError> {
        let faults = Arc::clone(&self.faults);
        let opened = Database::open(self.site(), name, migrations, durability, faults).await;
        opened.map_err(|source| self.unopened(name, source))
    }

    /// The database `name` cannot be opened, or read when it is.
    pub(crate) fn unopened(&self, name: &str, source: sqlx::Error) -> LaunchError {
        let database = self.site().place(name);
        LaunchError::Database { database, source }
    }

    pub(crate) fn site(&self) -> Site<'_> {
        self.postgres
            .map_or(Site::Folder(&self.data_dir), Site::Server)
    }

    /// The secret of this name: `payments.provider`.
    pub(crate) fn secret(&self, name: &str) -> Result<Secret, LaunchError> {
        self.secrets.get(name).map_err(LaunchError::Secret)
    }

    /// Serves `api`, which should be traced, with the routes that every service has.
    pub(crate) async fn serve(
        &self,
        service: &'static str,
        telemetry: Telemetry,
        api: Router,
    ) -> Result<Started, LaunchError> {
        let (listener, address) = server::bind(self.listen).await?;
        telemetry.in_scope(|| tracing::info!("{service} {VERSION} listens on {address}"));
        let router = api
            .merge(server::inside_only(server::status_routes(
                &telemetry, VERSION,
            )))
            .merge(self.switch.routes(address));
        let faults = Arc::clone(&self.faults);
        self.stage
            .serve(listener, fault::aimed_at(router, faults, Extent::All));
        Ok(Started {
            service,
            address,
            telemetries: vec![telemetry],
        })
    }
}
