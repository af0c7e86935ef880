use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::ETAG;
use serde_json::Value;
use watchfire_schemas::Clock;

use crate::database::Database;
use crate::database::connection::Connection;
use crate::failure::{Via, frame};
use crate::problem::Problem;
use crate::recruitment::access::Caller;
use crate::recruitment::document::files::Files;
use crate::recruitment::instruments::Instruments;
use crate::recruitment::keyring::Keyring;
use crate::recruitment::precondition::entity_tag;
use crate::recruitment::trail::{Act, Deed};
use crate::statement::Statement;

/// What every handler needs.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) database: Database,
    pub(crate) files: Arc<Files>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) instruments: Instruments,
}

/// What a transaction comes to: what was done, or why it was not. One that refuses has written nothing.
pub(crate) type Outcome<T> = Result<Result<T, Problem>, sqlx::Error>;

impl Api {
    pub(crate) async fn look<T>(
        &self,
        statement: Statement,
        call: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
    ) -> Result<T, Problem> {
        let read = self.database.read(statement, call).await;
        Ok(read.via(frame!("Api::look"))?)
    }

    pub(crate) async fn change<T>(
        &self,
        statement: Statement,
        call: impl for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Outcome<T>>,
    ) -> Result<T, Problem> {
        let written = self.database.write(statement, call).await;
        written.via(frame!("Api::change"))?
    }

    pub(crate) fn deed(&self, caller: &Caller) -> Deed {
        Deed::of(caller, self.clock.now())
    }

    /// Tells of a change that was committed: a log record and a count.
    pub(crate) fn tell(&self, deed: &Deed, act: &Act) {
        let Act {
            kind, verb, object, ..
        } = act;
        self.instruments.changed(kind, verb);
        tracing::info!(
            "recruitment.kind" = *kind,
            "recruitment.object" = object.as_str(),
            "recruitment.verb" = *verb,
            "recruitment.actor" = deed.actor.as_str(),
            "recruitment.role" = deed.role,
            "{kind} {object} {verb} by {}",
            deed.actor
        );
    }
}

/// The answer that shows one resource at one version.
pub(crate) fn shown(status: StatusCode, version: i64, body: Value) -> Response {
    (status, [(ETAG, entity_tag(version))], Json(body)).into_response()
}

/// The answer for what is not there, or not for this caller.
pub(crate) fn absent(kind: &str, id: impl std::fmt::Display) -> Problem {
    Problem::not_found(format!("there is no {kind} {id}"))
}

/// The answer for what the state of things does not allow, with what it would allow.
pub(crate) fn conflict(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::CONFLICT, detail)
}
