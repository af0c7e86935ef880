use std::path::{Path, PathBuf};

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Error, Sqlite};

use super::Durability;
use super::engine::{Pools, READERS, pool};

/// The file of a database.
pub(super) fn file(folder: &Path, namespace: &str) -> PathBuf {
    folder.join(format!("{namespace}.sqlite"))
}

pub(super) async fn open(
    folder: &Path,
    namespace: &str,
    migrations: &Migrator,
    durability: Durability,
) -> Result<Pools<Sqlite>, Error> {
    tokio::fs::create_dir_all(folder).await.map_err(Error::Io)?;
    let here = options(&file(folder, namespace), durability).create_if_missing(true);
    let writer = pool(1).connect_with(here.clone()).await?;
    migrations.run(&writer).await?;
    let elsewhere = options(&file(&folder.join("unmounted"), namespace), durability);
    Ok(Pools {
        readers: pool(READERS).connect_lazy_with(here),
        writer,
        unreachable: pool(READERS).connect_lazy_with(elsewhere),
    })
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
