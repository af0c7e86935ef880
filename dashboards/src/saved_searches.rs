//! Searches that somebody named, so that the next one on call finds them.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqlitePool};
use watchfire_schemas::Timestamp;

/// More searches than this are not kept.
pub(crate) const MOST_SAVED: u32 = 200;

/// A search with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SavedSearch {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) query: String,
    pub(crate) columns: Vec<String>,
    /// `6h`; an absolute range is not worth keeping.
    pub(crate) last: String,
}

/// The table of saved searches, which this crate owns. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SavedSearches {
    pool: SqlitePool,
}

impl SavedSearches {
    /// (version, name, SQL). The crates share one sequence of versions; ours begin at 1001.
    pub const MIGRATIONS: &'static [(i64, &'static str, &'static str)] = &[(
        1001,
        "saved searches",
        include_str!("../migrations/sqlite/1001_saved_searches.sql"),
    )];

    /// In a database that has the tables.
    pub const fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// All of them, by name.
    pub(crate) async fn list(&self) -> Result<Vec<SavedSearch>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT id, name, query, columns, last FROM saved_searches ORDER BY name, id",
        )
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Keeps a search; one of the same name is replaced. Says whether there was room for it.
    pub(crate) async fn save(
        &self,
        search: &SavedSearch,
        at: Timestamp,
    ) -> Result<bool, sqlx::Error> {
        let written = sqlx::query(
            "INSERT INTO saved_searches (name, query, columns, last, saved_at) \
             SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM saved_searches) < $6 \
             OR EXISTS (SELECT 1 FROM saved_searches WHERE name = $1) \
             ON CONFLICT (name) DO UPDATE SET query = excluded.query, \
             columns = excluded.columns, last = excluded.last, saved_at = excluded.saved_at",
        )
        .bind(&search.name)
        .bind(&search.query)
        .bind(search.columns.join(","))
        .bind(&search.last)
        .bind(at.nanos())
        .bind(MOST_SAVED)
        .execute(&self.pool)
        .await?;
        Ok(written.rows_affected() > 0)
    }

    /// Whether there was one to forget.
    pub(crate) async fn forget(&self, id: i64) -> Result<bool, sqlx::Error> {
        let gone = sqlx::query("DELETE FROM saved_searches WHERE id = $1")
            .bind(id)
            .execute(&self.pool)
            .await?;
        Ok(gone.rows_affected() > 0)
    }
}

fn read(row: &SqliteRow) -> Result<SavedSearch, sqlx::Error> {
    let columns: String = row.try_get("columns")?;
    Ok(SavedSearch {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        query: row.try_get("query")?,
        columns: columns
            .split(',')
            .filter(|column| !column.is_empty())
            .map(str::to_owned)
            .collect(),
        last: row.try_get("last")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn searches(dir: &std::path::Path) -> SavedSearches {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(dir.join("watchfire.db"))
            .create_if_missing(true);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        for (_, _, sql) in SavedSearches::MIGRATIONS {
            sqlx::raw_sql(*sql).execute(&pool).await.unwrap();
        }
        SavedSearches::new(pool)
    }

    fn search(name: &str, query: &str) -> SavedSearch {
        SavedSearch {
            id: 0,
            name: name.to_owned(),
            query: query.to_owned(),
            columns: vec!["http.route".to_owned(), "dur_ms".to_owned()],
            last: "6h".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_search_is_kept_replaced_by_name_and_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let searches = searches(dir.path()).await;
        let now = Timestamp::from_secs(1_795_327_000);
        assert!(searches.save(&search("b", "x:1"), now).await.unwrap());
        assert!(searches.save(&search("a", "y"), now).await.unwrap());
        assert!(searches.save(&search("b", "x:2"), now).await.unwrap());
        let kept = searches.list().await.unwrap();
        assert_eq!(kept.len(), 2);
        assert_eq!(
            (kept[1].name.as_str(), kept[1].query.as_str()),
            ("b", "x:2")
        );
        assert_eq!(kept[1].columns, ["http.route", "dur_ms"]);
        assert!(searches.forget(kept[0].id).await.unwrap());
        assert!(!searches.forget(kept[0].id).await.unwrap());
        assert_eq!(searches.list().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn there_is_a_limit_which_a_known_name_does_not_meet() {
        let dir = tempfile::tempdir().unwrap();
        let searches = searches(dir.path()).await;
        let now = Timestamp::from_secs(1_795_327_000);
        for at in 0..MOST_SAVED {
            assert!(
                searches
                    .save(&search(&at.to_string(), "x"), now)
                    .await
                    .unwrap()
            );
        }
        assert!(!searches.save(&search("one more", "x"), now).await.unwrap());
        assert!(searches.save(&search("7", "y"), now).await.unwrap());
    }
}
