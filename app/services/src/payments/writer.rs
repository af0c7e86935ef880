use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use tokio::time::Instant;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;

use crate::database::connection::Connection;
use crate::database::{Database, StoreError, is_unstorable};
use crate::failure::{Failure, Kind, frame};
use crate::payments::instruments::CommitInstruments;
use crate::statement::{DatabaseName, Operation, Statement};

/// Commits the work of many at once: what arrives while one transaction is made durable goes into
/// the next, so that a hundred commands cost one `fsync`.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Box<dyn Job>>,
    database: DatabaseName,
}

/// The task behind a [`Writer`].
pub(crate) struct Committer {
    database: Database,
    jobs: mpsc::Receiver<Box<dyn Job>>,
    instruments: CommitInstruments,
    /// Told after each commit that there may be something new.
    woken: Arc<Vec<Notify>>,
}

/// How much work waits at most; who comes then waits for a place.
const QUEUE: usize = 1024;
/// How much work one transaction holds at most: it bounds how long a command waits for others.
const BATCH: usize = 256;
const COMMIT: Statement = Statement::new(Operation::Upsert, "payments");

/// Why work was not committed. None of it took effect.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Uncommitted {
    kind: &'static str,
    message: String,
}

impl Kind for Uncommitted {
    fn kind(&self) -> &'static str {
        self.kind
    }
}

impl Uncommitted {
    fn of(error: &sqlx::Error) -> Self {
        let message = format!("a statement of a payment's transaction failed: {error}");
        let kind = if is_unstorable(error) {
            StoreError::UNSTORABLE
        } else {
            "StoreError::Statement"
        };
        Self { kind, message }
    }
}

/// Work that is run within a transaction, then told how that ended.
trait Job: Send {
    fn run<'c>(&'c mut self, connection: &'c mut Connection) -> BoxFuture<'c, ()>;
    fn settle(&mut self, refused: Option<&Uncommitted>);
}

struct Work<F, T> {
    scope: Scope,
    call: Option<F>,
    outcome: Option<Result<T, sqlx::Error>>,
    sender: Option<oneshot::Sender<Result<T, Uncommitted>>>,
}

/// Whether work has to be rolled back by itself when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Several statements: all of them or none.
    Savepoint,
    /// One statement, which the database takes back by itself if it can.
    Statement,
}

impl Writer {
    /// The writer, and the task that has to run for it. It ends when the last writer is gone.
    pub(crate) fn new(
        database: Database,
        instruments: CommitInstruments,
        woken: Arc<Vec<Notify>>,
    ) -> (Self, Committer) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let name = database.name();
        let committer = Committer {
            database,
            jobs: receiver,
            instruments,
            woken,
        };
        let (jobs, database) = (sender, name);
        (Self { jobs, database }, committer)
    }

    /// Runs `work` in a transaction that it may share with others, and returns when that is durable.
    /// The span is that of the whole, the wait included. Work that ends in an error of the database
    /// is rolled back by itself; work that refuses something in its `T` must not have written.
    pub(crate) async fn commit<T, F>(&self, statement: Statement, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, sqlx::Error>>
            + Send
            + 'static,
    {
        self.queue(statement, Scope::Savepoint, work).await
    }

    /// [`Self::commit`] for work that runs one statement that writes, and no more.
    pub(crate) async fn execute<T, F>(&self, statement: Statement, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, sqlx::Error>>
            + Send
            + 'static,
    {
        self.queue(statement, Scope::Statement, work).await
    }

    async fn queue<T, F>(&self, statement: Statement, scope: Scope, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, sqlx::Error>>
            + Send
            + 'static,
    {
        let committing = async {
            let (sender, receiver) = oneshot::channel();
            let job = Work {
                scope,
                call: Some(work),
                outcome: None,
                sender: Some(sender),
            };
            let stopped = || Uncommitted {
                kind: "StoreError::Stopped",
                message: "the service is stopping".to_owned(),
            };
            let sent = self.jobs.send(Box::new(job)).await;
            let outcome = match sent {
                Ok(()) => receiver.await.unwrap_or_else(|_| Err(stopped())),
                Err(_) => Err(stopped()),
            };
            outcome.map_err(|error| Failure::new(error, frame!("Writer::commit")))
        };
        statement.trace(self.database, committing).await
    }
}

impl<F, T> Job for Work<F, T>
where
    T: Send,
    F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send,
{
    fn run<'c>(&'c mut self, connection: &'c mut Connection) -> BoxFuture<'c, ()> {
        Box::pin(async move {
            let Some(work) = self.call.take() else { return };
            let undoes_itself = connection.undoes_a_statement_by_itself();
            if self.scope == Scope::Statement && undoes_itself {
                self.outcome = Some(work(connection).await);
                return;
            }
            self.outcome = Some(connection.savepoint(work).await);
        })
    }

    fn settle(&mut self, refused: Option<&Uncommitted>) {
        let Some(sender) = self.sender.take() else {
            return;
        };
        let outcome = match (refused, self.outcome.take()) {
            (None, Some(Ok(outcome))) => Ok(outcome),
            (None, Some(Err(error))) => Err(Uncommitted::of(&error)),
            (refused, _) => Err(refused.cloned().unwrap_or_else(|| Uncommitted {
                kind: "StoreError::Statement",
                message: "the transaction ended before this work".to_owned(),
            })),
        };
        // Who asked may have gone; the work is done all the same.
        drop(sender.send(outcome));
    }
}

impl Committer {
    pub(crate) async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.jobs.recv_many(&mut batch, BATCH).await > 0 {
            let jobs = std::mem::take(&mut batch);
            self.commit(jobs).with_subscriber(Dispatch::none()).await;
        }
    }

    async fn commit(&self, jobs: Vec<Box<dyn Job>>) {
        let (count, begun) = (jobs.len(), Instant::now());
        let jobs = Arc::new(Mutex::new(jobs));
        let mut running = Arc::clone(&jobs).lock_owned().await;
        let outcome = self.database.write(COMMIT, move |connection| {
            Box::pin(async move {
                for job in running.iter_mut() {
                    job.run(connection).await;
                }
                Ok(())
            })
        });
        let refused = outcome.await.err().map(|failure| Uncommitted {
            kind: failure.kind(),
            message: failure.message(),
        });
        self.instruments.observe(count, begun.elapsed());
        for job in jobs.lock().await.iter_mut() {
            job.settle(refused.as_ref());
        }
        for waiting in self.woken.iter() {
            waiting.notify_one();
        }
        if refused.is_some() {
            // Who asked is told; a database that is away is not asked at full speed.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl std::fmt::Debug for Committer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Committer").finish_non_exhaustive()
    }
}
