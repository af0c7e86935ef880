mod header_list;
mod log_records;
mod metric_client;
mod metric_points;
mod settings;
mod transport;

use opentelemetry_otlp::{
    LogExporter, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::logs::LogExporter as _;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use watchfire_schemas::{LogRecord, MetricFamily, Timestamp};

use self::log_records::LogRecords;
use self::metric_client::MetricClient;
pub(crate) use self::settings::Settings;
use self::settings::{Endpoint, Protocol};
use self::transport::Transport;
use crate::builder::StartError;
use crate::resource::Resource;

/// The receiver did not take a batch, after retries. Why is not told: nothing here may log.
#[derive(Debug)]
pub(crate) struct NotTaken;

/// Export to a receiver of OTLP. Made and used on the worker's thread only.
#[derive(Debug)]
pub(crate) struct Otlp {
    transport: Transport,
    spans: Option<SpanExporter>,
    logs: Option<(LogExporter, LogRecords)>,
    metrics: Option<MetricClient>,
    resource: Resource,
    /// When the pipeline began: the start of all that accumulates.
    since: Timestamp,
}

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
        let of_service = resource.to_sdk();
        let spans = settings.traces.as_ref().map(|endpoint| {
            let mut exporter = transport.within(|| span_exporter(endpoint))?;
            exporter.set_resource(&of_service);
            Ok(exporter)
        });
        let logs = settings.logs.as_ref().map(|endpoint| {
            let mut exporter = transport.within(|| log_exporter(endpoint))?;
            exporter.set_resource(&of_service);
            Ok((exporter, LogRecords::new(&resource)))
        });
        let metrics = settings
            .metrics
            .as_ref()
            .map(|endpoint| transport.within(|| MetricClient::new(endpoint)));
        Ok(Self {
            spans: spans.transpose()?,
            logs: logs.transpose()?,
            metrics: metrics.transpose()?,
            transport,
            resource,
            since,
        })
    }

    pub(crate) fn spans(&self, spans: Vec<SpanData>) -> Result<(), NotTaken> {
        let Some(exporter) = &self.spans else {
            return Ok(());
        };
        self.transport
            .wait(exporter.export(spans))
            .map_err(|_| NotTaken)
    }

    pub(crate) fn logs(&mut self, records: Vec<LogRecord>) -> Result<(), NotTaken> {
        let Some((exporter, converter)) = &mut self.logs else {
            return Ok(());
        };
        converter.with_batch(records, |batch| {
            self.transport
                .wait(exporter.export(batch))
                .map_err(|_| NotTaken)
        })
    }

    pub(crate) fn takes_metrics(&self) -> bool {
        self.metrics.is_some()
    }

    pub(crate) fn metrics(&mut self, families: Vec<MetricFamily>) -> Result<(), NotTaken> {
        let Some(client) = &mut self.metrics else {
            return Ok(());
        };
        let request = metric_points::request(families, &self.resource, self.since);
        client.send(&self.transport, &request)
    }
}

fn span_exporter(endpoint: &Endpoint) -> Result<SpanExporter, StartError> {
    let builder = SpanExporter::builder();
    let exporter = match endpoint.protocol {
        Protocol::Grpc => over_grpc(builder.with_tonic(), endpoint).build(),
        Protocol::HttpProtobuf => over_http(builder.with_http(), endpoint).build(),
    };
    exporter.map_err(|error| endpoint.error(&error))
}

fn log_exporter(endpoint: &Endpoint) -> Result<LogExporter, StartError> {
    let builder = LogExporter::builder();
    let exporter = match endpoint.protocol {
        Protocol::Grpc => over_grpc(builder.with_tonic(), endpoint).build(),
        Protocol::HttpProtobuf => over_http(builder.with_http(), endpoint).build(),
    };
    exporter.map_err(|error| endpoint.error(&error))
}

fn over_grpc<B: WithExportConfig + WithTonicConfig>(builder: B, endpoint: &Endpoint) -> B {
    builder
        .with_endpoint(&endpoint.url)
        .with_timeout(endpoint.timeout)
        .with_metadata(endpoint.metadata())
}

fn over_http<B: WithExportConfig + WithHttpConfig>(builder: B, endpoint: &Endpoint) -> B {
    builder
        .with_endpoint(&endpoint.url)
        .with_timeout(endpoint.timeout)
        .with_headers(endpoint.header_map())
}
