use sqlx::Error;

use crate::failure::Kind;
use crate::sql::Nul;
use crate::statement::DatabaseName;

/// Why a statement brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("no connection to the {} database became free in time", .database.namespace)]
    PoolTimedOut {
        database: DatabaseName,
        #[source]
        source: Error,
    },
    #[error("the {} database cannot be reached", .database.namespace)]
    Unreachable {
        database: DatabaseName,
        #[source]
        source: Error,
    },
    /// A text that somebody sent, and that Postgres keeps nowhere.
    #[error("a text for {table} holds the character U+0000")]
    Unstorable { table: &'static str },
    #[error("a statement on {table} failed")]
    Statement {
        table: &'static str,
        #[source]
        source: Error,
    },
}

impl Kind for StoreError {
    fn kind(&self) -> &'static str {
        match self {
            Self::PoolTimedOut { .. } => "StoreError::PoolTimedOut",
            Self::Unreachable { .. } => "StoreError::Unreachable",
            Self::Unstorable { .. } => Self::UNSTORABLE,
            Self::Statement { .. } => "StoreError::Statement",
        }
    }
}

/// Postgres did not get its turn in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// A server that is told to stop, has crashed, or does not take connections yet.
const GOING_DOWN: [&str; 3] = ["57P01", "57P02", "57P03"];
/// Whatever befalls a connection.
const CONNECTION: &str = "08";

impl StoreError {
    /// The kind of one that whoever asked has to mend.
    pub(crate) const UNSTORABLE: &str = "StoreError::Unstorable";

    /// Of a statement on `table`, or of its commit.
    pub(crate) fn of(database: DatabaseName, table: &'static str, source: Error) -> Self {
        if is_unstorable(&source) {
            Self::Unstorable { table }
        } else if is_lost(&source) {
            Self::Unreachable { database, source }
        } else {
            Self::Statement { table, source }
        }
    }

    /// Of a connection that was not had, or a transaction that did not begin.
    pub(super) fn out_of_reach(database: DatabaseName, source: Error) -> Self {
        let is_late = matches!(source, Error::PoolTimedOut)
            || code(&source).as_deref() == Some(LOCK_NOT_AVAILABLE);
        if is_late {
            Self::PoolTimedOut { database, source }
        } else {
            Self::Unreachable { database, source }
        }
    }
}

/// Whether a text was given that cannot be kept.
pub(crate) fn is_unstorable(error: &Error) -> bool {
    matches!(error, Error::Encode(source) if source.is::<Nul>())
}

/// Whether the connection was lost, not the statement wrong.
fn is_lost(error: &Error) -> bool {
    match error {
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => true,
        _ => code(error).is_some_and(|code| {
            code.starts_with(CONNECTION) || GOING_DOWN.contains(&code.as_str())
        }),
    }
}

/// The SQLSTATE that Postgres gave. What SQLite gives is shorter.
fn code(error: &Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    (code.len() == 5).then(|| code.into_owned())
}
