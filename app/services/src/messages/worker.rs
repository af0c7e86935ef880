mod attempt;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use watchfire_telemetry::Telemetry;

use crate::failure::Failure;
use crate::fault::Faults;
use crate::messages::backoff::Backoff;
use crate::messages::instruments::Instruments;
use crate::messages::lane::Lane;
use crate::messages::store::{Claims, Ending, Store, TakenAttempt};

/// Takes the due messages of one channel and sends them, many at once.
#[derive(Debug, Clone)]
pub(crate) struct Worker {
    pub(crate) lane: Arc<Lane>,
    pub(crate) store: Store,
    pub(crate) telemetry: Telemetry,
    pub(crate) instruments: Instruments,
    pub(crate) backoff: Backoff,
    pub(crate) most_attempts: i64,
    pub(crate) faults: Arc<Faults>,
}

/// How many messages of a channel may be under way.
const WINDOW: usize = 192;
/// How many are taken at once.
const BATCH: usize = 64;
/// The queue is looked at so often if nothing rings.
const IDLE: Duration = Duration::from_secs(30);
const AFTER_FAILURE: Duration = Duration::from_secs(1);

impl Worker {
    /// Sends until `stop`, then waits for what is under way.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let worker = Arc::new(self);
        let mut sending = JoinSet::new();
        while !stop.is_cancelled() {
            while sending.try_join_next().is_some() {}
            if sending.len() + BATCH > WINDOW {
                stop.run_until_cancelled(sending.join_next()).await;
                continue;
            }
            if let Some(wait) = worker.lane.wait() {
                stop.run_until_cancelled(tokio::time::sleep(wait)).await;
                continue;
            }
            let wait = match worker.receive().await {
                Ok(claims) if claims.claimed.is_empty() => worker.until_next(&claims),
                Ok(claims) => {
                    for claimed in claims.claimed {
                        let processing = Arc::clone(&worker).process(claimed, stop.clone());
                        sending.spawn(worker.telemetry.scope(processing));
                    }
                    continue;
                }
                Err(failure) => {
                    let channel = worker.lane.channel.as_str();
                    failure.report(format_args!("the queue of {channel} cannot be read"));
                    AFTER_FAILURE
                }
            };
            let rung = tokio::time::timeout(wait, worker.lane.bell.notified());
            stop.run_until_cancelled(rung).await;
        }
        while sending.join_next().await.is_some() {}
    }

    async fn receive(&self) -> Result<Claims, Failure> {
        let channel = self.lane.channel.as_str();
        let span = tracing::info_span!(
            parent: None,
            "receive",
            "otel.name" = format!("receive {channel}"),
            "otel.kind" = "client",
            "messaging.system" = "watchfire",
            "messaging.operation.name" = "receive",
            "messaging.operation.type" = "receive",
            "messaging.destination.name" = channel,
        );
        self.store
            .claim(self.lane.channel, BATCH)
            .instrument(span)
            .await
    }

    fn until_next(&self, claims: &Claims) -> Duration {
        let now = self.store.clock.now();
        claims
            .next_due
            .map_or(IDLE, |next| next.since(now))
            .min(IDLE)
    }

    /// Writes the outcome down, again until it is written: else the message would stay under way.
    async fn write_down(&self, attempt: TakenAttempt, stop: &CancellationToken) {
        while let Err(failure) = self.store.finish(attempt.clone()).await {
            let message = &attempt.message;
            failure.report(format_args!(
                "the outcome of message {message} is not written yet"
            ));
            if stop
                .run_until_cancelled(tokio::time::sleep(AFTER_FAILURE))
                .await
                .is_none()
            {
                return;
            }
        }
        if matches!(
            attempt.ending,
            Ending::Again { .. } | Ending::Released { .. }
        ) {
            self.lane.bell.notify_one();
        }
    }
}
