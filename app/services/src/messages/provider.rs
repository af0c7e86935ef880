mod http_wire;
mod smtp_wire;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::messages::channel::Channel;
use crate::messages::health::{Change, Health};
use crate::messages::settings::ProviderSettings;
use crate::messages::wording::Wording;

pub(crate) use http_wire::{HttpWire, IDEMPOTENCY_KEY};
pub(crate) use smtp_wire::{DOMAIN, SmtpWire};

/// One outside party that takes messages of one channel.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) channel: Channel,
    wire: Wire,
    limiter: DefaultDirectRateLimiter,
    /// Bounds the calls that are under way.
    calls: Semaphore,
    /// Asked before and told after each call; held for no longer than that.
    health: Mutex<Health>,
}

#[derive(Debug)]
pub(crate) enum Wire {
    Http(HttpWire),
    Smtp(SmtpWire),
}

/// A message as a provider gets it.
#[derive(Debug)]
pub(crate) struct Parcel<'a> {
    /// Our id: by it a repetition is known, and a receipt found.
    pub(crate) id: &'a str,
    pub(crate) to: &'a str,
    pub(crate) wording: &'a Wording,
}

/// Why a provider did not take a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Too many at once; when to come again, if it said so.
    Throttled(Option<Duration>),
    /// It did not take it, and may take it another time.
    Unavailable(String),
    /// It may have taken it: only the same provider can tell a repetition.
    Unclear(String),
    /// It will never take this one.
    Rejected(String),
}

/// How a provider does, as the API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct ProviderState {
    name: &'static str,
    breaker: &'static str,
    in_flight: usize,
    /// How long it is not asked.
    rests_seconds: f64,
}

/// What is refused for good.
pub(crate) const REJECTED: &str = "rejected";
/// How many calls of one provider may be under way.
const CALLS: usize = 64;

impl Refusal {
    /// A closed set, for labels and the record of the attempt.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Throttled(_) => "throttled",
            Self::Unavailable(_) => "unavailable",
            Self::Unclear(_) => "unclear",
            Self::Rejected(_) => REJECTED,
        }
    }

    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Throttled(Some(wait)) => format!("asked to wait {} s", wait.as_secs_f64()),
            Self::Throttled(None) => "asked to wait".to_owned(),
            Self::Unavailable(detail) | Self::Unclear(detail) | Self::Rejected(detail) => {
                detail.clone()
            }
        }
    }
}

impl Provider {
    pub(crate) fn new(settings: &ProviderSettings, wire: Wire) -> Self {
        Self {
            name: settings.name,
            channel: settings.channel,
            wire,
            limiter: RateLimiter::direct(Quota::per_second(settings.rate)),
            calls: Semaphore::new(CALLS),
            health: Mutex::default(),
        }
    }

    /// Whether it may be asked now; who is told yes calls [`Self::send`].
    pub(crate) fn admit(&self) -> bool {
        self.health().admit(Instant::now())
    }

    /// How long it is not to be asked.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.health().wait(Instant::now())
    }

    /// Hands a message over, within the provider's rate and number of calls. How long the call took,
    /// and what changed by it in the provider's health.
    pub(crate) async fn send(
        &self,
        parcel: &Parcel<'_>,
    ) -> (Result<Option<String>, Refusal>, Duration, Option<Change>) {
        self.limiter.until_ready().await;
        let permit = self.calls.acquire().await;
        let begun = Instant::now();
        let outcome = match &self.wire {
            Wire::Http(wire) => wire.send(self.channel, parcel).await,
            Wire::Smtp(wire) => wire.send(parcel).await,
        };
        drop(permit);
        let now = Instant::now();
        let mut health = self.health();
        if let Err(Refusal::Throttled(wait)) = &outcome {
            health.rest(now + wait.unwrap_or(Duration::from_secs(1)));
        }
        let failed = matches!(outcome, Err(Refusal::Unavailable(_) | Refusal::Unclear(_)));
        let change = health.record(failed, now);
        drop(health);
        (outcome, now - begun, change)
    }

    pub(crate) fn state(&self) -> ProviderState {
        let health = self.health();
        ProviderState {
            name: self.name,
            breaker: health.state(),
            in_flight: CALLS - self.calls.available_permits(),
            rests_seconds: health
                .wait(Instant::now())
                .unwrap_or_default()
                .as_secs_f64(),
        }
    }

    fn health(&self) -> std::sync::MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
