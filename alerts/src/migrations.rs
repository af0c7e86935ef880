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
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(dir.join("watchfire.db"))
        .create_if_missing(true)
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
    let pool = sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(4)
        .connect_with(options)
        .await
        .expect("a database opens");
    run(&pool).await;
    pool
}

#[cfg(test)]
pub(crate) async fn run(pool: &sqlx::SqlitePool) {
    for (_, name, sql) in MIGRATIONS {
        sqlx::raw_sql(sqlx::AssertSqlSafe(*sql))
            .execute(pool)
            .await
            .unwrap_or_else(|error| panic!("migration {name}: {error}"));
    }
}
