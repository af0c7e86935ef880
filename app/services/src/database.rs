pub(crate) mod connection;
mod engine;
mod postgres;
mod postgres_url;
#[cfg(test)]
pub(crate) mod scratch;
mod sqlite;
mod store_error;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use sqlx::migrate::Migrator;

use crate::failure::{Failure, Via, frame};
use crate::fault::{FaultKind, Faults};
use crate::statement::{DatabaseName, Statement};

use connection::{Connection, Transaction};
use engine::{Aim, Engine};

pub use postgres_url::{NoPostgresUrl, PostgresUrl};
pub(crate) use store_error::{StoreError, is_unstorable};

/// The database of one service: a SQLite file or a schema of a Postgres database. Many read at
/// once, one writes.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    engine: Engine,
    name: DatabaseName,
    faults: Arc<Faults>,
}

/// Where databases are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Site<'a> {
    /// Each is a SQLite file in this folder.
    Folder(&'a Path),
    /// Each is a schema of this database.
    Server(&'a PostgresUrl),
}

/// What makes the tables of a database, and brings them up to date.
#[derive(Debug)]
pub(crate) struct Migrations {
    pub(crate) sqlite: Migrator,
    pub(crate) postgres: Migrator,
}

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The end of the process; what is lost with the power comes again from elsewhere.
    Process,
    /// The loss of power.
    Power,
}

/// The migrations of both kinds, from `migrations/<name>` and `migrations/postgres/<name>`.
macro_rules! migrations {
    ($sqlite:literal, $postgres:literal) => {
        $crate::database::Migrations {
            sqlite: sqlx::migrate!($sqlite),
            postgres: sqlx::migrate!($postgres),
        }
    };
}
pub(crate) use migrations;

impl Site<'_> {
    /// The database of this name here, as a person is told of it.
    pub(crate) fn place(self, namespace: &str) -> String {
        match self {
            Self::Folder(folder) => sqlite::file(folder, namespace).display().to_string(),
            Self::Server(url) => format!("{url}, schema {}", postgres::schema(namespace)),
        }
    }
}

impl Database {
    /// Opens the database `namespace`, makes it if need be and brings its tables up to date.
    pub(crate) async fn open(
        site: Site<'_>,
        namespace: &'static str,
        migrations: &Migrations,
        durability: Durability,
        faults: Arc<Faults>,
    ) -> Result<Self, sqlx::Error> {
        let (engine, name) = match site {
            Site::Folder(folder) => {
                let pools = sqlite::open(folder, namespace, &migrations.sqlite, durability);
                let name = DatabaseName::sqlite(namespace);
                (Engine::Sqlite(Arc::new(pools.await?)), name)
            }
            Site::Server(url) => {
                let pools = postgres::open(url, namespace, &migrations.postgres, durability);
                let name = url.name(&postgres::schema(namespace));
                (Engine::Postgres(Arc::new(pools.await?)), name)
            }
        };
        Ok(Self {
            engine,
            name,
            faults,
        })
    }

    /// How the spans of its statements name it.
    pub(crate) fn name(&self) -> DatabaseName {
        self.name
    }

    /// Runs a statement that only reads, in a span of its own.
    pub(crate) async fn read<T>(
        &self,
        statement: Statement,
        call: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
    ) -> Result<T, Failure> {
        let reading = async {
            let mut connection = self.reader().await.via(frame!("Database::read"))?;
            let outcome = call(&mut connection).await;
            outcome.map_err(|source| self.failed(statement, source))
        };
        statement.trace(self.name, reading).await
    }

    /// Runs a transaction that writes, in a span of its own. It is rolled back if `call` fails.
    pub(crate) async fn write<T>(
        &self,
        statement: Statement,
        call: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
    ) -> Result<T, Failure> {
        let writing = async {
            let mut transaction = self.begin().await.via(frame!("Database::write"))?;
            let outcome = call(&mut transaction).await;
            let told = outcome.map_err(|source| self.failed(statement, source))?;
            let committed = transaction.commit().await;
            committed.map_err(|source| self.failed(statement, source))?;
            Ok(told)
        };
        statement.trace(self.name, writing).await
    }

    /// Begins a transaction that writes, for who puts the writes of several into one.
    pub(crate) async fn begin(&self) -> Result<Transaction, Failure> {
        let begun = self.engine.begin(self.unless_down(Aim::Writer)).await;
        begun.map_err(|error| self.out_of_reach(error))
    }

    /// Begins a transaction that writes, apart from the faults that hit requests.
    pub(crate) async fn begin_whatever_hits(&self) -> Result<Transaction, sqlx::Error> {
        self.engine.begin(Aim::Writer).await
    }

    /// A connection that reads. To be used within [`Statement::trace`].
    pub(crate) async fn reader(&self) -> Result<Connection, Failure> {
        let connection = self.engine.acquire(self.unless_down(Aim::Reader)).await;
        connection.map_err(|error| self.out_of_reach(error))
    }

    /// A connection that writes, apart from the faults that hit requests.
    pub(crate) async fn writer(&self) -> Result<Connection, sqlx::Error> {
        self.engine.acquire(Aim::Writer).await
    }

    /// Why a statement brought nothing.
    pub(crate) fn failed(&self, statement: Statement, source: sqlx::Error) -> Failure {
        let error = StoreError::of(self.name, statement.table, source);
        Failure::new(error, frame!("Database"))
    }

    fn unless_down(&self, aim: Aim) -> Aim {
        let down = self.faults.hits(FaultKind::DependencyDown);
        if down { Aim::Nowhere } else { aim }
    }

    fn out_of_reach(&self, source: sqlx::Error) -> Failure {
        let error = StoreError::out_of_reach(self.name, source);
        Failure::new(error, frame!("Database::connection"))
    }
}
