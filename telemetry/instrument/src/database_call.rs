use std::sync::Arc;

use opentelemetry::Context;
use tokio::time::Instant;
use tracing::dispatcher;

use crate::fact_span::{DatabaseFacts, FactRecord, FactSpan, Facts};
use crate::span_maker::SpanMaker;

/// A call of a database. Its span is named by operation and collection: `SELECT places`.
///
/// ```no_run
/// # async fn read() -> Result<(), std::io::Error> { Ok(()) }
/// # async fn call() {
/// let call = watchfire_telemetry::DatabaseCall {
///     system: "sqlite",
///     namespace: "content",
///     operation: "SELECT",
///     collection: "places",
///     server: None,
/// };
/// let span = call.begin();
/// match read().await {
///     Ok(()) => span.end(None),
///     Err(error) => span.end(Some(("std::io::Error", error.to_string()))),
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct DatabaseCall {
    /// `db.system.name`.
    pub system: &'static str,
    /// `db.namespace`.
    pub namespace: &'static str,
    /// `db.operation.name`.
    pub operation: &'static str,
    /// `db.collection.name`.
    pub collection: &'static str,
    /// Where the database is, unless it is a file of this process.
    pub server: Option<DatabaseServer>,
}

/// Where a database answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatabaseServer {
    /// `server.address`.
    pub address: &'static str,
    /// `server.port`; a socket of the machine has none.
    pub port: Option<u16>,
}

/// A client span that has begun, of the service whose subscriber is the default where it began.
/// Without one nothing is told.
#[derive(Debug)]
pub struct DatabaseSpan(Option<Running>);

#[derive(Debug)]
struct Running {
    maker: SpanMaker,
    span: Arc<FactSpan>,
    parent: Context,
    began: Instant,
}

impl DatabaseCall {
    /// Begins the span, within the one that is active here.
    pub fn begin(self) -> DatabaseSpan {
        let maker = dispatcher::get_default(|here| here.downcast_ref::<SpanMaker>().cloned());
        DatabaseSpan(maker.map(|maker| {
            let parent = Context::current();
            Running {
                span: maker.begin(&parent, Facts::Database(DatabaseFacts { call: self })),
                maker,
                parent,
                began: Instant::now(),
            }
        }))
    }
}

impl DatabaseSpan {
    /// Runs a function within the span.
    pub fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        let context = self.0.as_ref();
        let context = context.map(|running| FactSpan::within(&running.span, &running.parent));
        let _active = context.map(Context::attach);
        work()
    }

    /// Ends it; if the call failed, with `error.type` and what it says.
    pub fn end(mut self, failed: Option<(&'static str, String)>) {
        if let Some(running) = self.0.take() {
            running.emit(failed);
        }
    }
}

impl Drop for DatabaseSpan {
    /// A call that is given up half-way was made all the same.
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            running.emit(Some(("cancelled", String::new())));
        }
    }
}

impl Running {
    fn emit(self, failed: Option<(&'static str, String)>) {
        self.maker.emit(FactRecord {
            took: self.began.elapsed(),
            span: self.span,
            status: None,
            size: None,
            failed,
            logged: None,
            skew: 0,
        });
    }
}
