//! What the console asks of response times.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use watchfire_schemas::{ChangeEvent, TimeRange};

use super::case::Case;
use super::compare::{PeriodComparison, compare};
use super::dora::{Dora, dora};
use super::question::{Grouping, Scope};
use super::report::{Reliability, reliability};
use crate::incident::store::from_json;
use crate::{Alerts, StoreError};

/// How many change events DORA's keys are made of at most.
const MOST_CHANGES: i64 = 100_000;

impl Alerts {
    /// Response times of the incidents that a scope holds.
    pub async fn reliability(
        &self,
        scope: &Scope,
        by: Option<Grouping>,
    ) -> Result<Reliability, StoreError> {
        let cases = self.ledger.cases(&self.pool).await?;
        let now = self.clock.now();
        let scope = scope.clone();
        let told = aside(move || {
            let held: Vec<&Case> = cases
                .iter()
                .map(AsRef::as_ref)
                .filter(|c| scope.holds(c))
                .collect();
            reliability(&held, &scope, by, now)
        });
        Ok(told.await)
    }

    /// How response times changed from one period to another. Only incidents that page count, unless
    /// a severity is asked for.
    pub async fn compare_reliability(
        &self,
        before: &Scope,
        after: &Scope,
    ) -> Result<PeriodComparison, StoreError> {
        let cases = self.ledger.cases(&self.pool).await?;
        let now = self.clock.now();
        let (before, after) = (before.clone(), after.clone());
        let told = aside(move || {
            let held = |scope: &Scope| -> Vec<&Case> {
                let counts =
                    |case: &&Case| scope.holds(case) && (case.counts() || scope.severity.is_some());
                cases.iter().map(AsRef::as_ref).filter(counts).collect()
            };
            let (b, a) = (held(&before), held(&after));
            compare((&b, before.range), (&a, after.range), now)
        });
        Ok(told.await)
    }

    /// DORA's four keys over the deploys of a range, of one service or all.
    pub async fn dora(&self, range: TimeRange, service: Option<&str>) -> Result<Dora, StoreError> {
        let cases = self.ledger.cases(&self.pool).await?;
        let rows = sqlx::query(
            "SELECT body FROM changes WHERE at >= $1 AND at < $2 AND ($3 IS NULL OR service = $3) \
             ORDER BY at DESC, id DESC LIMIT $4",
        )
        .bind(range.start.nanos())
        .bind(range.end.nanos())
        .bind(service)
        .bind(MOST_CHANGES)
        .fetch_all(&self.pool)
        .await?;
        let change = |row: &SqliteRow| from_json::<ChangeEvent>(&row.try_get::<String, _>("body")?);
        let changes: Vec<ChangeEvent> = rows.iter().map(change).collect::<Result<_, _>>()?;
        let cases: Vec<&Case> = cases.iter().map(AsRef::as_ref).collect();
        Ok(dora(&changes, &cases, range, self.clock.now()))
    }
}

/// Away from the threads that answer requests: ten thousand incidents take tens of milliseconds, and
/// resampling them seconds.
async fn aside<T: Send + 'static>(compute: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(compute).await {
        Ok(told) => told,
        Err(broken) => std::panic::resume_unwind(broken.into_panic()),
    }
}
