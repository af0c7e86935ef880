//! Databases for tests. They are SQLite files, and in a run over Postgres schemas of its database.

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::database::connection::{Connection, Held};
use crate::database::{Database, Durability, Migrations, PostgresUrl, Site};
use crate::fault::Faults;

/// The URL of the database that this run is over, if it is not over files.
pub(crate) const OVER: &str = "WATCHFIRE_TEST_DATABASE";

/// The database that this run is over.
pub(crate) fn server() -> Option<PostgresUrl> {
    let url = std::env::var(OVER).ok()?;
    Some(url.parse().unwrap())
}

/// An empty database of the server's for a test that starts services in it, if the run is over one.
pub(crate) async fn database() -> Option<PostgresUrl> {
    let url = std::env::var(OVER).ok()?;
    let own = format!("{url}_{:016x}", rand::random::<u64>());
    let (_, name) = own.rsplit_once('/').unwrap();
    let server: PostgresUrl = url.parse().unwrap();
    let mut connection = server.connect_options().connect().await.unwrap();
    let make = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    sqlx::raw_sql(make).execute(&mut connection).await.unwrap();
    Some(own.parse().unwrap())
}

/// An empty database of the test's own.
pub(crate) async fn open(
    folder: &Path,
    namespace: &'static str,
    migrations: &Migrations,
    durability: Durability,
    faults: Arc<Faults>,
) -> Result<Database, sqlx::Error> {
    let Some(server) = server() else {
        let site = Site::Folder(folder);
        return Database::open(site, namespace, migrations, durability, faults).await;
    };
    let own = format!("{namespace}_{:016x}", rand::random::<u64>());
    let site = Site::Server(&server);
    Database::open(site, own.leak(), migrations, durability, faults).await
}

/// The one connection that writes to an empty database, without a file if there need not be one.
pub(crate) async fn writer(namespace: &'static str, migrations: &Migrations) -> Connection {
    if server().is_some() {
        let faults = Arc::new(Faults::none(1));
        let nowhere = Path::new("");
        let opened = open(nowhere, namespace, migrations, Durability::Process, faults);
        return opened.await.unwrap().writer().await.unwrap();
    }
    let here = SqliteConnectOptions::new()
        .in_memory(true)
        .foreign_keys(true);
    let pool = SqlitePoolOptions::new().max_connections(1);
    let pool = pool.connect_with(here).await.unwrap();
    migrations.sqlite.run(&pool).await.unwrap();
    Connection::Sqlite(Held::Alone(pool.acquire().await.unwrap()))
}
