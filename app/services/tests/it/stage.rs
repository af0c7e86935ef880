use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use watchfire_schemas::{Batch, ChangeEvent, LogRecord, Span, SpanKind, SystemClock};
use watchfire_services::{DEMO, Export, Launch, Running, Secrets, ServiceName};

/// Running services, and all that they have emitted.
pub(crate) struct Stage {
    pub(crate) running: Running,
    pub(crate) changes: mpsc::Receiver<ChangeEvent>,
    batches: mpsc::Receiver<Batch>,
    http: reqwest::Client,
    dir: Arc<tempfile::TempDir>,
}

/// What was emitted.
#[derive(Debug, Default)]
pub(crate) struct Emitted {
    pub(crate) logs: Vec<LogRecord>,
    pub(crate) spans: Vec<Span>,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) json: Value,
    pub(crate) text: String,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::with_traffic(0.0).await
    }

    pub(crate) async fn with_traffic(traffic: f64) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self::launch(Arc::new(dir), traffic, &ServiceName::ALL).await
    }

    /// Only these services, and traffic for them.
    pub(crate) async fn of(services: &[ServiceName], traffic: f64) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self::launch(Arc::new(dir), traffic, services).await
    }

    /// Over the data of another stage, which should have been struck by then.
    pub(crate) async fn over(dir: Arc<tempfile::TempDir>) -> Self {
        Self::launch(dir, 0.0, &ServiceName::ALL).await
    }

    pub(crate) fn dir(&self) -> Arc<tempfile::TempDir> {
        Arc::clone(&self.dir)
    }

    async fn launch(dir: Arc<tempfile::TempDir>, traffic: f64, services: &[ServiceName]) -> Self {
        let (sender, batches) = mpsc::channel(10_000);
        let (change_sender, changes) = mpsc::channel(16);
        let launch = Launch {
            data_dir: dir.path().to_owned(),
            postgres: None,
            gateway: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            services: services.to_vec(),
            listen: BTreeMap::new(),
            upstreams: BTreeMap::new(),
            cache: None,
            environment: Some(DEMO.to_owned()),
            secrets: Secrets::GivenOrDrawn,
            export: Export::InProcess(sender),
            traffic,
            seed: 11,
            clock: Arc::new(SystemClock),
            changes: Some(change_sender),
        };
        let running = Running::launch(launch).await.expect("the services start");
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client");
        Self {
            running,
            changes,
            batches,
            http,
            dir,
        }
    }

    pub(crate) fn address(&self, service: &str) -> SocketAddr {
        let address = self.running.address(service);
        address.expect("all services are running")
    }

    pub(crate) fn begin(&self, fault: watchfire_services::Fault) {
        let begun = self.running.faults().begin(fault);
        begun.expect("the fault fits its service");
    }

    /// Asks the gateway.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(http::Method::GET, path, &[], "").await
    }

    pub(crate) async fn send(
        &self,
        method: http::Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let address = self.address("gateway");
        self.send_to(address, method, path, headers, body).await
    }

    pub(crate) async fn send_to(
        &self,
        address: SocketAddr,
        method: http::Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = self.http.request(method, format!("http://{address}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request
            .body(body.to_owned())
            .send()
            .await
            .expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer {
            status,
            headers,
            json,
            text,
        }
    }

    /// What has been emitted since the last call, once it holds what `until` looks for.
    pub(crate) async fn emitted(&mut self, until: impl Fn(&Emitted) -> bool) -> Emitted {
        let mut emitted = Emitted::default();
        let end = tokio::time::Instant::now() + Duration::from_secs(15);
        while !until(&emitted) {
            let batch = tokio::time::timeout_at(end, self.batches.recv()).await;
            let batch = batch.unwrap_or_else(|_| panic!("it never came; there were {emitted:#?}"));
            emitted.take(batch.expect("the services are running"));
        }
        emitted
    }

    /// What has been emitted and not been asked for.
    pub(crate) fn emitted_so_far(&mut self) -> Emitted {
        Emitted::come(&mut self.batches)
    }

    /// Stops the services; what they emitted up to their end.
    pub(crate) async fn strike(mut self) -> Emitted {
        self.running.stop().await;
        let emitted = Emitted::come(&mut self.batches);
        drop(self.dir);
        emitted
    }
}

impl Emitted {
    /// All that waits.
    fn come(batches: &mut mpsc::Receiver<Batch>) -> Self {
        let mut emitted = Self::default();
        while let Ok(batch) = batches.try_recv() {
            emitted.take(batch);
        }
        emitted
    }

    pub(crate) fn take(&mut self, batch: Batch) {
        match batch {
            Batch::Logs(logs) => self.logs.extend(logs),
            Batch::Spans(spans) => self.spans.extend(spans),
            Batch::Metrics(_) => {}
        }
    }

    /// The spans of one service with this name.
    pub(crate) fn spans_of<'a>(
        &'a self,
        service: &'a str,
        name: &'a str,
    ) -> impl Iterator<Item = &'a Span> {
        self.spans
            .iter()
            .filter(move |span| span.service == service && span.name == name)
    }

    pub(crate) fn server_spans<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Span> {
        self.spans
            .iter()
            .filter(move |span| span.service == service && span.kind == SpanKind::Server)
    }

    pub(crate) fn exceptions_of<'a>(
        &'a self,
        kind: &'a str,
    ) -> impl Iterator<Item = &'a LogRecord> {
        let is_of_kind = move |record: &&LogRecord| {
            record
                .exception
                .as_ref()
                .is_some_and(|exception| exception.kind == kind)
        };
        self.logs.iter().filter(is_of_kind)
    }
}
