use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::wire::ToldAlert;
use crate::{OpenError, Secret};

/// How many alerts wait for one Alertmanager at most; beyond, the oldest are dropped.
const ROOM: usize = 10_000;
/// How many go in one request.
const TOGETHER: usize = 256;
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long after an attempt that failed the next one comes.
const PAUSE: Duration = Duration::from_secs(5);

type ByPeer = [(&'static str, String); 1];
type ByReason = [(&'static str, String); 2];

/// What we say of ourselves.
#[derive(Debug, Clone, Default)]
pub(super) struct Meters {
    sent: Family<ByPeer, Counter>,
    failures: Family<ByPeer, Counter>,
    dropped: Family<ByReason, Counter>,
}

impl Meters {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let meters = Self::default();
        registry.register(
            "watchfire_alertmanager_alerts_sent",
            "Alerts that an external Alertmanager has taken",
            meters.sent.clone(),
        );
        registry.register(
            "watchfire_alertmanager_failures",
            "Requests to an external Alertmanager that failed",
            meters.failures.clone(),
        );
        registry.register(
            "watchfire_alertmanager_alerts_dropped",
            "Alerts that an external Alertmanager was not told of, by reason",
            meters.dropped.clone(),
        );
        meters
    }
}

/// An external Alertmanager.
#[derive(Debug)]
pub(super) struct Peer {
    url: Secret,
    /// Host and port: the address without what may be secret.
    name: String,
    http: reqwest::Client,
    /// What waits to be told, oldest first. Never held across an await.
    waiting: Mutex<VecDeque<ToldAlert>>,
    more: Notify,
    meters: Meters,
}

/// Why an attempt failed, without the address.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failure {
    /// The request itself is wrong: it would be again.
    Refused(u16),
    Later(String),
}

impl Peer {
    pub(super) fn new(url: &Secret, meters: &Meters) -> Result<Self, OpenError> {
        let parsed = reqwest::Url::parse(url.expose()).ok();
        let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https"));
        let wrong = |reason: &str| OpenError::Destination {
            name: "alertmanager".to_owned(),
            reason: reason.to_owned(),
        };
        let mut parsed = parsed.ok_or_else(|| wrong("its address is no URL of http or https"))?;
        let host = parsed.host_str().unwrap_or_default();
        let name = match parsed.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let path = parsed.path().trim_end_matches('/').to_owned();
        if !path.ends_with("/api/v2/alerts") {
            parsed.set_path(&format!("{path}/api/v2/alerts"));
        }
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("watchfire/", env!("CARGO_PKG_VERSION")))
            .build();
        for family in [&meters.sent, &meters.failures] {
            drop(family.get_or_create_owned(&[("alertmanager", name.clone())]));
        }
        Ok(Self {
            url: String::from(parsed).into(),
            name,
            http: http.map_err(|_| wrong("no HTTP client can be made"))?,
            waiting: Mutex::default(),
            more: Notify::new(),
            meters: meters.clone(),
        })
    }

    pub(super) fn queue(&self, alerts: &[ToldAlert]) {
        let mut waiting = self.waiting();
        waiting.extend(alerts.iter().cloned());
        let over = waiting.len().saturating_sub(ROOM);
        waiting.drain(..over);
        drop(waiting);
        self.dropped("queue_full", over);
        self.more.notify_one();
    }

    pub(super) async fn run(self: Arc<Self>, cancel: CancellationToken) {
        loop {
            let batch: Vec<ToldAlert> = {
                let mut waiting = self.waiting();
                let count = waiting.len().min(TOGETHER);
                waiting.drain(..count).collect()
            };
            if batch.is_empty() {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = self.more.notified() => {}
                }
                continue;
            }
            let sent = tokio::select! {
                () = cancel.cancelled() => return,
                sent = self.send(&batch) => sent,
            };
            let Err(failure) = sent else {
                let sent = self.meters.sent.get_or_create_owned(&self.label());
                sent.inc_by(batch.len() as u64);
                continue;
            };
            self.failed(&failure, batch);
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// What is refused for good is dropped, anything else waits before what came since.
    fn failed(&self, failure: &Failure, batch: Vec<ToldAlert>) {
        self.meters
            .failures
            .get_or_create_owned(&self.label())
            .inc();
        let name = &self.name;
        match failure {
            Failure::Refused(status) => {
                self.dropped("refused", batch.len());
                tracing::error!(alertmanager = %name, status, "{name} refuses our alerts with {status}");
            }
            Failure::Later(reason) => {
                let mut waiting = self.waiting();
                for alert in batch.into_iter().rev() {
                    waiting.push_front(alert);
                }
                tracing::warn!(alertmanager = %name, %reason, "{name} was not told of alerts, it is tried again");
            }
        }
    }

    async fn send(&self, batch: &[ToldAlert]) -> Result<(), Failure> {
        let request = self.http.post(self.url.expose()).json(batch);
        let answer = request.send().await.map_err(|error| {
            let reason = if error.is_timeout() {
                "no answer in time"
            } else if error.is_connect() {
                "no connection"
            } else {
                "the connection broke"
            };
            Failure::Later(reason.to_owned())
        })?;
        let status = answer.status();
        match status.as_u16() {
            200..=299 => Ok(()),
            408 | 429 | 500..=599 => Err(Failure::Later(format!("it answered {status}"))),
            other => Err(Failure::Refused(other)),
        }
    }

    fn dropped(&self, reason: &str, count: usize) {
        let labels = [
            ("alertmanager", self.name.clone()),
            ("reason", reason.to_owned()),
        ];
        let dropped = self.meters.dropped.get_or_create_owned(&labels);
        dropped.inc_by(count as u64);
    }

    fn label(&self) -> ByPeer {
        [("alertmanager", self.name.clone())]
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<ToldAlert>> {
        // Every change of the queue is one call, so a panic elsewhere leaves it whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
