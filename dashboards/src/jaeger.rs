//! Jaeger's query API under `/jaeger/api`: what Jaeger's page and Grafana ask.
//!
//! Errors have Jaeger's form: `errors` beside an empty `data`, the status in the answer's head too.

mod asked;
mod shape;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};
use watchfire_logsearch::{QueryError, TraceSpans};
use watchfire_schemas::{Timestamp, TraceId};
use watchfire_tsdb::{Listing, Selector};

use crate::params::Params;
use crate::{Console, ask};
use asked::SearchAsked;

/// How many spans are looked at for the traces of one search.
const MOST_SPANS: usize = 5_000;
const SPAN_METRIC: &str = "traces_span_metrics_calls_total";

pub(crate) fn router() -> Router<Console> {
    Router::new()
        .route("/jaeger/api/services", get(services))
        .route("/jaeger/api/services/{service}/operations", get(operations))
        .route("/jaeger/api/operations", get(operations_of))
        .route("/jaeger/api/traces", get(search))
        .route("/jaeger/api/traces/{id}", get(one))
        .route("/jaeger/api/dependencies", get(dependencies))
}

/// What Jaeger wraps each answer in.
fn answer(data: &[Value]) -> Response {
    let total = data.len();
    let body =
        json!({"data": data, "total": total, "limit": 0, "offset": 0, "errors": Value::Null});
    Json(body).into_response()
}

/// Why there is no answer.
struct Failure {
    status: StatusCode,
    message: String,
    trace: Option<String>,
}

impl Failure {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            trace: None,
        }
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        let status = match &error {
            QueryError::Parse { .. } | QueryError::Cursor => StatusCode::BAD_REQUEST,
            QueryError::Busy { .. } => StatusCode::SERVICE_UNAVAILABLE,
            QueryError::TimedOut | QueryError::TooCostly { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            QueryError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut error = json!({"code": self.status.as_u16(), "msg": self.message});
        if let Some(id) = self.trace {
            error["traceID"] = id.into();
        }
        let body =
            json!({"data": Value::Null, "total": 0, "limit": 0, "offset": 0, "errors": [error]});
        (self.status, Json(body)).into_response()
    }
}

async fn services(State(console): State<Console>) -> Result<Response, Failure> {
    let names = label_values(&console, "service", SPAN_METRIC.to_owned()).await?;
    let names: Vec<Value> = names.into_iter().map(Value::from).collect();
    Ok(answer(&names))
}

/// The names alone.
async fn operations(
    State(console): State<Console>,
    Path(service): Path<String>,
) -> Result<Response, Failure> {
    let selector = format!("{SPAN_METRIC}{{service={}}}", quoted(&service));
    let names = label_values(&console, "operation", selector).await?;
    let names: Vec<Value> = names.into_iter().map(Value::from).collect();
    Ok(answer(&names))
}

/// The names with the kinds of their spans.
async fn operations_of(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Failure> {
    let service = asked::required(&params, "service")?;
    let kind = params.get("spanKind").map(str::to_ascii_lowercase);
    let mut found = Vec::new();
    for (label, shown) in [
        ("SPAN_KIND_SERVER", "server"),
        ("SPAN_KIND_CLIENT", "client"),
        ("SPAN_KIND_INTERNAL", "internal"),
        ("SPAN_KIND_PRODUCER", "producer"),
        ("SPAN_KIND_CONSUMER", "consumer"),
    ] {
        if kind.as_ref().is_some_and(|kind| kind != shown) {
            continue;
        }
        let selector = format!(
            "{SPAN_METRIC}{{service={},kind={label:?}}}",
            quoted(&service)
        );
        let names = label_values(&console, "operation", selector).await?;
        let all = names.into_iter();
        found.extend(all.map(|name| json!({"name": name, "spanKind": shown})));
    }
    Ok(answer(&found))
}

async fn label_values(
    console: &Console,
    label: &'static str,
    selector: String,
) -> Result<Vec<String>, Failure> {
    let tsdb = std::sync::Arc::clone(&console.tsdb);
    let unread = |reason: String| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, reason);
    let listed = tokio::task::spawn_blocking(move || {
        let selector = Selector::parse(&selector).map_err(|error| error.to_string())?;
        let values = tsdb.list_label_values(label, &[selector], &Listing::default());
        values.map_err(|error| error.to_string())
    });
    let listed = listed.await.map_err(|error| unread(error.to_string()))?;
    listed.map_err(unread)
}

/// A text within a PromQL selector.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The traces of the newest spans that match, each whole.
async fn search(State(console): State<Console>, params: Params) -> Result<Response, Failure> {
    let ids = params.all("traceID");
    let ids: Vec<TraceId> = if ids.is_empty() {
        let asked = SearchAsked::read(&params, console.clock.now())?;
        let page = ask::spans(&console, &asked.query, asked.range, MOST_SPANS, None).await?;
        let mut ids: Vec<TraceId> = Vec::new();
        for (_, span) in &page.spans {
            if ids.len() < asked.limit && !ids.contains(&span.trace_id) {
                ids.push(span.trace_id);
            }
        }
        ids
    } else {
        ids.iter()
            .map(|id| trace_id(id))
            .collect::<Result<_, _>>()?
    };
    let traces = ids
        .iter()
        .map(|id| console.events.trace(*id, ask::DEADLINE));
    let mut shown = Vec::new();
    for trace in join_all(traces).await {
        let TraceSpans { spans, .. } = trace?;
        shown.extend(shape::trace(&spans));
    }
    Ok(answer(&shown))
}

async fn one(State(console): State<Console>, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = trace_id(&id)?;
    let trace = console.events.trace(id, ask::DEADLINE).await?;
    match shape::trace(&trace.spans) {
        Some(trace) => Ok(answer(&[trace])),
        None => Err(Failure {
            trace: Some(id.to_string()),
            ..Failure::new(StatusCode::NOT_FOUND, "trace not found")
        }),
    }
}

/// Jaeger leaves out zeros at the start.
fn trace_id(text: &str) -> Result<TraceId, Failure> {
    let whole = format!("{:0>32}", text.to_ascii_lowercase());
    whole.parse().map_err(|_| {
        let message = format!("trace id {text:?}: expected up to 32 hexadecimal digits");
        Failure::new(StatusCode::BAD_REQUEST, message)
    })
}

/// Who called whom how often, over the length of time before `endTs`.
async fn dependencies(State(console): State<Console>, params: Params) -> Result<Response, Failure> {
    let millis = |name: &'static str, default: i64| match params.get(name) {
        None => Ok(default),
        Some(text) => text.parse::<i64>().map_err(|_| {
            let message = format!("unable to parse param {name:?}: expected milliseconds");
            Failure::new(StatusCode::BAD_REQUEST, message)
        }),
    };
    let end = millis("endTs", console.clock.now().millis())?;
    let lookback = millis("lookback", 86_400_000)?.max(1_000);
    let length = std::time::Duration::from_millis(lookback.unsigned_abs());
    let calls = ask::calls(&console, "", Timestamp::from_millis(end), length).await;
    let calls = calls
        .map_err(|error| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let seconds = length.as_secs().max(60) as f64;
    let told = calls.iter().map(|call| {
        let count = (call.per_second * seconds).round() as u64;
        json!({"parent": call.client, "child": call.server, "callCount": count})
    });
    Ok(answer(&told.collect::<Vec<_>>()))
}
