use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{MethodRouter, get};
use serde_json::{Value, json};
use watchfire_schemas::{Exemplar, LabelSet, TimeRange};

use super::params::Params;
use super::reply::{ApiError, Data, matrix_data, query_data};
use crate::number::shortest;
use crate::promql::{format_expression, parse};
use crate::{ExemplarSeries, QueryOptions, Selector, Tsdb};

/// How long a query may take; a request may ask for less.
const MOST_TIME: Duration = Duration::from_mins(2);

/// How many points a series of a range query may have.
const MOST_POINTS: i64 = 11_000;

type Reply = Result<Data, ApiError>;

/// `/prometheus/api/v1/{query,query_range,query_exemplars,format_query,series,labels,label/{n}/values,metadata,status/buildinfo}`.
pub fn http_router(tsdb: Arc<Tsdb>) -> Router {
    let api = Router::new()
        .route("/query", get_or_post(query))
        .route("/query_range", get_or_post(query_range))
        .route("/query_exemplars", get_or_post(query_exemplars))
        .route("/format_query", get_or_post(format_query))
        .route("/series", get_or_post(series))
        .route("/labels", get_or_post(labels))
        .route("/label/{name}/values", get(label_values))
        .route("/metadata", get(metadata))
        .route("/status/buildinfo", get(build_info))
        .with_state(tsdb);
    Router::new().nest("/prometheus/api/v1", api)
}

fn get_or_post<H, T>(handler: H) -> MethodRouter<Arc<Tsdb>>
where
    H: axum::handler::Handler<T, Arc<Tsdb>>,
    T: 'static,
{
    get(handler.clone()).post(handler)
}

async fn query(State(tsdb): State<Arc<Tsdb>>, params: Params) -> Reply {
    let expr = params.get("query").unwrap_or_default().to_owned();
    let at = params.time("time")?.unwrap_or_else(|| tsdb.now());
    let options = query_options(&params)?;
    let _stop = options.stop.on_drop();
    reading(move || {
        let answer = tsdb.query(&expr, at, &options)?;
        Ok(query_data(&answer.value))
    })
    .await
}

