mod acceptance;
mod claim;
mod experiments;
mod reading;
mod receipts;
mod steering;
mod suppressions;
mod templates;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use watchfire_schemas::{Clock, Timestamp};

use crate::database::connection::Connection;
use crate::database::{Database, Migrations, migrations};
use crate::failure::{Failure, Via, frame};
use crate::messages::journal::Journal;
use crate::sql;
use crate::statement::{Operation, Statement};

pub(crate) use acceptance::{Acceptance, Idempotency, Trace};
pub(crate) use claim::{Claimed, Claims, Ending, TakenAttempt};
pub(crate) use experiments::Founded;
pub(crate) use reading::Listed;
pub(crate) use receipts::ReceiptEvent;
pub(crate) use suppressions::Scope;

/// The name of the database.
pub(crate) const NAMESPACE: &str = "messages";
pub(crate) static MIGRATIONS: Migrations =
    migrations!("migrations/messages", "migrations/postgres/messages");

/// The messages, and all that is known of them.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    database: Database,
    journal: Journal,
    pub(crate) clock: Arc<dyn Clock>,
}

/// How long a message is kept after it was accepted, if it is done with.
const KEPT: Duration = Duration::from_hours(30 * 24);
/// How long a key makes a repetition known.
const KEY_KEPT: Duration = Duration::from_hours(24);
/// What is deleted at most in one transaction.
const SWEPT: i64 = 500;

impl Store {
    pub(crate) fn new(database: Database, journal: Journal, clock: Arc<dyn Clock>) -> Self {
        Self {
            database,
            journal,
            clock,
        }
    }

    /// Puts back what was being sent when the process ended: it may have been sent or not. How many
    /// there were.
    pub(crate) async fn recover(&self) -> Result<u64, sqlx::Error> {
        let sql = "UPDATE messages SET state = 'queued' WHERE state = 'sending'";
        let done = sql::query(sql)
            .execute(&mut self.database.writer().await?)
            .await?;
        Ok(done.rows_affected())
    }

    /// Deletes what is old, a bounded part of it; whether there may be more.
    pub(crate) async fn sweep(&self) -> Result<bool, Failure> {
        const MESSAGES: Statement = Statement::new(Operation::Delete, "messages");
        let now = self.clock.now();
        let before = |kept: Duration| now.nanos().saturating_sub(kept.as_nanos() as i64);
        let oldest = first_id(Timestamp::from_nanos(before(KEPT)));
        let keys = before(KEY_KEPT);
        let swept = self.journal.write(MESSAGES, move |connection: &mut Connection| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let sql = "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE id < ? AND state NOT IN ('queued', 'sending') ORDER BY id LIMIT ?)";
                let messages = sql::query(sql).bind(oldest).bind(SWEPT);
                let messages = messages.execute(&mut *connection).await?.rows_affected();
                let sql = "DELETE FROM idempotency WHERE (consumer, key) IN (SELECT consumer, key FROM idempotency WHERE at < ? LIMIT ?)";
                let keys = sql::query(sql).bind(keys).bind(SWEPT);
                let keys = keys.execute(connection).await?.rows_affected();
                Ok(messages.max(keys))
            })
        });
        Ok(swept.await.via(frame!("Store::sweep"))? >= SWEPT as u64)
    }
}

/// An id that is new, and in the order of time.
fn new_id(now: Timestamp) -> String {
    let nanos = u64::try_from(now.nanos()).unwrap_or(0);
    let (seconds, rest) = (nanos / 1_000_000_000, (nanos % 1_000_000_000) as u32);
    let at = uuid::Timestamp::from_unix(uuid::NoContext, seconds, rest);
    uuid::Uuid::new_v7(at).to_string()
}

/// Below every id that is made at `at` or later.
fn first_id(at: Timestamp) -> String {
    let millis = u64::try_from(at.millis()).unwrap_or(0);
    uuid::Uuid::from_u64_pair(millis << 16, 0).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_the_order_of_time() {
        let at = |seconds: i64| Timestamp::from_secs(1_800_000_000 + seconds);
        assert!(new_id(at(0)) < new_id(at(1)));
        assert!(first_id(at(1)) <= new_id(at(1)) && new_id(at(0)) < first_id(at(1)));
    }
}
