use axum::response::Response;
use futures_util::future::BoxFuture;
use http::StatusCode;
use serde_json::Value;
use tracing::Instrument;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::payments::api::Api;
use crate::payments::api::answer::{json_text, unavailable};
use crate::payments::event::Trace;
use crate::payments::idempotency::{Kept, Once};
use crate::problem::Problem;
use crate::statement::Statement;

/// What a command is run with, within its transaction.
pub(super) struct Accepting<'c> {
    pub(super) connection: &'c mut Connection,
    /// The trace that its events go on in.
    pub(super) trace: Trace,
    pub(super) now: Timestamp,
}

/// How a request that is sent once or more ended.
enum Ended {
    Accepted(String),
    Replayed(StatusCode, String),
    Refused(Problem),
}

impl Api {
    /// Runs a command once for its key: what it writes, its events and its answer are one
    /// transaction. Who comes with the same key while it runs waits behind it, and is given the same
    /// answer. A refusal is not kept: `work` must refuse before it writes.
    pub(super) async fn once<F>(
        &self,
        once: Once,
        (statement, status): (Statement, StatusCode),
        work: F,
    ) -> Result<Response, Problem>
    where
        F: for<'c> FnOnce(
                Accepting<'c>,
            )
                -> BoxFuture<'c, Result<Result<Value, Problem>, sqlx::Error>>
            + Send
            + 'static,
    {
        let span = tracing::info_span!(
            "send",
            "otel.name" = "send payments",
            "otel.kind" = "producer",
            "messaging.system" = "outbox",
            "messaging.operation.name" = "send",
            "messaging.operation.type" = "send",
            "messaging.destination.name" = "payments",
            "payment.id" = tracing::field::Empty,
        );
        let trace = span.in_scope(|| Trace::current(&self.telemetry));
        let now = self.clock.now();
        let sending = span.clone();
        let committing = self.writer.commit(statement, move |connection| {
            Box::pin(async move {
                match once.find(connection, now).await? {
                    Kept::Answer(status, body) => return Ok(Ended::Replayed(status, body)),
                    Kept::Other => return Ok(Ended::Refused(used())),
                    Kept::Nothing => {}
                }
                let accepting = Accepting {
                    connection: &mut *connection,
                    trace,
                    now,
                };
                let body = match work(accepting).await? {
                    Ok(body) => {
                        // What is answered is a payment, or a refund that names one.
                        let payment = body.get("payment").or(body.get("id"));
                        sending.record("payment.id", payment.and_then(Value::as_str));
                        body.to_string()
                    }
                    Err(problem) => return Ok(Ended::Refused(problem)),
                };
                once.keep(connection, status, &body, now).await?;
                Ok(Ended::Accepted(body))
            })
        });
        match committing.instrument(span).await {
            Ok(Ended::Accepted(body)) => Ok(json_text(status, body, false)),
            Ok(Ended::Replayed(status, body)) => {
                self.replayed.inc();
                Ok(json_text(status, body, true))
            }
            Ok(Ended::Refused(problem)) => Err(problem),
            Err(failure) => Err(unavailable(&failure)),
        }
    }
}

fn used() -> Problem {
    Problem::unprocessable(
        "this Idempotency-Key was used for another request: draw a new one for what is not a repetition",
    )
}
