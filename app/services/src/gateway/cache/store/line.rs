use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use rand::Rng;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, RedisError};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::address::CacheUrl;
use crate::fault::{FaultKind, Faults};

/// How long a connection may take to come about. No request waits for it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// So many calls in a row without a reply in time, and the connection is given up.
const MOST_UNANSWERED: u32 = 5;
/// The pauses between attempts to connect double from the first to the longest. How long each is
/// within its upper half is left to chance, so that gateways do not come all at once.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// After a connection that lasted so long, pauses begin anew.
const STEADY: Duration = Duration::from_secs(10);

/// The one connection to the store, which all calls share.
///
/// Calls never wait for a connection: without one they fail at once. A task of its own brings it
/// about, so that a store that is down is asked by nobody else and seldom.
pub(super) struct Line {
    url: CacheUrl,
    faults: Arc<Faults>,
    /// How long a reply may take.
    patience: Duration,
    /// Read by every call, written when a connection comes and goes.
    open: RwLock<Option<Open>>,
    gone: Notify,
    /// 1 while there is a connection.
    up: Gauge,
}

#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    /// A call over an earlier connection does not end a later one.
    number: u64,
    /// Calls in a row without a reply in time.
    unanswered: Arc<AtomicU32>,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoReply {
    #[error("there is no connection")]
    Unavailable,
    #[error("no reply in time")]
    TimedOut,
    #[error("the connection broke off: {0}")]
    Broken(String),
    /// The store is there and will not: it is full, loads its data, or lacks a permission.
    #[error("{0}")]
    Refused(RedisError),
}

impl NoReply {
    /// A label's value.
    pub(super) fn as_str(&self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timeout",
            Self::Broken(_) => "error",
            Self::Refused(_) => "refused",
        }
    }
}

impl Line {
    pub(super) fn new(url: CacheUrl, faults: Arc<Faults>, patience: Duration, up: Gauge) -> Self {
        // TLS takes the process' provider. It fails if there is one already, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        up.set(0);
        Self {
            url,
            faults,
            patience,
            open: RwLock::default(),
            gone: Notify::new(),
            up,
        }
    }

    pub(super) fn is_up(&self) -> bool {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.is_some()
    }

    pub(super) async fn call<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, NoReply> {
        let Some(mut open) = self.open() else {
            return Err(NoReply::Unavailable);
        };
        if self.faults.hits(FaultKind::DependencyDown) {
            return Err(self.broken(&open, DOWN.to_owned()));
        }
        let replying = command.query_async(&mut open.connection);
        match tokio::time::timeout(self.patience, replying).await {
            Ok(Ok(reply)) => {
                open.unanswered.store(0, Ordering::Relaxed);
                Ok(reply)
            }
            Ok(Err(error)) if error.is_unrecoverable_error() => {
                Err(self.broken(&open, error.to_string()))
            }
            Ok(Err(error)) => Err(NoReply::Refused(error)),
            Err(_) => {
                let unanswered = open.unanswered.fetch_add(1, Ordering::Relaxed) + 1;
                if unanswered >= MOST_UNANSWERED {
                    let why = format!("{unanswered} calls in a row had no reply in time");
                    self.give_up(open.number, &why);
                }
                Err(NoReply::TimedOut)
            }
        }
    }

    /// Connects, and again when the connection is gone, until `stop`.
    pub(super) async fn keep(&self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep_forever() => {}
        }
    }

    async fn keep_forever(&self) {
        let (mut pause, mut down_since) = (FIRST_PAUSE, None);
        for number in 1.. {
            match self.connect().await {
                Ok(connection) => {
                    self.begin(connection, number, down_since);
                    let begun = Instant::now();
                    self.gone.notified().await;
                    down_since = Some(Instant::now());
                    if begun.elapsed() >= STEADY {
                        pause = FIRST_PAUSE;
                    }
                }
                Err(why) if down_since.is_none() => {
                    down_since = Some(Instant::now());
                    self.tell_down(&why);
                }
                Err(_) => {}
            }
            let within = rand::rng().random_range(0.5..1.0);
            tokio::time::sleep(pause.mul_f64(within)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// A connection over which the store has replied.
    async fn connect(&self) -> Result<MultiplexedConnection, String> {
        if self.faults.hits(FaultKind::DependencyDown) {
            return Err(DOWN.to_owned());
        }
        let client = self.url.client();
        // Both times are ours to watch over.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None)
            .set_response_timeout(None);
        let connecting = client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = in_time(CONNECT_TIMEOUT, connecting).await?;
        // One that is too slow for calls is not begun with.
        let ping = redis::cmd("PING");
        let replying = ping.exec_async(&mut connection);
        in_time(self.patience, replying).await?;
        Ok(connection)
    }

    fn begin(&self, connection: MultiplexedConnection, number: u64, down_since: Option<Instant>) {
        let open = Open {
            connection,
            number,
            unanswered: Arc::default(),
        };
        *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(open);
        self.up.set(1);
        let url = &self.url;
        let after = down_since.map(|since| since.elapsed().as_secs_f64());
        let after = after.map(|seconds| format!(" again after {seconds:.1} s"));
        tracing::info!(
            "server.address" = url.host(),
            "the shared cache at {url} is in use{}",
            after.unwrap_or_default()
        );
    }

    fn broken(&self, open: &Open, why: String) -> NoReply {
        self.give_up(open.number, &why);
        NoReply::Broken(why)
    }

    fn give_up(&self, number: u64, why: &str) {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.as_ref().is_none_or(|open| open.number != number) {
            return;
        }
        *open = None;
        drop(open);
        self.up.set(0);
        self.tell_down(why);
        self.gone.notify_one();
    }

    fn tell_down(&self, why: &str) {
        let url = &self.url;
        tracing::warn!(
            "server.address" = url.host(),
            "the shared cache at {url} is out of use, the gateway goes on without it: {why}"
        );
    }

    fn open(&self) -> Option<Open> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.clone()
    }
}

/// What a fault of the switchboard looks like.
const DOWN: &str = "connection refused";

async fn in_time<T>(
    time: Duration,
    replying: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, String> {
    match tokio::time::timeout(time, replying).await {
        Ok(reply) => reply.map_err(|error| error.to_string()),
        Err(_) => Err("no reply in time".to_owned()),
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the line to {:?}", self.url)
    }
}
