mod attribute;
mod client;
mod header_list;
mod logs;
mod metric_points;
mod settings;
mod spans;
mod transport;
mod wire;

use opentelemetry_sdk::trace::SpanData;
use prost::Message;
use watchfire_schemas::{LogRecord, MetricFamily, Timestamp};

use self::client::Client;
use self::settings::Endpoint;
pub(crate) use self::settings::Settings;
use self::transport::Transport;
use crate::builder::StartError;
use crate::http_span::HttpRecord;
use crate::resource::Resource;

/// The receiver did not take a batch, after retries. Why is not told: nothing here may log.
#[derive(Debug)]
pub(crate) struct NotTaken;

/// Export to a receiver of OTLP. Made and used on the worker's thread only.
#[derive(Debug)]
pub(crate) struct Otlp {
    transport: Transport,
    spans: Option<Client>,
    logs: Option<Client>,
    metrics: Option<Client>,
    resource: Resource,
    /// When the pipeline began: the start of all that accumulates.
    since: Timestamp,
}

/// The methods of gRPC by which each signal goes.
const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

impl Otlp {
    pub(crate) fn new(
        settings: &Settings,
        resource: Resource,
        since: Timestamp,
    ) -> Result<Self, StartError> {
        // The one TLS provider of the workspace; whoever was first stays.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let transport = Transport::new(settings.uses_grpc())?;
        let client = |endpoint: &Option<Endpoint>, method| {
            let client = endpoint.as_ref();
            let client = client.map(|endpoint| transport.within(|| Client::new(endpoint, method)));
            client.transpose()
        };
        Ok(Self {
            spans: client(&settings.traces, TRACES)?,
            logs: client(&settings.logs, LOGS)?,
            metrics: client(&settings.metrics, METRICS)?,
            transport,
            resource,
            since,
        })
    }

    pub(crate) fn spans(
        &mut self,
        spans: &[SpanData],
        http: &[HttpRecord],
    ) -> Result<(), NotTaken> {
        let Some(client) = &mut self.spans else {
            return Ok(());
        };
        let request = spans::export(spans, http, &self.resource);
        client.send(&self.transport, &request.into())
    }

    pub(crate) fn logs(
        &mut self,
        records: &[LogRecord],
        http: &[HttpRecord],
    ) -> Result<(), NotTaken> {
        let Some(client) = &mut self.logs else {
            return Ok(());
        };
        let request = logs::export(records, http, &self.resource);
        client.send(&self.transport, &request.into())
    }

    pub(crate) fn takes_metrics(&self) -> bool {
        self.metrics.is_some()
    }

    pub(crate) fn metrics(&mut self, families: Vec<MetricFamily>) -> Result<(), NotTaken> {
        let Some(client) = &mut self.metrics else {
            return Ok(());
        };
        let request = metric_points::request(families, &self.resource, self.since);
        client.send(&self.transport, &request.encode_to_vec().into())
    }
}
