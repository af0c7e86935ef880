use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use futures_util::StreamExt;

use crate::Refusal;
use crate::budget::{Budget, Reservation};
use crate::drop_reason::DropReason;
use crate::intake::Intake;

/// Why a body was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the body is larger than {limit} bytes, decompressed")]
    TooLarge { limit: usize },
    #[error("content encoding {0:?} is not known here; use gzip, zstd or none")]
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
            Self::TooLarge { .. } => Some(DropReason::TooLarge),
            Self::UnknownEncoding(_) => Some(DropReason::UnsupportedType),
            Self::Malformed(_) => Some(DropReason::Malformed),
            Self::Slow | Self::BrokeOff(_) => Some(DropReason::Incomplete),
            // Counted where it arose.
            Self::Refused(_) => None,
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
        grow(intake, &mut reservation, chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes, reservation))
}

/// Takes from the budget what decoding a body of this many bytes will need.
pub(super) fn grow_decoded(
    intake: &Intake,
    reservation: &mut Reservation,
    plain: usize,
) -> Result<(), BodyError> {
    grow(intake, reservation, plain.saturating_mul(Budget::DECODED))
}

fn grow(intake: &Intake, reservation: &mut Reservation, bytes: usize) -> Result<(), BodyError> {
    reservation
        .grow(bytes)
        .map_err(|refusal| refused(intake, refusal))
}

fn refused(intake: &Intake, refusal: Refusal) -> BodyError {
    intake.refused(&refusal);
    BodyError::Refused(refusal)
}
