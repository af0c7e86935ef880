use std::ops::{Deref, DerefMut};

use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{Error, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool};

use crate::sql::query;

/// A connection to a database of either kind.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(Held<Sqlite>),
    Postgres(Held<Postgres>),
}

/// A connection of one kind, alone or within a transaction.
#[derive(Debug)]
pub(crate) enum Held<DB: sqlx::Database> {
    Alone(PoolConnection<DB>),
    /// Rolled back when it is dropped.
    Within(sqlx::Transaction<'static, DB>),
}

/// A connection as its own driver takes it.
pub(crate) enum Driver<'c> {
    Sqlite(&'c mut SqliteConnection),
    Postgres(&'c mut PgConnection),
}

/// A transaction that writes, the only one at its time. What is not committed is rolled back.
#[derive(Debug)]
pub(crate) struct Transaction(Connection);

/// Waits until no other transaction writes in this schema, whichever process it is of.
const ONE_WRITER: &str = "SELECT pg_advisory_xact_lock(hashtextextended(current_schema(), 0))";

impl Connection {
    pub(crate) fn driver(&mut self) -> Driver<'_> {
        match self {
            Self::Sqlite(connection) => Driver::Sqlite(connection),
            Self::Postgres(connection) => Driver::Postgres(connection),
        }
    }

    /// Whether one statement that fails takes back no more than itself. In Postgres it ends the
    /// transaction, unless it is within a savepoint.
    pub(crate) fn undoes_a_statement_by_itself(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// Runs `work`, and undoes what it wrote if it fails. To be used within a transaction.
    pub(crate) async fn savepoint<T>(
        &mut self,
        work: impl for<'c> FnOnce(&'c mut Self) -> BoxFuture<'c, Result<T, Error>>,
    ) -> Result<T, Error> {
        query("SAVEPOINT work").execute(self).await?;
        let outcome = work(self).await;
        if outcome.is_err() {
            query("ROLLBACK TO work").execute(self).await?;
        }
        query("RELEASE work").execute(self).await?;
        outcome
    }
}

impl Transaction {
    pub(super) async fn in_sqlite(pool: &SqlitePool) -> Result<Self, Error> {
        let begun = pool.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Self(Connection::Sqlite(Held::Within(begun))))
    }

    pub(super) async fn in_postgres(pool: &PgPool) -> Result<Self, Error> {
        let mut begun = Connection::Postgres(Held::Within(pool.begin().await?));
        query(ONE_WRITER).execute(&mut begun).await?;
        Ok(Self(begun))
    }

    pub(crate) async fn commit(self) -> Result<(), Error> {
        match self.0 {
            Connection::Sqlite(held) => held.commit().await,
            Connection::Postgres(held) => held.commit().await,
        }
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl<DB: sqlx::Database> Held<DB> {
    async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Alone(_) => Ok(()),
            Self::Within(transaction) => transaction.commit().await,
        }
    }
}

impl<DB: sqlx::Database> Deref for Held<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match self {
            Self::Alone(connection) => connection,
            Self::Within(transaction) => transaction,
        }
    }
}

impl<DB: sqlx::Database> DerefMut for Held<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match self {
            Self::Alone(connection) => connection,
            Self::Within(transaction) => transaction,
        }
    }
}
