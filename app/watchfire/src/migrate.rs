//! The one database of meta-data: its pool, and the tables that each crate brings, in one order.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlSafeStr as _, SqlitePool};
use watchfire_alerts::Alerts;
use watchfire_dashboards::SavedSearches;

/// Opens `watchfire.db` in `dir` and brings its tables up to date.
pub(crate) async fn open(dir: &Path) -> anyhow::Result<SqlitePool> {
    let path = dir.join("watchfire.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An incident that was told to a human must survive the machine, so every commit is synced.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true);
    let pool = SqlitePoolOptions::new()
        .max_connections(4)
        .connect_with(options)
        .await
        .with_context(|| format!("the database {} cannot be opened", path.display()))?;
    migrator().run(&pool).await.with_context(|| {
        format!(
            "the tables of {} cannot be brought up to date",
            path.display()
        )
    })?;
    Ok(pool)
}

fn migrator() -> Migrator {
    let tables = Alerts::MIGRATIONS.iter().chain(SavedSearches::MIGRATIONS);
    let migrations = tables.map(|(version, name, sql)| {
        Migration::new(
            *version,
            (*name).into(),
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}
