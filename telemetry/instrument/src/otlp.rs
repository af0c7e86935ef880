mod attribute;
mod client;
mod growing;
mod header_list;
mod logs;
mod metric_points;
mod settings;
mod spans;
mod transport;
mod wire;

use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};
use prost::Message;
use watchfire_schemas::{LogRecord, MetricFamily, Timestamp};

use self::client::Client;
pub(crate) use self::growing::{Encoded, Encoder, Growing, Head};
pub(crate) use self::settings::Settings;
use self::settings::{Endpoint, Protocol};
use self::transport::Transport;
use self::wire::Wire;
use crate::builder::StartError;
use crate::resource::Resource;

/// The receiver did not take a batch, after retries. Why is not told: nothing here may log.
#[derive(Debug)]
pub(crate) struct NotTaken;

/// Export to a receiver of OTLP. Made and used on the worker's thread only.
#[derive(Debug)]
pub(crate) struct Otlp {
    transport: Transport,
    /// For what the SDK made.
    spans: Option<SpanExporter>,
    /// For requests, which are too many to become the SDK's before they are encoded.
    fact_spans: Option<Client>,
    logs: Option<Client>,
    metrics: Option<Client>,
    head: Head,
    resource: Resource,
    /// When the pipeline began: the start of all that accumulates.
    since: Timestamp,
}

/// The field of spans and of log records in what holds those of one scope.
const RECORD: u64 = 2;

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
        let spans = settings.traces.as_ref().map(|endpoint| {
            let mut exporter = transport.within(|| span_exporter(endpoint))?;
            exporter.set_resource(&resource.to_sdk());
            Ok(exporter)
        });
        Ok(Self {
            spans: spans.transpose()?,
            fact_spans: client(&settings.traces, TRACES)?,
            logs: client(&settings.logs, LOGS)?,
            metrics: client(&settings.metrics, METRICS)?,
            transport,
            head: Head::of(&resource),
            resource,
            since,
        })
    }

    pub(crate) fn spans(&self, spans: Vec<SpanData>) -> Result<(), NotTaken> {
        let Some(exporter) = self.spans.as_ref().filter(|_| !spans.is_empty()) else {
            return Ok(());
        };
        let answer = self.transport.wait(exporter.export(spans));
        answer.map_err(|_| NotTaken)
    }

    /// What writes the spans and lines of requests. It is not asked for signals that go nowhere.
    pub(crate) fn encoder(settings: &Settings, resource: &Resource) -> Encoder {
        Encoder {
            head: Head::of(resource),
            spans: settings.traces.is_some(),
            lines: settings.logs.is_some(),
        }
    }

    /// The spans of requests.
    pub(crate) fn fact_spans(&mut self, spans: &mut Growing) -> Result<(), NotTaken> {
        let Some(client) = self.fact_spans.as_mut().filter(|_| spans.count() > 0) else {
            return Ok(());
        };
        let request = spans.close(&self.head);
        let sent = client.send(&self.transport, &request);
        spans.reuse(request);
        sent
    }

    /// Records, and the lines of requests.
    pub(crate) fn logs(
        &mut self,
        records: &[LogRecord],
        lines: &mut Growing,
    ) -> Result<(), NotTaken> {
        let Some(client) = &mut self.logs else {
            return Ok(());
        };
        let mut scratch = Wire::default();
        for record in records {
            scratch.clear();
            logs::record(&mut scratch, record, &self.resource);
            lines.push(&self.head, scratch.as_bytes());
        }
        let request = lines.close(&self.head);
        let sent = client.send(&self.transport, &request);
        lines.reuse(request);
        sent
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

fn span_exporter(endpoint: &Endpoint) -> Result<SpanExporter, StartError> {
    let builder = SpanExporter::builder();
    let exporter = match endpoint.protocol {
        Protocol::Grpc => {
            let builder = builder.with_tonic().with_metadata(endpoint.metadata());
            let builder = builder.with_endpoint(&endpoint.url);
            builder.with_timeout(endpoint.timeout).build()
        }
        Protocol::HttpProtobuf => {
            let builder = builder.with_http().with_headers(endpoint.header_map());
            let builder = builder.with_endpoint(&endpoint.url);
            builder.with_timeout(endpoint.timeout).build()
        }
    };
    exporter.map_err(|error| endpoint.error(&error))
}
