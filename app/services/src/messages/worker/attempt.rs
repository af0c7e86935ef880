use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use watchfire_schemas::Timestamp;

use super::Worker;
use crate::failure::{Failure, Kind, frame};
use crate::messages::health::Change;
use crate::messages::provider::{Parcel, Provider, REJECTED, Refusal};
use crate::messages::store::{Claimed, Ending, TakenAttempt};
use crate::messages::wording::Wording;

/// Why a message could not even be handed to a provider.
#[derive(Debug, thiserror::Error)]
enum PoisonError {
    #[error("the stored content of message {message} cannot be read")]
    Unreadable {
        message: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the processing of message {message} broke off")]
    Panicked { message: String },
}

impl Kind for PoisonError {
    fn kind(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "PoisonError::Unreadable",
            Self::Panicked { .. } => "PoisonError::Panicked",
        }
    }
}

/// A message that cannot be processed is tried so often before it is set aside: the fault may be ours
/// and be over by then.
const MOST_POISONED: i64 = 3;
/// It is set aside after this outcome.
const POISON: &str = "poison";
const EXPIRED: &str = "expired";

/// What came of the call of a provider, or of the attempt to make one.
struct Told {
    provider: Option<&'static str>,
    took: Duration,
    outcome: &'static str,
    detail: Option<String>,
    ending: Ending,
}

impl Worker {
    /// One attempt, from the claim to the record of its outcome.
    pub(super) async fn process(self: Arc<Self>, claimed: Claimed, stop: CancellationToken) {
        let span = self.span(&claimed);
        let processing = async {
            let begun_at = self.store.clock.now();
            let attempt = AssertUnwindSafe(self.attempt(&claimed, begun_at)).catch_unwind();
            let told = attempt.await.unwrap_or_else(|_| {
                let message = claimed.id.clone();
                let failure =
                    Failure::new(PoisonError::Panicked { message }, frame!("Worker::process"));
                self.poisoned(&claimed, &failure)
            });
            self.tell(&claimed, &told);
            let attempt = TakenAttempt {
                message: claimed.id,
                number: claimed.attempt,
                provider: told.provider,
                begun_at,
                took: told.took,
                outcome: told.outcome,
                detail: told.detail,
                ending: told.ending,
            };
            self.write_down(attempt, &stop).await;
        };
        processing.instrument(span).await;
    }

    async fn attempt(&self, claimed: &Claimed, now: Timestamp) -> Told {
        if claimed.attempt == 1 {
            self.instruments
                .waited(self.lane.channel, now.since(claimed.due_at));
        }
        if now >= claimed.expires_at {
            return Told::without_call(EXPIRED, "its time was over", Ending::Expired);
        }
        let wording = match self.wording(claimed) {
            Ok(wording) => wording,
            Err(failure) => return self.poisoned(claimed, &failure),
        };
        let Some(provider) = self.lane.choose(claimed) else {
            let due_at = now + self.lane.wait().unwrap_or(Duration::from_millis(100));
            return Told::without_call(
                "released",
                "no provider could be asked",
                Ending::Released { due_at },
            );
        };
        if !self.lane.prefers(provider, claimed)
            && let Err(failure) = self.store.bind(&claimed.id, provider.name).await
        {
            let message = &claimed.id;
            failure.report(format_args!(
                "who is asked to send message {message} is not written down"
            ));
        }
        let parcel = Parcel {
            id: &claimed.id,
            to: &claimed.recipient,
            wording: &wording,
        };
        let (outcome, took, change) = provider.send(&parcel).await;
        self.instruments.called(provider.name, took);
        self.tell_change(provider, change);
        let (outcome, detail, ending) = match outcome {
            Ok(provider_message) => ("sent", None, Ending::Sent { provider_message }),
            Err(refusal) => {
                let ending = self.after(claimed, provider, &refusal);
                (refusal.as_str(), Some(refusal.detail()), ending)
            }
        };
        Told {
            provider: Some(provider.name),
            took,
            outcome,
            detail,
            ending,
        }
    }

    /// What was stored to be sent. The poison of the switchboard is a content that breaks off.
    fn wording(&self, claimed: &Claimed) -> Result<Wording, Failure> {
        let mut content = claimed.content.as_str();
        if self.faults.poisons(&claimed.id) {
            content = &content[..content.floor_char_boundary(content.len() / 2)];
        }
        serde_json::from_str(content).map_err(|source| {
            let message = claimed.id.clone();
            let error = PoisonError::Unreadable { message, source };
            Failure::new(error, frame!("Worker::wording"))
        })
    }

