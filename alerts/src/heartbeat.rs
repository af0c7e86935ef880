//! A sign of life to an address outside, which tells people when it stays out: a watcher that died
//! cannot say so itself. It is sent only while rules are really evaluated and their outcome is kept.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Timestamp;

use crate::{Alerts, OpenError, Secret};

/// How often.
const EVERY: Duration = Duration::from_mins(1);
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is looked whether evaluation works, for the first sign of life.
const LOOK: Duration = Duration::from_secs(1);
/// How many intervals a group may be late before evaluation does not count as working.
const LATE: u32 = 3;
/// A group is never late before this.
const LEAST_LATE: Duration = Duration::from_mins(1);

type ByOutcome = [(&'static str, &'static str); 1];

/// Where the sign goes, if anywhere.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    to: Option<(Secret, reqwest::Client)>,
    sent: Family<ByOutcome, Counter>,
    last_success: Gauge<f64, AtomicU64>,
}

impl Heartbeat {
    pub(crate) fn open(url: Option<&Secret>, registry: &mut Registry) -> Result<Self, OpenError> {
        let wrong = |reason: &str| OpenError::Destination {
            name: "heartbeat".to_owned(),
            reason: reason.to_owned(),
        };
        let to = url.map(|url| {
            let parsed = reqwest::Url::parse(url.expose()).ok();
            if !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https")) {
                return Err(wrong("its address is no URL of http or https"));
            }
            let http = reqwest::Client::builder()
                .timeout(TIMEOUT)
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(concat!("watchfire/", env!("CARGO_PKG_VERSION")))
                .build();
            let http = http.map_err(|_| wrong("no HTTP client can be made"))?;
            Ok((url.clone(), http))
        });
        let heartbeat = Self {
            to: to.transpose()?,
            sent: Family::default(),
            last_success: Gauge::default(),
        };
        if heartbeat.to.is_some() {
            heartbeat.register(registry);
        }
        Ok(heartbeat)
    }

    fn register(&self, registry: &mut Registry) {
        for outcome in ["delivered", "failed", "withheld"] {
            drop(self.sent.get_or_create_owned(&[("outcome", outcome)]));
        }
        registry.register(
            "watchfire_heartbeats",
            "Signs of life to the address outside, by what became of them; withheld while evaluation does not work",
            self.sent.clone(),
        );
        registry.register(
            "watchfire_heartbeat_last_success_timestamp_seconds",
            "When the address outside last took a sign of life",
            self.last_success.clone(),
        );
    }

    fn count(&self, outcome: &'static str) {
        self.sent.get_or_create_owned(&[("outcome", outcome)]).inc();
    }
}

impl Alerts {
    /// Sends signs of life until cancelled; returns only then.
    pub(crate) async fn run_heartbeat(&self, cancel: CancellationToken) {
        // The first sign comes as soon as there is one to give.
        for _ in 0..EVERY.as_secs() {
            if self.does_not_evaluate(self.clock.now()).is_none() {
                break;
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = ticks.tick(), if self.heartbeat.to.is_some() => {}
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = self.beat() => {}
            }
        }
    }

    async fn beat(&self) {
        let Some((url, http)) = &self.heartbeat.to else {
            return;
        };
        if let Some(reason) = self.does_not_evaluate(self.clock.now()) {
            self.heartbeat.count("withheld");
            tracing::warn!(%reason, "no heartbeat is sent: {reason}");
            return;
        }
        let answer = http.post(url.expose()).body("").send().await;
        let failure = match answer {
            Ok(answer) if answer.status().is_success() => {
                self.heartbeat.count("delivered");
                let now = self.clock.now().as_secs_f64();
                self.heartbeat.last_success.set(now);
                return;
            }
            Ok(answer) => format!("it answered {}", answer.status()),
            Err(error) if error.is_timeout() => "no answer in time".to_owned(),
            Err(_) => "no connection".to_owned(),
        };
        self.heartbeat.count("failed");
        tracing::warn!(reason = %failure, "the heartbeat was not taken: {failure}");
    }

    /// Why rules do not count as evaluated; none if they are. A group that has not been due since the start
    /// is not late yet.
    pub(crate) fn does_not_evaluate(&self, now: Timestamp) -> Option<String> {
        let groups = self.groups();
        if groups.is_empty() {
            return Some("no rule is loaded".to_owned());
        }
        let board = self.board();
        if groups
            .iter()
            .all(|group| board.group(group).kept_at.is_none())
        {
            return Some("no rule has been evaluated yet".to_owned());
        }
        for group in groups.iter() {
            let patience = (self.interval_of(group) * LATE).max(LEAST_LATE);
            let kept = board.group(group).kept_at.unwrap_or(self.opened_at);
            if kept + patience < now {
                return Some(format!("the group {} is late", group.rules.name));
            }
        }
        None
    }
}
