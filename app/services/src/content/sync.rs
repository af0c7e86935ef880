mod instruments;
mod row;
#[cfg(test)]
mod tests;
mod write;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Method};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use watchfire_schemas::{Clock, Timestamp};
use watchfire_telemetry::Telemetry;

use crate::client::{Call, Client};
use crate::content::collection::{COLLECTIONS, Collection};
use crate::content::sync::instruments::{Instruments, SetInstruments};
use crate::database::Database;
use crate::failure::{Failure, Kind, Via, frame};
use crate::feed::{self, Entries, Entry};
use crate::sql;
use crate::statement::{Operation, Statement};

/// How often a feed is asked.
pub(crate) const POLL_EVERY: Duration = Duration::from_secs(15);
/// Where the records of the sync come from.
pub(crate) const TARGET: &str = module_path!();
pub(crate) const POSITION: Statement = Statement::new(Operation::Upsert, "sync_position");

/// Keeps one data set in step with its source feed. It remembers how far it has read in the
/// database itself, in the transaction that holds what it read: a stop at any point loses and
/// repeats nothing. Each data set has a worker of its own, so that a feed that fails holds up no other.
#[derive(Debug)]
pub(crate) struct Sync {
    collection: &'static Collection,
    database: Database,
    feed: Client,
    clock: Arc<dyn Clock>,
    instruments: SetInstruments,
    /// When the database was last known to hold all that the feed has.
    in_step: Timestamp,
}

/// Why a round did not reach the end of its feed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SyncError {
    #[error("the feed answered {0}")]
    Refused(http::StatusCode),
    #[error("the feed's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    #[error("the feed goes backwards: after {after} came {cursor}")]
    Backwards { after: u64, cursor: u64 },
    #[error("the position cannot be read")]
    Position(#[source] sqlx::Error),
    #[error("the entries cannot be written")]
    Write(#[source] sqlx::Error),
}

impl Kind for SyncError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Refused(_) => "SyncError::Refused",
            Self::Unreadable(_) => "SyncError::Unreadable",
            Self::Backwards { .. } => "SyncError::Backwards",
            Self::Position(_) => "SyncError::Position",
            Self::Write(_) => "SyncError::Write",
        }
    }
}

/// What one round did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) entries: usize,
    /// The last entry that is in the database.
    pub(crate) cursor: u64,
}

impl Sync {
    /// One worker for each data set.
    pub(crate) fn all(
        database: &Database,
        feed: SocketAddr,
        telemetry: &Telemetry,
        clock: &Arc<dyn Clock>,
    ) -> Result<Vec<Self>, reqwest::Error> {
        let instruments = Instruments::register(&mut telemetry.registry());
        let feed = Client::new(feed, telemetry)?;
        let syncs = COLLECTIONS.map(|collection| Self {
            collection,
            database: database.clone(),
            feed: feed.clone(),
            in_step: clock.now(),
            clock: Arc::clone(clock),
            instruments: instruments.of(collection.resource),
        });
        Ok(syncs.into())
    }

    /// One round: reads the feed to its end. A failure is written down; the next round goes on from there.
    pub(crate) async fn round(&mut self) {
        let data_set = self.collection.resource;
        let span = tracing::info_span!(
            "sync",
            "otel.name" = round_name(data_set),
            "otel.status_code" = tracing::field::Empty
        );
        self.instruments.in_progress.set(1);
        async {
            match self.catch_up().await {
                Ok(applied) => {
                    self.in_step = self.clock.now();
                    self.instruments.caught_up.inc();
                    report_applied(data_set, applied);
                }
                Err(failure) => {
                    tracing::Span::current().record("otel.status_code", "ERROR");
                    self.instruments.failed.inc();
                    failure.report(format_args!("sync of {data_set} failed"));
                }
            }
        }
        .instrument(span)
        .await;
        self.instruments.in_progress.set(0);
        let lag = self.clock.now().seconds_since(self.in_step);
        self.instruments.lag_seconds.set(lag.max(0.0));
    }

