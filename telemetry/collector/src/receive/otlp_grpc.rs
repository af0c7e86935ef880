use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body::{Frame, SizeHint};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tonic::codec::CompressionEncoding::{Gzip, Zstd};
use tonic::service::Routes;

use super::body::BodyError;
use super::otlp_http::partial;
use super::rpc_status::{Code, RpcStatus};
use crate::Refusal;
use crate::admission::Arrival;
use crate::budget::{Budget, Reservation};
use crate::drop_reason::DropReason;
use crate::intake::{Intake, Taken};
use crate::prepare::{self, Prepared};

/// How the receiver names itself.
const RECEIVER: &str = "otlp_grpc";

/// The three OTLP services.
pub(crate) fn router(intake: &Arc<Intake>) -> Router {
    let service = || Service(Arc::clone(intake));
    let most = intake.max_body;
    let logs = LogsServiceServer::new(service())
        .accept_compressed(Gzip)
        .accept_compressed(Zstd)
        .max_decoding_message_size(most);
    let traces = TraceServiceServer::new(service())
        .accept_compressed(Gzip)
        .accept_compressed(Zstd)
        .max_decoding_message_size(most);
    let metrics = MetricsServiceServer::new(service())
        .accept_compressed(Gzip)
        .accept_compressed(Zstd)
        .max_decoding_message_size(most);
    Routes::new(logs)
        .add_service(traces)
        .add_service(metrics)
        .into_axum_router()
        .layer(middleware::from_fn_with_state(
            Arc::clone(intake),
            within_budget,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::clone(intake),
            of_grpc_type,
        ))
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

fn status_of(intake: &Intake, refusal: &Refusal) -> tonic::Status {
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
    type Error = tonic::Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, tonic::Status>>> {
        let this = self.get_mut();
        let Some(frame) = std::task::ready!(Pin::new(&mut this.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        let frame = frame.map_err(|error| tonic::Status::internal(error.to_string()));
        let counted = frame.and_then(|frame| {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            match this.reservation.grow(bytes) {
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

#[derive(Debug, Clone)]
struct Service(Arc<Intake>);

impl Service {
    async fn take<M>(
        &self,
        request: M,
        prepare: fn(&Intake, M, Arrival) -> Result<Prepared, BodyError>,
    ) -> Result<Taken, tonic::Status>
    where
        M: Message + 'static,
    {
        let intake = &self.0;
        let refuse = |refusal: &Refusal| status_of(intake, refusal);
        let mut reservation = intake
            .budget
            .reserve()
            .map_err(|refusal| refuse(&refusal))?;
        let decoded = request.encoded_len().saturating_mul(Budget::DECODED);
        reservation
            .grow(decoded)
            .map_err(|refusal| refuse(&refusal))?;
        let arrival = intake.arrival(RECEIVER);
        let prepared = intake
            .compute(move |intake| prepare(intake, request, arrival))
            .await;
        let prepared = prepared.map_err(|refusal| refuse(&refusal))?;
        let prepared = prepared.map_err(|error| {
            if let Some(reason) = error.reason() {
                intake.meters.dropped(reason, 1);
            }
            RpcStatus::new(Code::InvalidArgument, &error.to_string()).into_tonic()
        })?;
        // `commit` counts its own refusals.
        let taken = intake.commit(prepared).await;
        taken.map_err(|refusal| RpcStatus::of(&refusal).into_tonic())
    }
}

#[tonic::async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, tonic::Status> {
        let prepare: fn(&Intake, ExportLogsServiceRequest, Arrival) -> _ =
            |intake, request, arrival| {
                prepare::check_spread(intake.max_body, prepare::spread_of_logs(&request))?;
                Ok(intake.admission.otlp_logs(request, arrival))
            };
        let taken = self.take(request.into_inner(), prepare).await?;
        let partial_success =
            partial(&taken).map(
                |(rejected_log_records, error_message)| ExportLogsPartialSuccess {
                    rejected_log_records,
                    error_message,
                },
            );
        Ok(tonic::Response::new(ExportLogsServiceResponse {
            partial_success,
        }))
    }
}

#[tonic::async_trait]
impl TraceService for Service {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let prepare: fn(&Intake, ExportTraceServiceRequest, Arrival) -> _ =
            |intake, request, arrival| {
                prepare::check_spread(intake.max_body, prepare::spread_of_traces(&request))?;
                Ok(prepare::otlp_traces(&request, arrival))
            };
        let taken = self.take(request.into_inner(), prepare).await?;
        let partial_success =
            partial(&taken).map(
                |(rejected_spans, error_message)| ExportTracePartialSuccess {
                    rejected_spans,
                    error_message,
                },
            );
        Ok(tonic::Response::new(ExportTraceServiceResponse {
            partial_success,
        }))
    }
}

#[tonic::async_trait]
impl MetricsService for Service {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, tonic::Status> {
        let prepare: fn(&Intake, ExportMetricsServiceRequest, Arrival) -> _ =
            |_, request, arrival| Ok(prepare::otlp_metrics(&request, arrival));
        let taken = self.take(request.into_inner(), prepare).await?;
        let partial_success = partial(&taken).map(|(rejected_data_points, error_message)| {
            ExportMetricsPartialSuccess {
                rejected_data_points,
                error_message,
            }
        });
        Ok(tonic::Response::new(ExportMetricsServiceResponse {
            partial_success,
        }))
    }
}
