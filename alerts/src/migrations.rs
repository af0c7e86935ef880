//! The tables of this crate, in the order in which they come.

/// (version, name, SQL).
pub(crate) const MIGRATIONS: &[(i64, &str, &str)] = &[
    (
        1,
        "alerts",
        include_str!("../migrations/sqlite/0001_alerts.sql"),
    ),
    (
        2,
        "outbox",
        include_str!("../migrations/sqlite/0002_outbox.sql"),
    ),
    (
        3,
        "routing",
        include_str!("../migrations/sqlite/0003_routing.sql"),
    ),
    (
        4,
        "deliveries",
        include_str!("../migrations/sqlite/0004_deliveries.sql"),
    ),
    (
        5,
        "exception_groups",
        include_str!("../migrations/sqlite/0005_exception_groups.sql"),
    ),
    (
        6,
        "incident_facts",
        include_str!("../migrations/sqlite/0006_incident_facts.sql"),
    ),
    (
        8,
        "reliability",
        include_str!("../migrations/sqlite/0008_reliability.sql"),
    ),
];

/// A fresh database with all tables, in a file of its own within `dir`.
#[cfg(test)]
pub(crate) async fn database(dir: &std::path::Path) -> sqlx::SqlitePool {
    let pool = open(dir).await;
    run_from(&pool, 1).await;
    pool
}

/// A database as it was after a migration.
#[cfg(test)]
pub(crate) async fn database_until(dir: &std::path::Path, last: i64) -> sqlx::SqlitePool {
    let pool = open(dir).await;
    apply(&pool, |version| version <= last).await;
    pool
}

/// Applies a migration and those after it.
#[cfg(test)]
pub(crate) async fn run_from(pool: &sqlx::SqlitePool, first: i64) {
    apply(pool, |version| version >= first).await;
}

#[cfg(test)]
async fn open(dir: &std::path::Path) -> sqlx::SqlitePool {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(dir.join("watchfire.db"))
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let pool = sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(4)
        .connect_with(options);
    pool.await.expect("a database opens")
}

#[cfg(test)]
async fn apply(pool: &sqlx::SqlitePool, is_due: impl Fn(i64) -> bool) {
    for (_, name, sql) in MIGRATIONS.iter().filter(|(version, ..)| is_due(*version)) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(*sql))
            .execute(pool)
            .await
            .unwrap_or_else(|error| panic!("migration {name}: {error}"));
    }
}
