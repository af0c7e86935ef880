use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;
use watchfire_schemas::{Batch, ManualClock, Span, SystemClock};

use crate::fault::Faults;
use crate::launch::Export;
use crate::payments;
use crate::secret::Secrets;
use crate::server::LOOPBACK;
use crate::setup::{Setup, Started};
use crate::stage::Stage;
use crate::telemetry;

/// The payments service with its sandbox, in a folder of its own.
pub(super) struct Running {
    _folder: tempfile::TempDir,
    stage: Stage,
    started: Started,
    http: reqwest::Client,
    batches: mpsc::Receiver<Batch>,
    pub(super) clock: Arc<ManualClock>,
}

const PATIENCE: Duration = Duration::from_mins(1);

impl Running {
    pub(super) async fn start(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (sender, batches) = mpsc::channel(10_000);
        let stage = Stage::default();
        let clock = Arc::new(ManualClock::at(watchfire_schemas::Clock::now(&SystemClock)));
        let setup = Setup {
            data_dir: folder.path().to_owned(),
            listen: LOOPBACK,
            export: &Export::InProcess(sender),
            clock: Arc::clone(&clock) as Arc<dyn watchfire_schemas::Clock>,
            seed,
            faults: Arc::new(Faults::none(seed)),
            secrets: &Secrets::GivenOrDrawn,
            stage: &stage,
        };
        let started = payments::start(&setup).await.unwrap();
        let timeout = Duration::from_secs(30);
        let running = Self {
            _folder: folder,
            stage,
            started,
            http: crate::client::http(timeout, timeout).unwrap(),
            batches,
            clock,
        };
        for (id, currency) in [("ann", "EUR"), ("shop", "EUR"), ("store", "USD")] {
            let body = json!({ "type": "liability", "currency": currency, "name": id });
            let request = running.http.put(running.url(&format!("/v1/accounts/{id}")));
            let answer = request.json(&body).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::CREATED);
        }
        running
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.started.address)
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

    /// Stops the service; all spans that it told of.
    pub(super) async fn stop(mut self) -> Vec<Span> {
        self.stage.stop().await;
        telemetry::stop(self.started.telemetries).await;
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