    /// What follows on a refusal: another provider at once, a wait, or the end.
    fn after(&self, claimed: &Claimed, provider: &Provider, refusal: &Refusal) -> Ending {
        if matches!(refusal, Refusal::Rejected(_)) || claimed.attempt >= self.most_attempts {
            return Ending::Failed;
        }
        let now = self.store.clock.now();
        let name = Some(provider.name.to_owned());
        let may_be_taken = matches!(refusal, Refusal::Unclear(_));
        // Two refusals in a row are waited for, whoever they came from.
        if !may_be_taken && claimed.avoided.is_none() && self.lane.has_other(provider.name) {
            return Ending::Again {
                due_at: now,
                bound_to: None,
                avoided: name,
            };
        }
        let jitter = self.backoff.wait(claimed.attempt, &mut rand::rng());
        let wait = match refusal {
            Refusal::Throttled(Some(asked)) => *asked + jitter,
            _ => jitter,
        };
        let due_at = now + wait;
        if due_at >= claimed.expires_at {
            return Ending::Expired;
        }
        Ending::Again {
            due_at,
            bound_to: name.filter(|_| may_be_taken),
            avoided: None,
        }
    }

    /// Sets a message aside whose processing always fails, so that it holds nobody up.
    fn poisoned(&self, claimed: &Claimed, failure: &Failure) -> Told {
        let message = &claimed.id;
        failure.report(format_args!("message {message} could not be processed"));
        let ending = if claimed.attempt >= MOST_POISONED {
            Ending::Failed
        } else {
            let wait = self.backoff.wait(claimed.attempt, &mut rand::rng());
            Ending::Again {
                due_at: self.store.clock.now() + wait,
                bound_to: None,
                avoided: None,
            }
        };
        Told::without_call(POISON, &failure.message(), ending)
    }

    fn span(&self, claimed: &Claimed) -> Span {
        let channel = self.lane.channel.as_str();
        let span = || {
            tracing::info_span!(
                parent: None,
                "process",
                "otel.name" = format!("process {channel}"),
                "otel.kind" = "consumer",
                "otel.status_code" = Empty,
                "error.type" = Empty,
                "messaging.system" = "watchfire",
                "messaging.operation.name" = "process",
                "messaging.operation.type" = "process",
                "messaging.destination.name" = channel,
                "messaging.message.id" = claimed.id,
                "message.attempt" = claimed.attempt,
                "message.provider" = Empty,
            )
        };
        let parent = claimed.traceparent.as_deref().map(HeaderValue::from_str);
        let Some(Ok(parent)) = parent else {
            return span();
        };
        let headers = HeaderMap::from_iter([(HeaderName::from_static("traceparent"), parent)]);
        if claimed.in_batch {
            // One of many: a trace of its own, that can be found from the request's and back.
            let span = span();
            self.telemetry.link(&headers, &span);
            return span;
        }
        self.telemetry.follow(&headers, span)
    }

    fn tell(&self, claimed: &Claimed, told: &Told) {
        let (channel, id, attempt) = (self.lane.channel, &claimed.id, claimed.attempt);
        if matches!(told.ending, Ending::Released { .. }) {
            return;
        }
        self.instruments
            .attempted(channel, told.provider, told.outcome);
        let provider = told.provider.unwrap_or("none");
        let span = Span::current();
        span.record("message.provider", provider);
        let (channel, outcome) = (channel.as_str(), told.outcome);
        let detail = told.detail.as_deref().unwrap_or_default();
        if matches!(told.ending, Ending::Sent { .. }) {
            return;
        }
        span.record("otel.status_code", "ERROR");
        span.record("error.type", outcome);
        if let Ending::Again { due_at, .. } = &told.ending {
            tracing::warn!(
                "message.id" = id, "message.channel" = channel, "message.provider" = provider,
                "message.attempt" = attempt, "message.due_at" = %due_at, "message.outcome" = outcome,
                "message {id} was not sent by {provider} ({outcome}: {detail}), it is tried again"
            );
        } else if matches!(outcome, REJECTED | EXPIRED) {
            tracing::warn!(
                "message.id" = id,
                "message.channel" = channel,
                "message.provider" = provider,
                "message.attempt" = attempt,
                "message.outcome" = outcome,
                "message {id} is given up ({outcome}: {detail})"
            );
        } else {
            tracing::error!(
                "message.id" = id,
                "message.channel" = channel,
                "message.provider" = provider,
                "message.attempt" = attempt,
                "message.outcome" = outcome,
                "message {id} is set aside after {attempt} attempts ({outcome}: {detail})"
            );
        }
    }

    fn tell_change(&self, provider: &Provider, change: Option<Change>) {
        let name = provider.name;
        match change {
            Some(Change::Opened(wait)) => {
                let seconds = wait.as_secs();
                self.instruments.breaker(name, true);
                tracing::error!(
                    "message.provider" = name,
                    "provider {name} fails too often, it is not asked for {seconds} s"
                );
            }
            Some(Change::Closed) => {
                self.instruments.breaker(name, false);
                tracing::info!(
                    "message.provider" = name,
                    "provider {name} takes messages again"
                );
            }
            None => {}
        }
    }
}

impl Told {
    fn without_call(outcome: &'static str, detail: &str, ending: Ending) -> Self {
        Self {
            provider: None,
            took: Duration::ZERO,
            outcome,
            detail: Some(detail.to_owned()),
            ending,
        }
    }
}
