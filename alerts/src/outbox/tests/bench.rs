//! An outbox with its database, quick where the real one waits.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use prometheus_client::registry::Registry;
use sqlx::{SqliteConnection, SqlitePool};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::{Clock, SystemClock};

use crate::notification::{DeliveryFeedback, DeliveryOutcome, EventAction, NewNotification};
use crate::notify::{RetryPolicy, Timeouts, sample};
use crate::outbox::breaker::BreakerPolicy;
use crate::outbox::bucket::Rate;
use crate::outbox::meters::Meters;
use crate::outbox::{Outbox, Pace};
use crate::receivers::{GroupNotice, Receivers};
use crate::{Delivery, DeliveryState, DestinationConfig, Means};

pub(super) const KEY: &str = "0123456789abcdef0123456789ABCDEF";

/// Keeps what it is told.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Vec<DeliveryOutcome>>);

impl Told {
    pub(super) fn all(&self) -> Vec<DeliveryOutcome> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl DeliveryFeedback for Told {
    async fn delivery_attempted(
        &self,
        tx: &mut SqliteConnection,
        outcome: &DeliveryOutcome,
    ) -> Result<(), sqlx::Error> {
        // It is within a transaction: a second one cannot begin.
        assert!(sqlx::query("BEGIN").execute(tx).await.is_err());
        self.0.lock().unwrap().push(outcome.clone());
        Ok(())
    }
}

/// A database that outlives the outboxes that are opened over it.
#[derive(Debug)]
pub(super) struct Bench {
    pub pool: SqlitePool,
    pub told: Arc<Told>,
    pub pace: Pace,
    pub receivers: Receivers,
    _dir: TempDir,
}

#[derive(Debug)]
pub(super) struct Running {
    pub outbox: Arc<Outbox>,
    pub registry: Registry,
    cancel: CancellationToken,
    tasks: JoinSet<()>,
}

pub(super) fn pace() -> Pace {
    Pace {
        retry: RetryPolicy {
            base: Duration::from_millis(10),
            cap: Duration::from_millis(50),
            late_cap: Duration::from_millis(50),
            ..RetryPolicy::default()
        },
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(5),
        },
        breaker: BreakerPolicy {
            failures: 5,
            first_wait: Duration::from_millis(100),
            longest_wait: Duration::from_millis(200),
        },
        rate: Some(Rate {
            per_second: 1_000.0,
            burst: 1_000.0,
        }),
    }
}

pub(super) fn pagerduty(name: &str, key: &str, url: String) -> DestinationConfig {
    let means = Means::PagerDuty {
        routing_key: key.into(),
        url,
        changes: false,
    };
    DestinationConfig::new(name, means)
}

pub(super) fn slack(name: &str, url: String) -> DestinationConfig {
    DestinationConfig::new(name, Means::SlackWebhook { url: url.into() })
}

pub(super) fn webhook(name: &str, url: String) -> DestinationConfig {
    let means = Means::Webhook {
        url: url.into(),
        secrets: vec!["whsec_aHVzaGh1c2g=".into()],
    };
    DestinationConfig::new(name, means)
}

pub(super) fn message(destination: &str, incident: &str, action: EventAction) -> NewNotification {
    let sample = sample(action);
    NewNotification {
        incident_id: incident.to_owned(),
        destination: destination.to_owned(),
        dedup_key: format!("watchfire-{incident}"),
        not_before: SystemClock.now(),
        ..sample
    }
}

impl Bench {
    pub(super) async fn new() -> Self {
        crate::notify::install_test_tls();
        let dir = TempDir::new().expect("a directory");
        Self {
            pool: crate::migrations::database(dir.path()).await,
            told: Arc::default(),
            pace: pace(),
            receivers: Receivers::default(),
            _dir: dir,
        }
    }

    /// Opened, but nothing is sent.
    pub(super) async fn open(&self, destinations: Vec<DestinationConfig>) -> Arc<Outbox> {
        self.open_metered(destinations, &mut Registry::default())
            .await
    }

    async fn open_metered(
        &self,
        destinations: Vec<DestinationConfig>,
        registry: &mut Registry,
    ) -> Arc<Outbox> {
        Outbox::open_with(
            self.pool.clone(),
            (destinations, &self.receivers),
            self.told.clone(),
            Arc::new(SystemClock),
            (Meters::register(registry), self.pace.clone()),
        )
        .await
        .expect("it opens")
    }

    pub(super) async fn run(&self, destinations: Vec<DestinationConfig>) -> Running {
        let mut registry = Registry::default();
        let outbox = self.open_metered(destinations, &mut registry).await;
        let cancel = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&outbox).run(cancel.clone()));
        Running {
            outbox,
            registry,
            cancel,
            tasks,
        }
    }
}

impl Running {
    /// Stops as the process does in an orderly way.
    pub(super) async fn stop(mut self) {
        self.cancel.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("it does not panic");
        }
    }

    /// Stops as by `kill -9`: whatever is under way is forgotten.
    pub(super) async fn kill(mut self) {
        self.tasks.shutdown().await;
    }

    pub(super) fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("it encodes");
        text
    }

    /// Waits until nothing is queued, and gives all deliveries, the oldest first.
    pub(super) async fn settled(&self) -> Vec<Delivery> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let mut all = deliveries(&self.outbox).await;
            let open = all.iter().any(|row| row.state == DeliveryState::Queued);
            if !open {
                all.reverse();
                return all;
            }
            assert!(Instant::now() < deadline, "still queued: {all:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

pub(super) async fn deliveries(outbox: &Outbox) -> Vec<Delivery> {
    outbox.deliveries(None, 1_000).await.expect("it reads")
}

/// Waits until something is so. Fails if that takes half a minute.
pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so().await {
        assert!(Instant::now() < deadline, "still not: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(super) async fn put(outbox: &Outbox, rows: &[NewNotification]) {
    let mut tx = outbox
        .pool
        .begin_with("BEGIN IMMEDIATE")
        .await
        .expect("it begins");
    outbox.enqueue(&mut tx, rows).await.expect("it is taken");
    tx.commit().await.expect("it commits");
    outbox.wake();
}

pub(super) async fn put_group(outbox: &Outbox, notice: &GroupNotice) {
    let mut tx = outbox
        .pool
        .begin_with("BEGIN IMMEDIATE")
        .await
        .expect("it begins");
    outbox
        .enqueue_group(&mut tx, notice)
        .await
        .expect("it is taken");
    tx.commit().await.expect("it commits");
    outbox.wake();
}
