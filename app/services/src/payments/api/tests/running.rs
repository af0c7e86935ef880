use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;
use watchfire_schemas::{Batch, ManualClock, Span, SystemClock};

use crate::database::{Database, Durability, PostgresUrl, Site, scratch};
use crate::fault::Faults;
use crate::payments::{MIGRATIONS, SERVICE};
use crate::server::LOOPBACK;
use crate::sql;
use crate::{Export, Launch, Secrets, ServiceName};

/// The payments service with its sandbox, in a folder of its own.
pub(super) struct Running {
    folder: tempfile::TempDir,
    /// Where its databases are, if they are no files.
    postgres: Option<PostgresUrl>,
    services: crate::Running,
    http: reqwest::Client,
    batches: mpsc::Receiver<Batch>,
    pub(super) clock: Arc<ManualClock>,
}

const PATIENCE: Duration = Duration::from_mins(1);

impl Running {
    pub(super) async fn start(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sender, batches) = mpsc::channel(10_000);
        let clock = Arc::new(ManualClock::at(watchfire_schemas::Clock::now(&SystemClock)));
        let postgres = scratch::database().await;
        let launch = Launch {
            services: vec![ServiceName::Payments],
            data_dir: folder.path().to_owned(),
            postgres: postgres.clone(),
            gateway: LOOPBACK,
            listen: BTreeMap::new(),
            upstreams: BTreeMap::new(),
            cache: None,
            export: Export::InProcess(sender),
            environment: None,
            secrets: Secrets::GivenOrDrawn,
            traffic: 0.0,
            seed,
            clock: Arc::clone(&clock) as Arc<dyn watchfire_schemas::Clock>,
            changes: None,
        };
        let services = crate::Running::launch(launch).await.unwrap();
        let timeout = Duration::from_secs(30);
        let running = Self {
            folder,
            postgres,
            services,
            http: crate::client::http(timeout, timeout).unwrap(),
            batches,
            clock,
        };
        for (id, currency) in [("ann", "EUR"), ("shop", "EUR"), ("store", "USD")] {
            let body = json!({ "type": "liability", "currency": currency, "name": id });
            let (status, _) = running.put(&format!("/v1/accounts/{id}"), &body).await;
            assert_eq!(status, StatusCode::CREATED);
        }
        running
    }

    fn url(&self, path: &str) -> String {
        let address = self.services.address(SERVICE).unwrap();
        format!("http://{address}{path}")
    }

    /// Posts a body under a key. The third is the trace that the request was sent in.
    pub(super) async fn send(
        &self,
        path: &str,
        key: &str,
        body: &Value,
    ) -> (StatusCode, Value, String) {
        let trace = format!("{:032x}", rand::random::<u128>() | 1);
        let request = self.http.post(self.url(path)).json(body);
        let request = request.header("idempotency-key", key);
        let request = request.header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
        let answer = request.send().await.unwrap();
        (answer.status(), answer.json().await.unwrap(), trace)
    }

    pub(super) async fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let answer = self.http.put(self.url(path)).json(body).send().await;
        let answer = answer.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// Makes a dead letter of an event for a subscriber.
    pub(super) async fn bury(&self, subscriber: &str, event: i64, payment: &str) {
        let folder = Site::Folder(self.folder.path());
        let site = self.postgres.as_ref().map_or(folder, Site::Server);
        let faults = Arc::new(Faults::none(1));
        let opened = Database::open(site, "payments", &MIGRATIONS, Durability::Power, faults);
        let mut connection = opened.await.unwrap().writer().await.unwrap();
        sql::query(
            "INSERT INTO outbox (consumer, subscriber, event, payment, state, attempts, due_at) \
             VALUES ('webhook', ?, ?, ?, 'dead', 14, 0)",
        )
        .bind(subscriber)
        .bind(event)
        .bind(payment)
        .execute(&mut connection)
        .await
        .unwrap();
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        let answer = self.http.get(self.url(path)).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    /// Waits until `is_so`. The clock goes on meanwhile, so that retries become due.
    pub(super) async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let begun = Instant::now();
        while !is_so().await {
            assert!(begun.elapsed() < PATIENCE, "{what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
            self.clock.advance(Duration::from_millis(20));
        }
    }

    pub(super) fn faults(&self) -> crate::FaultSwitch {
        self.services.faults()
    }

    /// Stops the service; all spans that it told of.
    pub(super) async fn stop(mut self) -> Vec<Span> {
        self.services.stop().await;
        let mut spans = Vec::new();
        while let Ok(batch) = self.batches.try_recv() {
            if let Batch::Spans(told) = batch {
                spans.extend(told);
            }
        }
        spans
    }
}

/// The payment once it is in one of these states.
pub(super) async fn settled(running: &Running, id: &str, states: &[&str]) -> Value {
    let path = format!("/v1/payments/{id}");
    running
        .until(&format!("{id} becomes one of {states:?}"), async || {
            let (_, payment) = running.get(&path).await;
            states.contains(&payment["state"].as_str().unwrap())
        })
        .await;
    running.get(&path).await.1
}
