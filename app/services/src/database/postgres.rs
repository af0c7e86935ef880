use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Error, PgPool, Postgres};

use super::engine::{Pools, READERS, pool};
use super::{Durability, PostgresUrl};

/// How long a transaction waits for those of other processes on the same schema.
const LOCK_TIMEOUT: &str = "2s";
/// How long a server may take to show that it is there, when no connection to it came in time.
const PROBE: Duration = Duration::from_millis(250);

/// The schema of a database: its name, so written that nobody has to quote it.
pub(super) fn schema(namespace: &str) -> String {
    namespace.replace('-', "_")
}

pub(super) async fn open(
    url: &PostgresUrl,
    namespace: &str,
    migrations: &Migrator,
    durability: Durability,
) -> Result<Pools<Postgres>, Error> {
    let schema = schema(namespace);
    let here = options(url, &schema, durability);
    let making = pool(1).connect_with(here.clone()).await;
    let making = told(making, &here).await?;
    make(&making, &schema).await?;
    migrations.run(&making).await?;
    making.close().await;
    let writing = here.clone().options([("lock_timeout", LOCK_TIMEOUT)]);
    let elsewhere = here.clone().socket("/nonexistent/unmounted");
    Ok(Pools {
        readers: pool(READERS).connect_lazy_with(here),
        writer: pool(1).connect_lazy_with(writing),
        unreachable: pool(READERS).connect_lazy_with(elsewhere),
    })
}

/// Makes the schema. One that is there may be there for a role that makes none.
async fn make(pool: &PgPool, schema: &str) -> Result<(), Error> {
    let found = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = $1").bind(schema);
    if found.fetch_optional(pool).await?.is_none() {
        // A name of our own, of letters and `_` alone.
        let make = AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
        sqlx::raw_sql(make).execute(pool).await?;
    }
    Ok(())
}

fn options(url: &PostgresUrl, schema: &str, durability: Durability) -> PgConnectOptions {
    let options = url
        .connect_options()
        .application_name(&format!("watchfire-{schema}"))
        .options([("search_path", schema)])
        .disable_statement_logging();
    match durability {
        Durability::Process => options.options([("synchronous_commit", "off")]),
        Durability::Power => options,
    }
}

/// With the reason why no connection came in time: the pool waits for a server that refuses as for
/// one that is starting, and does not tell which it was.
pub(super) async fn told<T>(
    outcome: Result<T, Error>,
    options: &PgConnectOptions,
) -> Result<T, Error> {
    if !matches!(outcome, Err(Error::PoolTimedOut)) {
        return outcome;
    }
    match tokio::time::timeout(PROBE, options.connect()).await {
        Ok(Ok(connection)) => {
            // All connections of the pool are in use.
            drop(connection.close().await);
            outcome
        }
        Ok(Err(error)) => Err(error),
        Err(_) => outcome,
    }
}
