//! Prometheus' remote read: another Prometheus asks for raw samples and evaluates them itself.

mod bit_writer;
mod float_histogram_chunk;
mod message;
mod samples;
mod stream;
mod xor_chunk;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use promql_parser::label::Matcher;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Api;
use super::reply::{ApiError, reading};
use crate::Selector;
use crate::storage::{Points, Slice};
use message::{Query, ReadRequest};

/// How many requests are answered at once; others wait.
const MOST_AT_ONCE: usize = 10;

/// The most samples of an answer that is held in memory whole.
const MOST_SAMPLES: usize = 50_000_000;

/// How long an answer may take.
const MOST_TIME: Duration = Duration::from_mins(2);

/// The longest request, unpacked.
const MOST_BYTES: usize = 32 << 20;

/// The requests under way.
#[derive(Debug, Clone)]
pub(super) struct Reads(Arc<Semaphore>);

impl Default for Reads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_AT_ONCE)))
    }
}

/// `POST /read`.
pub(super) async fn read(State(api): State<Api>, headers: HeaderMap, body: Bytes) -> Response {
    match answer(api, &headers, &body).await {
        Ok(response) => response,
        // Remote read has errors as plain text.
        Err(error) => (error.status(), format!("{}\n", error.text())).into_response(),
    }
}

async fn answer(api: Api, headers: &HeaderMap, body: &[u8]) -> Result<Response, ApiError> {
    let encoding = headers.get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "snappy") {
        return Err(ApiError::bad_data(
            "the body has to be compressed by snappy's block format",
        ));
    }
    let request = unpacked(body).and_then(|body| ReadRequest::read(&body))?;
    let slot = Arc::clone(&api.reads.0).acquire_owned().await;
    let slot = slot.map_err(|_| ApiError::unavailable("we are stopping"))?;
    if request.takes_stream {
        let body = stream::body(api, &request.queries, slot)?;
        let kind = "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";
        return Ok(([(CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response());
    }
    let packed = reading(move || {
        let _slot = slot;
        samples::packed(&api, &request.queries)
    });
    let headers = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-protobuf"),
        ),
        (CONTENT_ENCODING, HeaderValue::from_static("snappy")),
    ];
    Ok((headers, Body::from(packed.await?)).into_response())
}

fn unpacked(body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let malformed = |error: snap::Error| ApiError::bad_data(format!("snappy: {error}"));
    if snap::raw::decompress_len(body).map_err(malformed)? > MOST_BYTES {
        return Err(ApiError::bad_data("the request is too large"));
    }
    snap::raw::Decoder::new()
        .decompress_vec(body)
        .map_err(malformed)
}

/// One query's series, in the order of their labels, each decoded when its turn comes.
struct Reading {
    slices: std::vec::IntoIter<Slice>,
    from: i64,
    to: i64,
    now: i64,
    started: Instant,
}

impl Reading {
    fn begin(api: &Api, query: &Query, started: Instant) -> Result<Self, ApiError> {
        let external = &api.facts.external_labels;
        // What every series will be given cannot be what some are selected by.
        let own: Vec<Matcher> = query
            .matchers
            .iter()
            .filter(|matcher| external.get(&matcher.name) != Some(matcher.value.as_str()))
            .cloned()
            .collect();
        let slices = api.tsdb.slices(&Selector::of(&own)?, query.from, query.to);
        let slices = slices.map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(Self {
            slices: slices.into_iter(),
            from: query.from,
            to: query.to,
            now: api.tsdb.now().millis(),
            started,
        })
    }

    /// The next series that has something in the range, its points put into `points`.
    fn next(&mut self, points: &mut Points) -> Result<Option<Slice>, ApiError> {
        for slice in self.slices.by_ref() {
            if self.started.elapsed() > MOST_TIME {
                return Err(ApiError::unavailable("the answer took too long"));
            }
            slice
                .decode_into(self.from, self.to, self.now, points)
                .map_err(|error| ApiError::internal(error.to_string()))?;
            if !points.is_empty() {
                return Ok(Some(slice));
            }
        }
        Ok(None)
    }
}
