use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::{Buf, BufMut, Bytes};
use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body::{Frame, SizeHint};
use tonic::Status;
use tonic::codec::CompressionEncoding::{Gzip, Zstd};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::{Grpc, UnaryService};

use super::body::{BodyError, Plain};
use super::otlp::{self, Form, Signal};
use super::rpc_status::{Code, RpcStatus};
use crate::Refusal;
use crate::budget::{Reservation, Share};
use crate::drop_reason::DropReason;
use crate::intake::{Intake, Taken};

/// How the receiver names itself.
const RECEIVER: &str = "otlp_grpc";

/// The three OTLP services.
pub(crate) fn router(intake: &Arc<Intake>) -> Router {
    let method = |signal: Signal| {
        post(
            async move |State(intake): State<Arc<Intake>>, request: Request| {
                let mut grpc = Grpc::new(Bytewise)
                    .accept_compressed(Gzip)
                    .accept_compressed(Zstd)
                    .max_decoding_message_size(intake.max_body);
                grpc.unary(Export { intake, signal }, request).await
            },
        )
    };
    let path = |signal| format!("/opentelemetry.proto.collector.{signal}.v1.");
    Router::new()
        .route(&(path("logs") + "LogsService/Export"), method(Signal::Logs))
        .route(
            &(path("trace") + "TraceService/Export"),
            method(Signal::Traces),
        )
        .route(
            &(path("metrics") + "MetricsService/Export"),
            method(Signal::Metrics),
        )
        .fallback(async || Status::unimplemented("").into_http::<Body>())
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(
            Arc::clone(intake),
            within_budget,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(intake),
            of_grpc_type,
        ))
        .with_state(Arc::clone(intake))
}

/// Messages as their bytes: a request is weighed before it is decoded, off this thread.
#[derive(Debug, Clone, Copy, Default)]
struct Bytewise;

impl Codec for Bytewise {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytewise {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Bytewise {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(message.copy_to_bytes(message.remaining())))
    }
}

/// Refuses what is not said to be gRPC, as its protocol demands. The framework takes any type, and
/// this port speaks HTTP/1.1 too: a page of any origin could post plain text here unasked.
async fn of_grpc_type(State(intake): State<Arc<Intake>>, request: Request, next: Next) -> Response {
    let said = request.headers().get(CONTENT_TYPE);
    let after = said.and_then(|said| said.as_bytes().strip_prefix(b"application/grpc"));
    if after.is_some_and(|after| matches!(after.first(), None | Some(b'+' | b';'))) {
        return next.run(request).await;
    }
    intake.meters.dropped(DropReason::UnsupportedType, 1);
    let reason = "this port speaks gRPC: send content-type: application/grpc\n";
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, reason).into_response()
}

/// Refuses before reading if there is no room, and counts what is read against the budget.
async fn within_budget(
    State(intake): State<Arc<Intake>>,
    request: Request,
    next: Next,
) -> Response {
    let reserved = intake.is_ready().and_then(|()| intake.budget.reserve());
    match reserved {
        Ok(reservation) => {
            let counted = request.map(|body| {
                Body::new(CountedBody {
                    body,
                    reservation,
                    intake,
                })
            });
            next.run(counted).await
        }
        Err(refusal) => status_of(&intake, &refusal).into_http(),
    }
}

fn status_of(intake: &Intake, refusal: &Refusal) -> Status {
    intake.refused(refusal);
    RpcStatus::of(refusal).into_tonic()
}

/// A body that takes from the budget as it comes.
struct CountedBody {
    body: Body,
    reservation: Reservation,
    intake: Arc<Intake>,
}

impl http_body::Body for CountedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let Some(frame) = std::task::ready!(Pin::new(&mut this.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let frame = frame.map_err(|error| Status::internal(error.to_string()));
        let counted = frame.and_then(|frame| {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            match this.reservation.grow(Share::Body, bytes) {
                Ok(()) => Ok(frame),
                Err(refusal) => Err(status_of(&this.intake, &refusal)),
            }
        });
        Poll::Ready(Some(counted))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// One call of `Export`.
#[derive(Debug)]
struct Export {
    intake: Arc<Intake>,
    signal: Signal,
}

impl UnaryService<Bytes> for Export {
    type Response = Vec<u8>;
    type Future = BoxFuture<'static, Result<tonic::Response<Vec<u8>>, Status>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let (intake, signal) = (Arc::clone(&self.intake), self.signal);
        Box::pin(async move {
            let bytes = request.into_inner();
            let taken = take(&intake, signal, bytes).await;
            let taken = taken.map_err(|error| told(&intake, &error))?;
            let answer = otlp::protobuf_answer(signal, otlp::partial(&taken));
            Ok(tonic::Response::new(answer))
        })
    }
}

async fn take(intake: &Arc<Intake>, signal: Signal, bytes: Bytes) -> Result<Taken, BodyError> {
    let reservation = intake.budget.reserve().map_err(|refusal| {
        intake.refused(&refusal);
        BodyError::Refused(refusal)
    })?;
    let plain = Plain { bytes, reservation };
    otlp::take(intake, RECEIVER, (signal, Form::Protobuf), plain).await
}

/// Counts what was not counted where it arose, and says it.
fn told(intake: &Intake, error: &BodyError) -> Status {
    if let Some(reason) = error.reason() {
        intake.meters.dropped(reason, 1);
    }
    match error {
        BodyError::Refused(refusal) => RpcStatus::of(refusal).into_tonic(),
        other => RpcStatus::new(Code::InvalidArgument, &other.to_string()).into_tonic(),
    }
}
