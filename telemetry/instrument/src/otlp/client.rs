use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use http::StatusCode;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::NotTaken;
use super::settings::{Endpoint, Protocol};
use super::transport::Transport;
use crate::builder::StartError;

/// How often a request is tried, and the pause before each further time. More patience would cost
/// what is emitted meanwhile: the queue is bounded.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(250);

/// Sends requests of one signal that are encoded already. The SDK's exporters take only what the
/// SDK itself has made.
#[derive(Debug)]
pub(super) enum Client {
    Grpc {
        client: Box<Grpc<Channel>>,
        method: PathAndQuery,
        metadata: MetadataMap,
        timeout: Duration,
    },
    Http {
        client: reqwest::blocking::Client,
        url: String,
    },
}

impl Client {
    /// `method` is the signal's method of gRPC.
    pub(super) fn new(endpoint: &Endpoint, method: &'static str) -> Result<Self, StartError> {
        match endpoint.protocol {
            Protocol::Grpc => {
                let channel = Channel::from_shared(endpoint.url.clone())
                    .map_err(|error| endpoint.error(&error))?;
                let channel = channel
                    .timeout(endpoint.timeout)
                    .connect_timeout(endpoint.timeout)
                    .connect_lazy();
                Ok(Self::Grpc {
                    client: Box::new(Grpc::new(channel)),
                    method: PathAndQuery::from_static(method),
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

    pub(super) fn send(&mut self, transport: &Transport, request: &Bytes) -> Result<(), NotTaken> {
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

    fn attempt(&mut self, transport: &Transport, request: &Bytes) -> Result<(), Failure> {
        match self {
            Self::Grpc {
                client,
                method,
                metadata,
                timeout,
            } => {
                let mut request = Request::new(request.clone());
                *request.metadata_mut() = metadata.clone();
                request.set_timeout(*timeout);
                let method = method.clone();
                let sending = async {
                    let ready = client.ready().await;
                    ready.map_err(|error| Status::unavailable(error.to_string()))?;
                    client.unary(request, method, Encoded).await
                };
                match transport.wait(sending) {
                    Ok(_) => Ok(()),
                    Err(status) => Err(Failure::of_code(status.code())),
                }
            }
            Self::Http { client, url } => {
                let request = client
                    .post(url.as_str())
                    .header(http::header::CONTENT_TYPE, "application/x-protobuf")
                    .body(request.clone());
                match request.send() {
                    Ok(response) if response.status().is_success() => Ok(()),
                    Ok(response) => Err(Failure::of_status(response.status())),
                    Err(_) => Err(Failure::Passing),
                }
            }
        }
    }
}

/// Messages that are encoded already. What a receiver answers is not read: it has taken them.
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, answer: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        answer.advance(answer.remaining());
        Ok(Some(()))
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
