//! Where several gateways keep their answers together: a Redis, without which each still answers.

mod address;
mod line;
mod trouble;
mod value;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use redis::{Cmd, FromRedisValue};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Span;
use tracing::field::Empty;
use watchfire_schemas::Clock;
use watchfire_telemetry::Telemetry;

pub use self::address::{CacheUrl, NoCacheUrl};
use self::line::{Line, NoReply};
use self::trouble::Trouble;
use self::value::Now;
use super::entry::Entry;
use crate::fault::Faults;

/// Before the path and query of each key. The number is that of the values' form.
const PREFIX: &str = "watchfire:v1:";
/// A longer address is told by its digest.
const LONGEST_ADDRESS: usize = 512;
/// How long a reply may take. A store that is slower than the services is of no use.
const PATIENCE: Duration = Duration::from_millis(50);

/// What several gateways share. A call to it may fail in any way and at any time; none takes longer
/// than [`PATIENCE`], and without a connection none takes any time.
#[derive(Debug)]
pub(crate) struct Store {
    line: Line,
    url: CacheUrl,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    /// Answers are put there behind the back of who asked for them.
    tasks: TaskTracker,
    calls: Family<Labels, Counter>,
    /// Whether it refuses what is asked of it, because it is full for one.
    refusals: Trouble,
}

/// What the store has of an address.
#[derive(Debug)]
pub(crate) enum Held {
    /// They differ by what the request said.
    Answers(Vec<Entry>),
    /// It has no answer, or none any more.
    Nothing,
    /// It did not say.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    operation: &'static str,
    outcome: &'static str,
}

/// A call that has begun, in a client span within the request's trace.
#[derive(Debug)]
struct Call {
    operation: &'static str,
    command: Cmd,
    span: Span,
}

impl Store {
    pub(crate) fn new(
        url: CacheUrl,
        clock: Arc<dyn Clock>,
        faults: Arc<Faults>,
        telemetry: &Telemetry,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        Self::with_patience(url, (clock, faults), telemetry, tasks, PATIENCE)
    }

    fn with_patience(
        url: CacheUrl,
        (clock, faults): (Arc<dyn Clock>, Arc<Faults>),
        telemetry: &Telemetry,
        tasks: TaskTracker,
        patience: Duration,
    ) -> Arc<Self> {
        let (calls, up) = (Family::default(), Gauge::default());
        {
            let mut registry = telemetry.registry();
            registry.register(
                "gateway_shared_cache_calls",
                "Calls to the cache that gateways share, by operation and outcome",
                calls.clone(),
            );
            registry.register(
                "gateway_shared_cache_up",
                "Whether the cache that gateways share is in use: 1 yes, 0 no",
                up.clone(),
            );
        }
        Arc::new(Self {
            line: Line::new(url.clone(), faults, patience, up),
            url,
            clock,
            telemetry: telemetry.clone(),
            tasks,
            calls,
            refusals: Trouble::default(),
        })
    }

    /// Holds the connection to the store until `stop`.
    pub(crate) fn keep(self: Arc<Self>, stop: CancellationToken) -> impl Future<Output = ()> {
        let telemetry = self.telemetry.clone();
        telemetry.scope(async move { self.line.keep(stop).await })
    }

    pub(crate) fn is_up(&self) -> bool {
        self.line.is_up()
    }

    pub(crate) async fn get(&self, address: &str) -> Held {
        if !self.is_up() {
            self.count("GET", NoReply::Unavailable.as_str());
            return Held::Unknown;
        }
        let mut command = redis::cmd("GET");
        command.arg(key(address));
        let Ok(value) = self
            .call::<Option<Vec<u8>>>(self.begin(command, "GET"))
            .await
        else {
            return Held::Unknown;
        };
        let Some(value) = value else {
            self.count("GET", "miss");
            return Held::Nothing;
        };
        if let Some(entries) = value::decode(address, value, self.now()) {
            self.count("GET", "hit");
            Held::Answers(entries)
        } else {
            // It is written over by the next answer.
            self.count("GET", "malformed");
            Held::Nothing
        }
    }

    /// Puts the answers at an address there, in a task of its own; then says so by `done`. Without
    /// a connection, or if they are of no use to others, it does nothing.
    pub(crate) fn put<'a>(
        self: &Arc<Self>,
        address: &str,
        entries: impl IntoIterator<Item = &'a Entry>,
        done: impl FnOnce() + Send + 'static,
    ) {
        if !self.is_up() {
            return self.count("SET", NoReply::Unavailable.as_str());
        }
        let Some((value, lasts)) = value::encode(address, entries, self.now()) else {
            return self.count("SET", "unfit");
        };
        let milliseconds = (lasts.as_millis() as u64).max(1);
        let mut command = redis::cmd("SET");
        command
            .arg(key(address))
            .arg(&value[..])
            .arg("PX")
            .arg(milliseconds);
        let call = self.begin(command, "SET");
        let store = Arc::clone(self);
        let putting = async move {
            if store.call::<()>(call).await.is_ok() {
                store.count("SET", "stored");
                done();
            }
        };
        self.tasks.spawn(self.telemetry.scope(putting));
    }

    fn begin(&self, command: Cmd, operation: &'static str) -> Call {
        let url = &self.url;
        let span = tracing::info_span!(
            "redis",
            "otel.name" = format!("{operation} {url}"),
            "otel.kind" = "client",
            "otel.status_code" = Empty,
            "otel.status_description" = Empty,
            "error.type" = Empty,
            "db.system.name" = "redis",
            "db.namespace" = url.database().to_string(),
            "db.operation.name" = operation,
            "server.address" = url.host(),
            "server.port" = url.port(),
        );
        Call {
            operation,
            command,
            span,
        }
    }

    /// The reply. What goes wrong is counted and told here.
    async fn call<T: FromRedisValue>(&self, call: Call) -> Result<T, NoReply> {
        let Call {
            operation,
            command,
            span,
        } = call;
        let reply = self.line.call(&command).await;
        match &reply {
            Ok(_) => {
                if self.refusals.end(operation, Instant::now()) {
                    let url = &self.url;
                    tracing::info!("the shared cache at {url} takes {operation} again");
                }
            }
            Err(no_reply) => {
                span.record("otel.status_code", "ERROR");
                span.record("otel.status_description", no_reply.to_string());
                span.record("error.type", no_reply.as_str());
                self.count(operation, no_reply.as_str());
                if let NoReply::Refused(error) = no_reply
                    && self.refusals.begin(operation, Instant::now())
                {
                    let url = &self.url;
                    tracing::warn!(
                        "server.address" = url.host(),
                        "the shared cache at {url} refuses {operation}, the gateway goes on without: {error}"
                    );
                }
            }
        }
        reply
    }

    fn count(&self, operation: &'static str, outcome: &'static str) {
        let labels = Labels { operation, outcome };
        self.calls.get_or_create_owned(&labels).inc();
    }

    fn now(&self) -> Now {
        Now {
            here: Instant::now(),
            everywhere: self.clock.now(),
        }
    }
}

/// Readable while it is short, so that an operator can take out what begins with a path.
fn key(address: &str) -> String {
    if address.len() <= LONGEST_ADDRESS {
        return format!("{PREFIX}{address}");
    }
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(address));
    format!("{PREFIX}sha256:{digest}")
}

#[cfg(test)]
mod tests;