async fn query_range(State(tsdb): State<Arc<Tsdb>>, params: Params) -> Reply {
    let expr = params.get("query").unwrap_or_default().to_owned();
    let (start, end) = (params.required_time("start")?, params.required_time("end")?);
    if end < start {
        return Err(ApiError::invalid(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let step = params.duration("step")?;
    let step =
        step.ok_or_else(|| ApiError::invalid("step", "cannot parse \"\" to a valid duration"))?;
    let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
    if step_ms == 0 {
        return Err(ApiError::invalid(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if end.millis().saturating_sub(start.millis()) / step_ms > MOST_POINTS {
        return Err(ApiError::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    let options = query_options(&params)?;
    let _stop = options.stop.on_drop();
    reading(move || {
        let answer = tsdb.query_range(&expr, start, end, step, &options)?;
        Ok(matrix_data(&answer.value))
    })
    .await
}

async fn query_exemplars(State(tsdb): State<Arc<Tsdb>>, params: Params) -> Reply {
    let expr = parse(params.get("query").unwrap_or_default())?;
    let range = params.range()?;
    let selectors = crate::matcher::selectors_of(&expr)?;
    reading(move || {
        let found = selectors
            .iter()
            .flat_map(|selector| tsdb.exemplars(selector, range));
        let all: Vec<_> = found.map(|series| exemplar_json(&series)).collect();
        Ok(Data(Value::from(all).to_string()))
    })
    .await
}

async fn format_query(params: Params) -> Reply {
    let formatted = format_expression(params.get("query").unwrap_or_default())?;
    Ok(Data(Value::from(formatted).to_string()))
}

async fn series(State(tsdb): State<Arc<Tsdb>>, params: Params) -> Reply {
    let selectors = params.selectors()?;
    if selectors.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let range = params.range()?;
    let limit = limit(&params)?;
    reading(move || {
        let found = matching(&tsdb, &selectors, range);
        let found: Vec<_> = found.iter().take(limit).map(labels_json).collect();
        Ok(Data(Value::from(found).to_string()))
    })
    .await
}

async fn labels(State(tsdb): State<Arc<Tsdb>>, params: Params) -> Reply {
    let (selectors, range) = (params.selectors()?, params.range()?);
    let limit = limit(&params)?;
    reading(move || {
        let mut names: BTreeSet<String> = BTreeSet::new();
        if selectors.is_empty() {
            names.extend(tsdb.label_names());
        }
        for labels in matching(&tsdb, &selectors, range) {
            names.extend(labels.iter().map(|(name, _)| name.to_owned()));
        }
        let names: Vec<_> = names.into_iter().take(limit).collect();
        Ok(Data(json!(names).to_string()))
    })
    .await
}

async fn label_values(
    State(tsdb): State<Arc<Tsdb>>,
    Path(name): Path<String>,
    params: Params,
) -> Reply {
    let (selectors, range) = (params.selectors()?, params.range()?);
    let limit = limit(&params)?;
    reading(move || {
        let mut values: BTreeSet<String> = BTreeSet::new();
        if selectors.is_empty() {
            values.extend(tsdb.label_values(&name));
        }
        for labels in matching(&tsdb, &selectors, range) {
            values.extend(labels.get(&name).map(str::to_owned));
        }
        let values: Vec<_> = values.into_iter().take(limit).collect();
        Ok(Data(json!(values).to_string()))
    })
    .await
}

async fn metadata(State(tsdb): State<Arc<Tsdb>>, params: Params) -> Reply {
    let limit = limit(&params)?;
    let wanted = params.get("metric");
    let kinds = tsdb.metric_kinds().into_iter();
    let kinds = kinds.filter(|(name, _)| wanted.is_none_or(|wanted| wanted == name));
    let metadata: serde_json::Map<_, _> = kinds
        .take(limit)
        .map(|(name, kind)| {
            (
                name,
                json!([{"type": kind.as_str(), "help": "", "unit": ""}]),
            )
        })
        .collect();
    Ok(Data(Value::from(metadata).to_string()))
}

async fn build_info() -> Data {
    Data(
        json!({
            "application": "Watchfire",
            "version": env!("CARGO_PKG_VERSION"),
            "revision": "",
            "branch": "",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
            "features": {},
        })
        .to_string(),
    )
}

/// Runs what may take long away from the threads that serve.
async fn reading(read: impl FnOnce() -> Reply + Send + 'static) -> Reply {
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|_| Err(ApiError::internal("the query was aborted")))
}

/// What a request may ask for of how its query is answered.
fn query_options(params: &Params) -> Result<QueryOptions, ApiError> {
    let mut options = QueryOptions::within(MOST_TIME);
    if let Some(asked) = params.duration("timeout")? {
        options.deadline = asked.min(MOST_TIME);
    }
    if let Some(asked) = params.duration("lookback_delta")? {
        options.lookback_delta = asked;
    }
    Ok(options)
}

fn limit(params: &Params) -> Result<usize, ApiError> {
    match params.get("limit").map(str::parse) {
        None | Some(Ok(0)) => Ok(usize::MAX),
        Some(Ok(limit)) => Ok(limit),
        Some(Err(_)) => Err(ApiError::invalid("limit", "expected a number")),
    }
}

fn matching(tsdb: &Tsdb, selectors: &[Selector], range: TimeRange) -> BTreeSet<LabelSet> {
    let found = selectors
        .iter()
        .flat_map(|selector| tsdb.series(selector, range));
    found.collect()
}

fn labels_json(labels: &LabelSet) -> Value {
    let pairs = labels.iter();
    Value::Object(
        pairs
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
    )
}

fn exemplar_json(series: &ExemplarSeries) -> Value {
    let exemplars: Vec<_> = series.exemplars.iter().map(one_exemplar_json).collect();
    json!({"seriesLabels": labels_json(&series.labels), "exemplars": exemplars})
}

fn one_exemplar_json(exemplar: &Exemplar) -> Value {
    let trace = exemplar
        .trace_id
        .map(|id| id.to_string())
        .unwrap_or_default();
    let labels = match exemplar.labels.get("trace_id") {
        Some(_) => exemplar.labels.clone(),
        None => exemplar.labels.with("trace_id", &trace),
    };
    json!({
        "labels": labels_json(&labels),
        "value": shortest(exemplar.v),
        "timestamp": exemplar.t as f64 / 1000.0,
    })
}
