//! What is kept in memory of all incidents, so that ten thousand of them are judged in milliseconds.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sqlx::{Row, SqlitePool};

use super::case::Case;
use crate::incident::store;

/// All incidents as last read, without those that another took over. The database stays the only truth: each look asks which rows were
/// written since the one before, by whomever.
#[derive(Debug, Default)]
pub(crate) struct Ledger(tokio::sync::Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    cases: HashMap<String, Arc<Case>>,
    /// By onset.
    sorted: Arc<[Arc<Case>]>,
    revision: i64,
}

impl Ledger {
    /// All incidents as they stand, earliest onset first.
    pub(crate) async fn cases(&self, pool: &SqlitePool) -> Result<Arc<[Arc<Case>]>, sqlx::Error> {
        let mut known = self.0.lock().await;
        let before = known.revision;
        known.read(pool).await?;
        let kept: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM incidents")
            .fetch_one(pool)
            .await?;
        if kept < known.cases.len() as i64 {
            // Somebody took rows away. What is left is read anew.
            *known = Known::default();
            known.read(pool).await?;
        }
        if known.revision != before {
            let mut sorted: Vec<Arc<Case>> = known
                .cases
                .values()
                .filter(|case| !case.is_merged)
                .cloned()
                .collect();
            sorted.sort_by(|a, b| (a.moments.onset, &a.id).cmp(&(b.moments.onset, &b.id)));
            known.sorted = sorted.into();
        }
        Ok(Arc::clone(&known.sorted))
    }
}

impl Known {
    async fn read(&mut self, pool: &SqlitePool) -> Result<(), sqlx::Error> {
        let query = sqlx::query("SELECT * FROM incidents WHERE revision > $1 ORDER BY revision");
        let mut rows = query.bind(self.revision).fetch(pool);
        while let Some(row) = rows.try_next().await? {
            let case = Case::of(&store::record(&row)?);
            self.revision = row.try_get("revision")?;
            self.cases.insert(case.id.clone(), Arc::new(case));
        }
        Ok(())
    }
}
