use std::io::{self, Write as _};
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use tokio::time::Instant;

use super::batches::Batch;
use crate::api::{Api, ApiError};
use crate::cli::Compression;

/// The first wait after a loss; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// Brings batches to the server, again and again while it is away or busy.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) api: Api,
    pub(super) compression: Compression,
    pub(super) patience: Duration,
}

/// What became of a batch.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    pub(super) accepted: u64,
    pub(super) quarantined: u64,
    pub(super) rejected: u64,
    /// (line of the source, path, reason), as far as the server tells.
    pub(super) faults: Vec<(u64, String, String)>,
    /// Places that may be stored twice: the connection broke before the answer came.
    pub(super) doubtful: Vec<String>,
}

/// What `/api/v1/ingest/logs` answers.
#[derive(Debug, Deserialize)]
struct Answer {
    accepted: u64,
    quarantined: u64,
    rejected: u64,
    errors: Vec<LineError>,
}

#[derive(Debug, Deserialize)]
struct LineError {
    line: usize,
    path: String,
    message: String,
}

/// What to do about a failure.
#[derive(Debug, PartialEq, Eq)]
enum Remedy {
    /// Wait, at least so long.
    Wait(Option<Duration>),
    /// Send less at once; a line by itself is rejected.
    Halve,
    GiveUp,
}

impl Delivery {
    /// Delivers a batch, in parts if it is too large for the server.
    pub(super) async fn deliver(
        &self,
        batch: Batch,
        told: &mut impl FnMut(&str),
    ) -> Result<Delivered, ApiError> {
        let mut delivered = Delivered::default();
        let mut waiting = vec![batch];
        while let Some(batch) = waiting.pop() {
            let failure = match self.patiently(&batch, &mut delivered, told).await {
                Ok(answer) => {
                    delivered.add(&batch, answer);
                    continue;
                }
                Err(failure) => failure,
            };
            match remedy(&failure) {
                Remedy::Halve => match batch.halves() {
                    Some((first, second)) => waiting.extend([second, first]),
                    None => delivered.reject(&batch, &failure),
                },
                Remedy::Wait(_) | Remedy::GiveUp => return Err(failure),
            }
        }
        Ok(delivered)
    }

    async fn patiently(
        &self,
        batch: &Batch,
        delivered: &mut Delivered,
        told: &mut impl FnMut(&str),
    ) -> Result<Answer, ApiError> {
        let (headers, body) = self.request(&batch.body);
        let started = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            let sent = self
                .api
                .post("/api/v1/ingest/logs", headers.clone(), body.clone());
            let failure = match sent.await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Remedy::Wait(asked) = remedy(&failure) else {
                return Err(failure);
            };
            let wait_now = asked.unwrap_or(wait);
            if started.elapsed() + wait_now > self.patience {
                return Err(failure);
            }
            if let ApiError::Unreachable {
                perhaps_received: true,
                ..
            } = failure
            {
                delivered.doubtful.push(batch.place());
            }
            if asked.is_none() {
                told(&format!(
                    "{}; {} will be sent again",
                    super::causes(&failure),
                    batch.place()
                ));
            }
            tokio::time::sleep(wait_now).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    fn request(&self, body: &[u8]) -> (HeaderMap, Vec<u8>) {
        let ndjson = HeaderValue::from_static("application/x-ndjson");
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, ndjson)]);
        let compressed = match self.compression {
            Compression::None => None,
            Compression::Gzip => Some(("gzip", gzip(body))),
            Compression::Zstd => Some(("zstd", zstd::encode_all(body, 1))),
        };
        match compressed {
            Some((name, Ok(compressed))) => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
                (headers, compressed)
            }
            // To compress in memory fails only without memory; the plain body says the same.
            Some((_, Err(_))) | None => (headers, body.to_vec()),
        }
    }
}

impl Delivered {
    fn add(&mut self, batch: &Batch, answer: Answer) {
        self.accepted += answer.accepted;
        self.quarantined += answer.quarantined;
        self.rejected += answer.rejected;
        for error in answer.errors {
            // Elements of an array that is one line count as that line.
            let place = error.line.saturating_sub(1);
            let number = batch.numbers.get(place).or(batch.numbers.last());
            let number = number.copied().unwrap_or_default();
            self.faults.push((number, error.path, error.message));
        }
    }

    fn reject(&mut self, batch: &Batch, why: &ApiError) {
        self.rejected += batch.numbers.len() as u64;
        for number in &batch.numbers {
            self.faults.push((*number, String::new(), why.to_string()));
        }
    }
}

fn remedy(failure: &ApiError) -> Remedy {
    match failure {
        ApiError::Unreachable { .. } => Remedy::Wait(None),
        ApiError::Refused {
            status,
            retry_after,
            ..
        } => match *status {
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::BAD_REQUEST => Remedy::Halve,
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Remedy::Wait(*retry_after),
            _ => Remedy::GiveUp,
        },
        ApiError::Address(_) | ApiError::Strange { .. } => Remedy::GiveUp,
    }
}

fn gzip(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_waited_for() {
        let check = |status: u16, after: Option<u64>, expected: Remedy| {
            let refused = ApiError::Refused {
                status: StatusCode::from_u16(status).unwrap(),
                detail: String::new(),
                column: None,
                retry_after: after.map(Duration::from_secs),
            };
            assert_eq!(remedy(&refused), expected, "{status}");
        };
        check(429, Some(3), Remedy::Wait(Some(Duration::from_secs(3))));
        check(503, None, Remedy::Wait(None));
        check(413, None, Remedy::Halve);
        check(400, None, Remedy::Halve);
        check(403, None, Remedy::GiveUp);
        check(500, None, Remedy::GiveUp);
    }
}
