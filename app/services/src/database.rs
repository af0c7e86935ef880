use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::failure::{Failure, Kind, Via, frame};
use crate::fault::{FaultKind, Faults};
use crate::statement::Statement;

/// The SQLite file of one service. Many read at once, one writes.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    readers: SqlitePool,
    /// One connection, so that writers wait for it and not for a lock that gives up.
    writer: SqlitePool,
    /// A pool whose database is not there: what is left when the dependency is down.
    unreachable: SqlitePool,
    namespace: &'static str,
    faults: Arc<Faults>,
}

/// Why a statement brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("no connection to the {namespace} database became free in time")]
    PoolTimedOut {
        namespace: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("the {namespace} database cannot be reached")]
    Unreachable {
        namespace: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error("a statement on {table} failed")]
    Statement {
        table: &'static str,
        #[source]
        source: sqlx::Error,
    },
}

impl Kind for StoreError {
    fn kind(&self) -> &'static str {
        match self {
            Self::PoolTimedOut { .. } => "StoreError::PoolTimedOut",
            Self::Unreachable { .. } => "StoreError::Unreachable",
            Self::Statement { .. } => "StoreError::Statement",
        }
    }
}

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The end of the process; what is lost with the power comes again from elsewhere.
    Process,
    /// The loss of power.
    Power,
}

/// How many connections read at most.
const READERS: u32 = 8;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

impl Database {
    /// Opens `<namespace>.sqlite` in `folder`, makes it if need be and brings its tables up to date.
    pub(crate) async fn open(
        folder: &Path,
        namespace: &'static str,
        migrations: &Migrator,
        durability: Durability,
        faults: Arc<Faults>,
    ) -> Result<Self, sqlx::Error> {
        tokio::fs::create_dir_all(folder)
            .await
            .map_err(sqlx::Error::Io)?;
        let file = format!("{namespace}.sqlite");
        let here = options(&folder.join(&file), durability).create_if_missing(true);
        let writer = pool(1).connect_with(here.clone()).await?;
        migrations.run(&writer).await?;
        let elsewhere = options(&folder.join("unmounted").join(&file), durability);
        Ok(Self {
            readers: pool(READERS).connect_lazy_with(here),
            writer,
            unreachable: pool(READERS).connect_lazy_with(elsewhere),
            namespace,
            faults,
        })
    }

    /// Runs a statement that only reads, in a span of its own.
    pub(crate) async fn read<T>(
        &self,
        statement: Statement,
        call: impl for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
    ) -> Result<T, Failure> {
        let reading = async {
            let mut connection = self.reader().await.via(frame!("Database::read"))?;
            let outcome = call(&mut connection).await;
            outcome.map_err(|source| failed(statement, source))
        };
        statement.trace(self.namespace, reading).await
    }

    /// Runs a transaction that writes, in a span of its own. It is rolled back if `call` fails.
    pub(crate) async fn write<T>(
        &self,
        statement: Statement,
        call: impl for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
    ) -> Result<T, Failure> {
        let writing = async {
            let pool = self.unless_down(&self.writer);
            let begun = pool.begin_with("BEGIN IMMEDIATE").await;
            let mut transaction = begun.map_err(|error| self.out_of_reach(error))?;
            let outcome = call(&mut transaction).await;
            let told = outcome.map_err(|source| failed(statement, source))?;
            let committed = transaction.commit().await;
            committed.map_err(|source| failed(statement, source))?;
            Ok(told)
        };
        statement.trace(self.namespace, writing).await
    }

    /// Begins a transaction that writes, for who puts the writes of several into one.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Failure> {
        let pool = self.unless_down(&self.writer);
        let begun = pool.begin_with("BEGIN IMMEDIATE").await;
        begun.map_err(|error| self.out_of_reach(error))
    }

    /// A connection that reads. To be used within [`Statement::trace`].
    pub(crate) async fn reader(&self) -> Result<PoolConnection<Sqlite>, Failure> {
        let connection = self.unless_down(&self.readers).acquire().await;
        connection.map_err(|error| self.out_of_reach(error))
    }

    /// The connection that writes, apart from the faults that hit requests.
    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    fn unless_down<'a>(&'a self, pool: &'a SqlitePool) -> &'a SqlitePool {
        let down = self.faults.hits(FaultKind::DependencyDown);
        if down { &self.unreachable } else { pool }
    }

    fn out_of_reach(&self, source: sqlx::Error) -> Failure {
        let namespace = self.namespace;
        let error = match source {
            sqlx::Error::PoolTimedOut => StoreError::PoolTimedOut { namespace, source },
            source => StoreError::Unreachable { namespace, source },
        };
        Failure::new(error, frame!("Database::connection"))
    }
}

fn failed(statement: Statement, source: sqlx::Error) -> Failure {
    let table = statement.table;
    Failure::new(StoreError::Statement { table, source }, frame!("Database"))
}

fn options(path: &Path, durability: Durability) -> SqliteConnectOptions {
    let synchronous = match durability {
        Durability::Process => SqliteSynchronous::Normal,
        Durability::Power => SqliteSynchronous::Full,
    };
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .foreign_keys(true)
        .disable_statement_logging()
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
}
