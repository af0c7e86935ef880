use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, StatusCode};

use super::inflate::Encoding;
use super::otlp_http::http_status;
use crate::Refusal;
use crate::budget::{Reservation, Share};
use crate::drop_reason::DropReason;
use crate::intake::Intake;
use crate::otlp::weight;

/// Why a body was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is larger than {limit} bytes, decompressed")]
    TooLarge { limit: usize },
    #[error(
        "the body would take {bytes} bytes once decoded, and {limit} may be: send fewer records at once"
    )]
    TooHeavy { bytes: usize, limit: usize },
    #[error("content encoding {0:?} is not known here; use gzip, zstd, br, deflate or none")]
    UnknownEncoding(String),
    #[error("{0}")]
    Malformed(String),
    #[error("the body did not come within {} seconds", TIME.as_secs())]
    Slow,
    #[error("the body broke off: {0}")]
    BrokeOff(String),
    #[error("{0}")]
    Refused(Refusal),
}

/// How long a body may take to come.
const TIME: Duration = Duration::from_mins(1);
/// How long the rest of a refused body may take to go by.
const PASS_OVER_TIME: Duration = Duration::from_secs(5);

impl BodyError {
    pub(super) fn reason(&self) -> Option<DropReason> {
        match self {
            Self::TooLarge { .. } | Self::TooHeavy { .. } => Some(DropReason::TooLarge),
            Self::UnknownEncoding(_) => Some(DropReason::UnsupportedType),
            Self::Malformed(_) => Some(DropReason::Malformed),
            Self::Slow | Self::BrokeOff(_) => Some(DropReason::Incomplete),
            // Counted where it arose.
            Self::Refused(_) => None,
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } | Self::TooHeavy { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Malformed(_) | Self::BrokeOff(_) => StatusCode::BAD_REQUEST,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Refused(refusal) => http_status(refusal),
        }
    }

    /// In how many seconds it may be better.
    pub(super) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Refused(refusal) => refusal.retry_after().map(|after| after.as_secs().max(1)),
            _ => None,
        }
    }
}

/// Reads a body as it comes, within the limit and the budget. The budget is asked before the first
/// byte and for every chunk, so that an overload never grows memory.
pub(super) async fn read(intake: &Intake, body: Body) -> Result<(Vec<u8>, Reservation), BodyError> {
    let mut chunks = body.into_data_stream();
    let read = tokio::time::timeout(TIME, collect(intake, &mut chunks)).await;
    let read = read.unwrap_or(Err(BodyError::Slow));
    if let Err(BodyError::Refused(_)) = read {
        pass_over(&mut chunks, intake.max_body).await;
    }
    read
}

/// Lets the rest of a refused body go by, so that its sender comes to read the answer and when to
/// try again, rather than a connection that broke while it was writing.
async fn pass_over(chunks: &mut BodyDataStream, limit: usize) {
    let mut left = limit;
    let rest = async {
        while let Some(Ok(chunk)) = chunks.next().await {
            match left.checked_sub(chunk.len()) {
                Some(fewer) => left = fewer,
                None => break,
            }
        }
    };
    // One that dawdles loses its connection after all.
    drop(tokio::time::timeout(PASS_OVER_TIME, rest).await);
}

async fn collect(
    intake: &Intake,
    chunks: &mut BodyDataStream,
) -> Result<(Vec<u8>, Reservation), BodyError> {
    let limit = intake.max_body;
    intake
        .is_ready()
        .map_err(|refusal| refused(intake, refusal))?;
    let mut reservation = intake
        .budget
        .reserve()
        .map_err(|refusal| refused(intake, refusal))?;
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| BodyError::BrokeOff(error.to_string()))?;
        if bytes.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge { limit });
        }
        grow(intake, &mut reservation, chunk.len()).await?;
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes, reservation))
}

/// A body, decompressed, and what it holds of the budget.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) bytes: Bytes,
    pub(super) reservation: Reservation,
}

/// Decompresses a body where it holds up no connection.
pub(super) async fn inflated(
    intake: &Arc<Intake>,
    encoding: Encoding,
    (bytes, mut reservation): (Vec<u8>, Reservation),
) -> Result<Plain, BodyError> {
    if encoding == Encoding::Identity {
        let bytes = bytes.into();
        return Ok(Plain { bytes, reservation });
    }
    let read = bytes.len();
    let inflated = intake.compute(move |intake| encoding.inflate(bytes, intake.max_body));
    let bytes: Bytes = inflated.await.map_err(BodyError::Refused)??.into();
    grow(intake, &mut reservation, bytes.len().saturating_sub(read)).await?;
    Ok(Plain { bytes, reservation })
}

/// A body of JSON as it was before it was compressed, admitted to what decoding it takes.
pub(super) async fn plain_lines(
    intake: &Arc<Intake>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Plain, BodyError> {
    let encoding = Encoding::of(headers)?;
    let read = read(intake, body).await?;
    let mut plain = inflated(intake, encoding, read).await?;
    let weight = weight::of_lines(&plain.bytes);
    admit(intake, &mut plain.reservation, weight).await?;
    Ok(plain)
}

/// Takes from the budget what decoding a body will need, or says that it never will.
pub(super) async fn admit(
    intake: &Intake,
    reservation: &mut Reservation,
    bytes: usize,
) -> Result<(), BodyError> {
    let limit = intake.budget.most_of_one();
    if bytes > limit {
        return Err(BodyError::TooHeavy { bytes, limit });
    }
    let grown = reservation.grow_in_time(Share::Decoded, bytes).await;
    grown.map_err(|refusal| refused(intake, refusal))
}

async fn grow(
    intake: &Intake,
    reservation: &mut Reservation,
    bytes: usize,
) -> Result<(), BodyError> {
    let grown = reservation.grow_in_time(Share::Body, bytes).await;
    grown.map_err(|refusal| refused(intake, refusal))
}

fn refused(intake: &Intake, refusal: Refusal) -> BodyError {
    intake.refused(&refusal);
    BodyError::Refused(refusal)
}
