//! Where log shippers send to, in the forms of Loki and of Elasticsearch.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;
use watchfire_schemas::{Batch, LogRecord};

use super::body::{self, BodyError};
use crate::drop_reason::DropReason;
use crate::intake::Intake;
use crate::shippers::{elastic, loki};

/// How the receivers name themselves.
const LOKI: &str = "loki";
const ELASTIC: &str = "elasticsearch";

/// `POST /loki/api/v1/push`, `POST /elasticsearch/_bulk`, and what shippers ask before they send.
pub(crate) fn router(intake: &Arc<Intake>) -> Router {
    let elastic = Router::new()
        .route("/elasticsearch", get(version))
        .route("/elasticsearch/", get(version))
        .route("/elasticsearch/_license", get(license))
        .route("/elasticsearch/_cluster/health", get(health))
        .route("/elasticsearch/_bulk", post(bulk).put(bulk))
        .route(
            "/elasticsearch/{index}/_bulk",
            post(bulk_of_index).put(bulk_of_index),
        )
        .layer(middleware::map_response(as_elastic));
    Router::new()
        .route("/loki/api/v1/push", post(push))
        .route("/loki/ready", get(async || "ready\n"))
        .merge(elastic)
        .layer(DefaultBodyLimit::disable())
        .with_state(Arc::clone(intake))
}

/// Elastic's own clients speak to nobody who does not say so.
async fn as_elastic(mut response: Response) -> Response {
    let product = HeaderName::from_static("x-elastic-product");
    let headers = response.headers_mut();
    headers.insert(product, HeaderValue::from_static("Elasticsearch"));
    response
}

/// The interface that is spoken here, by the number of its release.
async fn version() -> Json<Value> {
    Json(json!({
        "name": "watchfire",
        "cluster_name": "watchfire",
        "cluster_uuid": "watchfire",
        "version": {
            "number": "8.17.0",
            "build_flavor": "default",
            "build_type": "tar",
            "lucene_version": "9.12.0",
            "minimum_wire_compatibility_version": "7.17.0",
            "minimum_index_compatibility_version": "7.0.0",
        },
        "tagline": "You Know, for Search",
    }))
}

async fn license() -> Json<Value> {
    Json(json!({"license": {"status": "active", "type": "basic", "uid": "watchfire"}}))
}

async fn health() -> Json<Value> {
    Json(json!({"cluster_name": "watchfire", "status": "green", "timed_out": false}))
}

async fn push(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    match take_push(&intake, request).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => {
            let said = error.to_string() + "\n";
            refused(&intake, &error, said.into_response())
        }
    }
}

async fn take_push(intake: &Arc<Intake>, request: Request) -> Result<(), BodyError> {
    let (head, body) = request.into_parts();
    let is_json = media_type(&head.headers) == "application/json";
    let arrival = intake.arrival(LOKI);
    if is_json {
        let plain = body::plain_lines(intake, &head.headers, body).await?;
        let bytes = plain.bytes.clone();
        let records = intake.compute(move |_| loki::from_json(&bytes, arrival.at));
        let records = records.await.map_err(BodyError::Refused)?;
        return keep(intake, LOKI, records.map_err(BodyError::Malformed)?).await;
    }
    let (bytes, mut reservation) = body::read(intake, body).await?;
    let plain = snap::raw::decompress_len(&bytes).map_err(|error| malformed(&error))?;
    if plain > intake.max_body {
        let limit = intake.max_body;
        return Err(BodyError::TooLarge { limit });
    }
    body::admit(intake, &mut reservation, plain.saturating_mul(4)).await?;
    let records = intake.compute(move |_| {
        let plain = snap::raw::Decoder::new().decompress_vec(&bytes);
        let plain = plain.map_err(|error| format!("the body is not snappy: {error}"))?;
        loki::from_protobuf(&plain, arrival.at)
    });
    let records = records.await.map_err(BodyError::Refused)?;
    keep(intake, LOKI, records.map_err(BodyError::Malformed)?).await
}

fn malformed(error: &snap::Error) -> BodyError {
    BodyError::Malformed(format!("the body is not snappy: {error}"))
}

async fn keep(
    intake: &Arc<Intake>,
    receiver: &'static str,
    records: Vec<LogRecord>,
) -> Result<(), BodyError> {
    if records.is_empty() {
        return Ok(());
    }
    let arrival = intake.arrival(receiver);
    let prepared =
        intake.compute(move |intake| intake.admission.batch(Batch::Logs(records), arrival));
    let prepared = prepared.await.map_err(BodyError::Refused)?;
    let taken = intake.commit(prepared).await;
    taken.map(drop).map_err(BodyError::Refused)
}

async fn bulk(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    bulk_answer(&intake, None, request).await
}

async fn bulk_of_index(
    State(intake): State<Arc<Intake>>,
    Path(index): Path<String>,
    request: Request,
) -> Response {
    bulk_answer(&intake, Some(index), request).await
}

async fn bulk_answer(intake: &Arc<Intake>, index: Option<String>, request: Request) -> Response {
    match take_bulk(intake, index, request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(error) => {
            let reason = json!({"type": "illegal_argument_exception", "reason": error.to_string()});
            let body = json!({"error": reason, "status": error.status().as_u16()});
            refused(intake, &error, Json(body).into_response())
        }
    }
}

async fn take_bulk(
    intake: &Arc<Intake>,
    index: Option<String>,
    request: Request,
) -> Result<Value, BodyError> {
    let began = Instant::now();
    let (head, body) = request.into_parts();
    let plain = body::plain_lines(intake, &head.headers, body).await?;
    let arrival = intake.arrival(ELASTIC);
    let bytes = plain.bytes.clone();
    let items = intake.compute(move |_| elastic::items(&bytes, index.as_deref(), arrival.at));
    let items = items.await.map_err(BodyError::Refused)?;
    let items = items.map_err(BodyError::Malformed)?;
    let answer = elastic::answer(&items, began.elapsed().as_millis() as u64);
    let count = items.len();
    let records: Vec<LogRecord> = items.into_iter().filter_map(|i| i.record.ok()).collect();
    let broken = count - records.len();
    keep(intake, ELASTIC, records).await?;
    if broken > 0 {
        intake.meters.dropped(DropReason::Malformed, broken as u64);
    }
    Ok(answer)
}

fn media_type(headers: &HeaderMap) -> String {
    let said = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let said = said.and_then(|said| said.split(';').next());
    said.unwrap_or_default().trim().to_ascii_lowercase()
}

/// Counts it, and says when to come again.
fn refused(intake: &Intake, error: &BodyError, mut response: Response) -> Response {
    if let Some(reason) = error.reason() {
        intake.meters.dropped(reason, 1);
    }
    *response.status_mut() = error.status();
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
