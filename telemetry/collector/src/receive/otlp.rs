//! What OTLP has in common over HTTP and gRPC: from the plain bytes of a request to its answer.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;

use super::body::{self, BodyError, Plain};
use crate::admission::Arrival;
use crate::intake::{Intake, Taken};
use crate::otlp::json;
use crate::otlp::weight::{self, Part};
use crate::prepare::{self, Prepared};

/// What a request brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    Logs,
    Traces,
    Metrics,
}

/// The two forms of OTLP over HTTP. An answer comes in the form of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Protobuf,
    Json,
}

/// Takes a request: weighed before anything of it is decoded, decoded off the threads that serve
/// connections, acknowledged when it is on disk and searchable.
pub(super) async fn take(
    intake: &Arc<Intake>,
    receiver: &'static str,
    (signal, form): (Signal, Form),
    Plain {
        bytes,
        mut reservation,
    }: Plain,
) -> Result<Taken, BodyError> {
    let arrival = intake.arrival(receiver);
    let weighed = intake.compute(move |_| (weight((signal, form), &bytes), bytes));
    let (weight, bytes) = weighed.await.map_err(BodyError::Refused)?;
    body::admit(intake, &mut reservation, weight).await?;
    let prepared = intake.compute(move |intake| prepared(intake, (signal, form), &bytes, arrival));
    let prepared = prepared.await.map_err(BodyError::Refused)??;
    intake.commit(prepared).await.map_err(BodyError::Refused)
}

fn weight((signal, form): (Signal, Form), plain: &[u8]) -> usize {
    let part = match (form, signal) {
        (Form::Json, _) => return weight::of_json(plain),
        (Form::Protobuf, Signal::Logs) => Part::Logs,
        (Form::Protobuf, Signal::Traces) => Part::Traces,
        (Form::Protobuf, Signal::Metrics) => Part::Metrics,
    };
    weight::of_protobuf(plain, part)
}

fn prepared(
    intake: &Intake,
    (signal, form): (Signal, Form),
    plain: &[u8],
    arrival: Arrival,
) -> Result<Prepared, BodyError> {
    match signal {
        Signal::Logs => {
            let request = decoded::<ExportLogsServiceRequest>(form, plain, json::logs)?;
            prepare::check_spread(intake.max_body, prepare::spread_of_logs(&request))?;
            Ok(intake.admission.otlp_logs(request, arrival))
        }
        Signal::Traces => {
            let request = decoded::<ExportTraceServiceRequest>(form, plain, json::traces)?;
            prepare::check_spread(intake.max_body, prepare::spread_of_traces(&request))?;
            Ok(intake.admission.otlp_traces(request, arrival))
        }
        Signal::Metrics => {
            let request = decoded::<ExportMetricsServiceRequest>(form, plain, json::metrics)?;
            Ok(prepare::otlp_metrics(
                &request,
                arrival,
                (&intake.otlp_metrics, &intake.starts),
            ))
        }
    }
}

fn decoded<M: Message + Default>(
    form: Form,
    plain: &[u8],
    from_json: impl Fn(&[u8]) -> Result<M, json::JsonError>,
) -> Result<M, BodyError> {
    match form {
        Form::Protobuf => M::decode(plain).map_err(|error| {
            BodyError::Malformed(format!("the body is not OTLP protobuf: {error}"))
        }),
        Form::Json => from_json(plain).map_err(|error| BodyError::Malformed(error.to_string())),
    }
}

/// What is told of records that are not among the accepted ones.
pub(super) fn partial(taken: &Taken) -> Option<(i64, String)> {
    let (quarantined, rejected) = (taken.receipt.quarantined, taken.receipt.rejected);
    if quarantined + rejected == 0 && taken.rejection.is_none() {
        return None;
    }
    let mut words = Vec::new();
    if let Some((place, fault)) = taken.faults.first() {
        let (path, message) = fault.first();
        let refused = match rejected {
            0 => String::new(),
            _ => format!("{rejected} rejected by contract, "),
        };
        words.push(format!(
            "{refused}{quarantined} in quarantine, the first is record {place}: {path} {message} ({})",
            fault.schema
        ));
    }
    if let Some(rejection) = &taken.rejection {
        words.push(format!("{rejected} rejected: {rejection}"));
    }
    Some((
        i64::try_from(quarantined + rejected).unwrap_or(i64::MAX),
        words.join("; "),
    ))
}

/// The answer in protobuf.
pub(super) fn protobuf_answer(signal: Signal, partial: Option<(i64, String)>) -> Vec<u8> {
    match signal {
        Signal::Logs => ExportLogsServiceResponse {
            partial_success: partial.map(|(rejected_log_records, error_message)| {
                ExportLogsPartialSuccess {
                    rejected_log_records,
                    error_message,
                }
            }),
        }
        .encode_to_vec(),
        Signal::Traces => ExportTraceServiceResponse {
            partial_success: partial.map(|(rejected_spans, error_message)| {
                ExportTracePartialSuccess {
                    rejected_spans,
                    error_message,
                }
            }),
        }
        .encode_to_vec(),
        Signal::Metrics => ExportMetricsServiceResponse {
            partial_success: partial.map(|(rejected_data_points, error_message)| {
                ExportMetricsPartialSuccess {
                    rejected_data_points,
                    error_message,
                }
            }),
        }
        .encode_to_vec(),
    }
}
