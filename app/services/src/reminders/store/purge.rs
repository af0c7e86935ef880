use std::time::Duration;

use watchfire_schemas::Timestamp;

use crate::failure::{Failure, Via, frame};
use crate::reminders::store::Store;
use crate::reminders::sync_token::SyncToken;
use crate::sql;
use crate::statement::{Operation, Statement};

const PURGE: Statement = Statement::new(Operation::Delete, "records");
/// A device that has had no answer for so long sends its changes as new ones.
const RESULTS_KEPT: Duration = Duration::from_hours(7 * 24);
/// So many rows of a table go at a time: requests wait no longer than for one batch of theirs.
const AT_ONCE: i64 = 1_000;

/// How much was forgotten.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Purged {
    pub(crate) deletions: u64,
    pub(crate) results: u64,
    pub(crate) superseded: u64,
}

impl Purged {
    /// Whether there may be more that is old.
    pub(crate) fn is_a_part(&self) -> bool {
        let gone = [self.deletions, self.results, self.superseded];
        gone.into_iter().any(|gone| gone >= AT_ONCE as u64)
    }
}

impl std::ops::AddAssign for Purged {
    fn add_assign(&mut self, more: Self) {
        self.deletions += more.deletions;
        self.results += more.results;
        self.superseded += more.superseded;
    }
}

impl Store {
    /// Forgets what is old: deletions that every good sync token has seen, answers that no device
    /// asks for again, what was written over long ago. A part at a time.
    pub(crate) async fn purge(&self, now: Timestamp) -> Result<Purged, Failure> {
        let old = (now - SyncToken::LIFETIME).nanos();
        let answered = (now - RESULTS_KEPT).nanos();
        let purging = self.database.write(PURGE, move |connection| {
            Box::pin(async move {
                let mut gone = [0; 3];
                let statements = [
                    (
                        "DELETE FROM records WHERE (person, kind, id) IN (SELECT person, kind, id \
                         FROM records WHERE deleted AND changed_at < ? LIMIT ?)",
                        old,
                    ),
                    (
                        "DELETE FROM results WHERE (person, device, change_id) IN \
                         (SELECT person, device, change_id FROM results WHERE at < ? LIMIT ?)",
                        answered,
                    ),
                    (
                        "DELETE FROM superseded WHERE (person, kind, id, version) IN \
                         (SELECT person, kind, id, version FROM superseded \
                         WHERE superseded_at < ? LIMIT ?)",
                        old,
                    ),
                ];
                for (gone, (statement, before)) in gone.iter_mut().zip(statements) {
                    let query = sql::query(statement).bind(before).bind(AT_ONCE);
                    *gone = query.execute(&mut *connection).await?.rows_affected();
                }
                let [deletions, results, superseded] = gone;
                Ok(Purged {
                    deletions,
                    results,
                    superseded,
                })
            })
        });
        purging.await.via(frame!("Store::purge"))
    }
}
