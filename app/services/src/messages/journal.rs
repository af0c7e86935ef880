use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use crate::database::connection::Connection;
use crate::database::{Database, StoreError};
use crate::failure::{Failure, frame};
use crate::sql;
use crate::stage::Stage;
use crate::statement::{DatabaseName, Statement};

/// Writes for many at once: whatever waits while one transaction is committed goes into the next, so
/// that the disk is waited for once for all of them. Whoever asks is answered when it is durable.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    entries: mpsc::Sender<Box<dyn Entry>>,
    database: DatabaseName,
}

/// How many may wait; who comes later waits to be let in.
const WAITING: usize = 4_096;
/// The largest number that goes into one transaction.
const GROUP: usize = 256;

/// Something to be written, and who waits for it.
trait Entry: Send {
    /// Within a savepoint of its own.
    fn write<'c>(&'c mut self, connection: &'c mut Connection) -> BoxFuture<'c, bool>;
    /// To be called when the transaction is over, with what hindered it.
    fn settle(self: Box<Self>, hindered: Option<&str>);
}

struct Written<W, T> {
    work: Option<W>,
    outcome: Option<Result<T, sqlx::Error>>,
    asking: oneshot::Sender<Result<T, sqlx::Error>>,
}

impl Journal {
    /// Starts it. It ends when all that hold it are gone.
    pub(crate) fn start(database: Database, stage: &Stage) -> Self {
        let (entries, received) = mpsc::channel(WAITING);
        let name = database.name();
        stage.spawn(|_| write_all(database, received).with_subscriber(Dispatch::none()));
        let database = name;
        Self { entries, database }
    }

    /// Does `work` within a transaction and returns when that is durable. If it fails, what it wrote
    /// is undone, and not what others wrote.
    pub(crate) async fn write<T, W>(&self, statement: Statement, work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, sqlx::Error>>
            + Send
            + 'static,
    {
        let (asking, answer) = oneshot::channel();
        let entry = Box::new(Written {
            work: Some(work),
            outcome: None,
            asking,
        });
        let writing = async {
            let ended = || sqlx::Error::WorkerCrashed;
            let outcome = match self.entries.send(entry).await {
                Ok(()) => answer.await.unwrap_or_else(|_| Err(ended())),
                Err(_) => Err(ended()),
            };
            outcome.map_err(|source| {
                let error = StoreError::of(self.database, statement.table, source);
                Failure::new(error, frame!("Journal::write"))
            })
        };
        statement.trace(self.database, writing).await
    }
}

async fn write_all(database: Database, mut received: mpsc::Receiver<Box<dyn Entry>>) {
    let mut group = Vec::with_capacity(GROUP);
    while received.recv_many(&mut group, GROUP).await > 0 {
        let hindered = write_group(&database, &mut group).await.err();
        for entry in group.drain(..) {
            entry.settle(hindered.as_deref());
        }
    }
}

async fn write_group(database: &Database, group: &mut [Box<dyn Entry>]) -> Result<(), String> {
    let begun = database.begin().await;
    let mut transaction = begun.map_err(|failure| failure.message())?;
    let text = |error: sqlx::Error| error.to_string();
    for entry in group {
        sql::query("SAVEPOINT entry")
            .execute(&mut transaction)
            .await
            .map_err(text)?;
        let kept = entry.write(&mut transaction).await;
        if !kept {
            sql::query("ROLLBACK TO entry")
                .execute(&mut transaction)
                .await
                .map_err(text)?;
        }
        sql::query("RELEASE entry")
            .execute(&mut transaction)
            .await
            .map_err(text)?;
    }
    transaction.commit().await.map_err(text)
}

impl<W, T> Entry for Written<W, T>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send,
{
    fn write<'c>(&'c mut self, connection: &'c mut Connection) -> BoxFuture<'c, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else {
                return false;
            };
            let outcome = work(connection).await;
            let kept = outcome.is_ok();
            self.outcome = Some(outcome);
            kept
        })
    }

    fn settle(self: Box<Self>, hindered: Option<&str>) {
        let outcome = match (hindered, self.outcome) {
            (None, Some(outcome)) => outcome,
            (hindered, _) => {
                let reason = hindered.unwrap_or("nothing was written").to_owned();
                Err(sqlx::Error::Io(std::io::Error::other(reason)))
            }
        };
        // Who asked may have gone away; what is written stays.
        drop(self.asking.send(outcome));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::join_all;

    use super::*;
    use crate::database::{Durability, scratch};
    use crate::fault::Faults;
    use crate::messages::store::{MIGRATIONS, NAMESPACE};
    use crate::statement::Operation;

    const STATEMENT: Statement = Statement::new(Operation::Insert, "suppressions");

    async fn insert(journal: &Journal, recipient: String) -> Result<u64, Failure> {
        journal
            .write(STATEMENT, move |connection| {
                Box::pin(async move {
                    let sql = "INSERT INTO suppressions VALUES ('sms', ?, 'all', 'test', 0)";
                    let done = sql::query(sql).bind(recipient).execute(connection).await?;
                    Ok(done.rows_affected())
                })
            })
            .await
    }

    #[tokio::test]
    async fn who_fails_fails_alone() {
        let folder = tempfile::tempdir().unwrap();
        let faults = Arc::new(Faults::none(1));
        let database = scratch::open(
            folder.path(),
            NAMESPACE,
            &MIGRATIONS,
            Durability::Power,
            faults,
        );
        let database = database.await.unwrap();
        let stage = Stage::default();
        let journal = Journal::start(database.clone(), &stage);
        let recipients = (0..400).map(|n| format!("+4179{:07}", n % 300));
        let outcomes = join_all(recipients.map(|recipient| insert(&journal, recipient))).await;
        let written = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(written, 300);
        let mut reader = database.reader().await.unwrap();
        let count: i64 = sql::query_scalar("SELECT count(*) FROM suppressions")
            .fetch_one(&mut reader)
            .await
            .unwrap();
        assert_eq!(count, 300);
    }
}