    /// A round every [`POLL_EVERY`] until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(POLL_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first tick comes at once, and the first round was made before.
        ticks.tick().await;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.round().await;
        }
    }

    async fn catch_up(&self) -> Result<Applied, Failure> {
        let cursor = self.position().await.via(frame!("Sync::catch_up"))?;
        let mut applied = Applied { entries: 0, cursor };
        loop {
            let read = self.read(applied.cursor).await;
            let Entries { entries, latest } = read.via(frame!("Sync::catch_up"))?;
            let after = applied.cursor;
            let backwards = |cursor| {
                let error = SyncError::Backwards { after, cursor };
                Failure::new(error, frame!("Sync::catch_up"))
            };
            let Some(last) = entries.last() else {
                // A feed that began anew would say that there is nothing new until it has come as
                // far as the one before.
                return if latest < after {
                    Err(backwards(latest))
                } else {
                    Ok(applied)
                };
            };
            let cursor = last.cursor;
            if cursor <= after {
                return Err(backwards(cursor));
            }
            let applying = self.apply(&entries, cursor).await;
            applying.via(frame!("Sync::catch_up"))?;
            applied.cursor = cursor;
            applied.entries += entries.len();
            if cursor >= latest {
                return Ok(applied);
            }
        }
    }

    async fn position(&self) -> Result<u64, Failure> {
        let reading = async {
            let mut connection = self.database.writer().await?;
            let query = sql::query_scalar("SELECT cursor FROM sync_position WHERE feed = ?");
            let query = query.bind(self.collection.resource);
            query.fetch_optional(&mut connection).await
        };
        let cursor: Result<Option<i64>, _> = reading.await;
        let cursor = cursor
            .map_err(|error| Failure::new(SyncError::Position(error), frame!("Sync::position")))?;
        Ok(cursor
            .and_then(|cursor| u64::try_from(cursor).ok())
            .unwrap_or(0))
    }

    async fn read(&self, after: u64) -> Result<Entries, Failure> {
        let path_and_query = feed::entries_after(self.collection.resource, after);
        let call = Call {
            method: Method::GET,
            template: feed::ENTRIES,
            path_and_query: &path_and_query,
            headers: HeaderMap::new(),
            body: Vec::new(),
        };
        let answer = self.feed.send(call).await.via(frame!("Sync::read"))?;
        if !answer.status.is_success() {
            return Err(Failure::new(
                SyncError::Refused(answer.status),
                frame!("Sync::read"),
            ));
        }
        serde_json::from_slice(&answer.body)
            .map_err(|error| Failure::new(SyncError::Unreadable(error), frame!("Sync::read")))
    }

    /// Writes entries and the position after them, all or nothing.
    async fn apply(&self, entries: &[Entry], cursor: u64) -> Result<(), Failure> {
        let failed = |error| Failure::new(SyncError::Write(error), frame!("Sync::apply"));
        let changes = row::changes(self.collection, entries);
        for refused in &changes.refused {
            refused.warn(self.collection.resource);
        }
        let mut transaction = self.database.begin_whatever_hits().await.map_err(failed)?;
        let writing = async {
            let written = write::changes(&mut transaction, self.collection, &changes).await;
            written.map_err(failed)
        };
        let statement = upsert(self.collection);
        statement.trace(self.database.name(), writing).await?;
        let moving = async {
            let feed = self.collection.resource;
            let moved = write::position(&mut transaction, feed, cursor).await;
            moved.map_err(failed)
        };
        POSITION.trace(self.database.name(), moving).await?;
        transaction.commit().await.map_err(failed)?;
        self.instruments.count(&changes);
        Ok(())
    }
}

/// The span around one round.
pub(crate) fn round_name(data_set: &str) -> String {
    format!("sync {data_set}")
}

/// The statement that writes what a data set's feed brought.
pub(crate) fn upsert(collection: &Collection) -> Statement {
    Statement::new(Operation::Upsert, collection.table)
}

/// What is said of a round that brought something, live and in the history.
pub(crate) fn applied_message(data_set: &str, applied: Applied) -> String {
    let Applied { entries, cursor } = applied;
    format!("sync of {data_set} applied {entries} entries up to cursor {cursor}")
}

/// A round that brought nothing is not worth a line: there are many, and the gauge tells of them.
fn report_applied(data_set: &str, applied: Applied) {
    if applied.entries > 0 {
        tracing::info!(
            "sync.data_set" = data_set,
            "sync.entries" = applied.entries,
            "sync.cursor" = applied.cursor,
            "{}",
            applied_message(data_set, applied)
        );
    }
}
