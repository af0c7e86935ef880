use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::{Error, Pool, Postgres, Sqlite};

use super::connection::{Connection, Held, Transaction};
use super::postgres;

/// The connections to one database.
#[derive(Debug, Clone)]
pub(super) enum Engine {
    Sqlite(Arc<Pools<Sqlite>>),
    Postgres(Arc<Pools<Postgres>>),
}

#[derive(Debug)]
pub(super) struct Pools<DB: sqlx::Database> {
    pub(super) readers: Pool<DB>,
    /// One connection, so that writers wait for it and not for a lock that gives up.
    pub(super) writer: Pool<DB>,
    /// A pool whose database is not there: what is left when the dependency is down.
    pub(super) unreachable: Pool<DB>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    Reader,
    Writer,
    /// It is to fail.
    Nowhere,
}

/// How many connections read at most.
pub(super) const READERS: u32 = 8;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);

impl Engine {
    pub(super) async fn acquire(&self, aim: Aim) -> Result<Connection, Error> {
        match self {
            Self::Sqlite(pools) => {
                let connection = pools.of(aim).acquire().await?;
                Ok(Connection::Sqlite(Held::Alone(connection)))
            }
            Self::Postgres(pools) => {
                let connection = pools.of(aim).acquire().await;
                let connection =
                    postgres::told(connection, &pools.of(aim).connect_options()).await?;
                Ok(Connection::Postgres(Held::Alone(connection)))
            }
        }
    }

    /// Begins a transaction that writes.
    pub(super) async fn begin(&self, aim: Aim) -> Result<Transaction, Error> {
        match self {
            Self::Sqlite(pools) => Transaction::in_sqlite(pools.of(aim)).await,
            Self::Postgres(pools) => {
                let begun = Transaction::in_postgres(pools.of(aim)).await;
                postgres::told(begun, &pools.of(aim).connect_options()).await
            }
        }
    }
}

impl<DB: sqlx::Database> Pools<DB> {
    fn of(&self, aim: Aim) -> &Pool<DB> {
        match aim {
            Aim::Reader => &self.readers,
            Aim::Writer => &self.writer,
            Aim::Nowhere => &self.unreachable,
        }
    }
}

pub(super) fn pool<DB: sqlx::Database>(connections: u32) -> PoolOptions<DB> {
    PoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
}
