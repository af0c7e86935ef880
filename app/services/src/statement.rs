use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Dispatch;
use tracing::instrument::WithSubscriber;
use watchfire_telemetry::{DatabaseCall, DatabaseServer};

use crate::failure::Failure;

/// What the span of a database call says, live and in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) operation: Operation,
    pub(crate) table: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Select,
    Count,
    Insert,
    Update,
    Upsert,
    Delete,
}

/// What the history says, whose services have SQLite files.
pub(crate) const DB_SYSTEM: &str = "sqlite";

/// How telemetry names a database, by the conventions for database spans. There is one for each
/// database that the process opens, for as long as the process is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DatabaseName {
    pub(crate) system: &'static str,
    pub(crate) namespace: &'static str,
    /// Where it is, unless it is a file of this process.
    pub(crate) server: Option<DatabaseServer>,
}

impl DatabaseName {
    pub(crate) fn sqlite(namespace: &'static str) -> Self {
        Self {
            system: DB_SYSTEM,
            namespace,
            server: None,
        }
    }
}

impl Statement {
    pub(crate) const fn new(operation: Operation, table: &'static str) -> Self {
        Self { operation, table }
    }

    /// The span's name: `SELECT places`.
    pub(crate) fn summary(self) -> String {
        format!("{} {}", self.operation.as_str(), self.table)
    }

    /// What takes longer is worth a WARN record.
    const SLOW: Duration = Duration::from_millis(500);

    /// Runs a call of `database` in a client span of its own. A failure marks the span.
    ///
    /// The call itself runs without a subscriber: sqlx hands the current span to the thread of its
    /// connection, which may be the last to let go of it, and a span that is let go of where our
    /// subscriber is not the default never closes its parent.
    pub(crate) async fn trace<T>(
        self,
        database: DatabaseName,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let span = DatabaseCall {
            system: database.system,
            namespace: database.namespace,
            operation: self.operation.as_str(),
            collection: self.table,
            server: database.server,
        }
        .begin();
        let begun = Instant::now();
        let outcome = call.with_subscriber(Dispatch::none()).await;
        let took = begun.elapsed();
        if took > Self::SLOW {
            span.in_scope(|| self.warn_of_slowness(took));
        }
        let failed = outcome.as_ref().err();
        span.end(failed.map(|failure| (failure.kind(), failure.message())));
        outcome
    }

    fn warn_of_slowness(self, took: Duration) {
        let milliseconds = took.as_millis() as u64;
        tracing::warn!(
            "db.collection.name" = self.table,
            "duration_ms" = milliseconds,
            "slow statement {} took {milliseconds} ms",
            self.summary()
        );
    }
}

impl Operation {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Count => "COUNT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Upsert => "UPSERT",
            Self::Delete => "DELETE",
        }
    }
}
