use std::time::Duration;

use http::StatusCode;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use prost::Message;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Code, Request};

use super::NotTaken;
use super::settings::{Endpoint, Protocol};
use super::transport::Transport;
use crate::builder::StartError;

/// How often a request is tried, and the pause before each further time. A snapshot comes every
/// ten seconds and holds all that the one before held, so patience would be wasted on one.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

/// Sends metrics. The SDK's exporter takes only what the SDK itself has measured.
#[derive(Debug)]
pub(super) enum MetricClient {
    Grpc {
        client: Box<MetricsServiceClient<Channel>>,
        metadata: MetadataMap,
        timeout: Duration,
    },
    Http {
        client: reqwest::blocking::Client,
        url: String,
    },
}

impl MetricClient {
    pub(super) fn new(endpoint: &Endpoint) -> Result<Self, StartError> {
        match endpoint.protocol {
            Protocol::Grpc => {
                let channel = Channel::from_shared(endpoint.url.clone())
                    .map_err(|error| endpoint.error(&error))?;
                let channel = channel
                    .timeout(endpoint.timeout)
                    .connect_timeout(endpoint.timeout)
                    .connect_lazy();
                Ok(Self::Grpc {
                    client: Box::new(MetricsServiceClient::new(channel)),
                    metadata: endpoint.metadata(),
                    timeout: endpoint.timeout,
                })
            }
            Protocol::HttpProtobuf => {
                let client = reqwest::blocking::Client::builder()
                    .timeout(endpoint.timeout)
                    .default_headers(endpoint.headers())
                    .build()
                    .map_err(|error| endpoint.error(&error))?;
                Ok(Self::Http {
                    client,
                    url: endpoint.url.clone(),
                })
            }
        }
    }

    pub(super) fn send(
        &mut self,
        transport: &Transport,
        request: &ExportMetricsServiceRequest,
    ) -> Result<(), NotTaken> {
        for attempt in 1..=ATTEMPTS {
            match self.attempt(transport, request) {
                Ok(()) => return Ok(()),
                Err(Failure::Final) => return Err(NotTaken),
                Err(Failure::Passing) if attempt < ATTEMPTS => {
                    std::thread::park_timeout(PAUSE * attempt);
                }
                Err(Failure::Passing) => {}
            }
        }
        Err(NotTaken)
    }

    fn attempt(
        &mut self,
        transport: &Transport,
        request: &ExportMetricsServiceRequest,
    ) -> Result<(), Failure> {
        match self {
            Self::Grpc {
                client,
                metadata,
                timeout,
            } => {
                let mut request = Request::new(request.clone());
                *request.metadata_mut() = metadata.clone();
                request.set_timeout(*timeout);
                match transport.wait(client.export(request)) {
                    Ok(_) => Ok(()),
                    Err(status) => Err(Failure::of_code(status.code())),
                }
            }
            Self::Http { client, url } => {
                let request = client
                    .post(url.as_str())
                    .header(http::header::CONTENT_TYPE, "application/x-protobuf")
                    .body(request.encode_to_vec());
                match request.send() {
                    Ok(response) if response.status().is_success() => Ok(()),
                    Ok(response) => Err(Failure::of_status(response.status())),
                    Err(_) => Err(Failure::Passing),
                }
            }
        }
    }
}

/// Whether it is worth to try again, by the OTLP specification.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Passing,
    Final,
}

impl Failure {
    fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            429 | 502 | 503 | 504 => Self::Passing,
            _ => Self::Final,
        }
    }

    fn of_code(code: Code) -> Self {
        match code {
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => Self::Passing,
            _ => Self::Final,
        }
    }
}
