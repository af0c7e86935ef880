//! Questions in PromQL.

use std::time::Duration;

use axum::extract::State;
use tokio::time::Instant;

use super::Api;
use super::params::Params;
use super::reply::{ApiError, Data, Reply, reading};
use super::result_json::{matrix_data, push_exemplars, value_data};
use crate::promql::{format_expression, parse};
use crate::{Annotations, QueryOptions, QueryValue};

/// How long a query may take; a request may ask for less.
const MOST_TIME: Duration = Duration::from_mins(2);

/// How many points a series of a range query may have.
const MOST_POINTS: i64 = 11_000;

/// What an answer says that was cut to the `limit` of its request.
pub(super) const TRUNCATED: &str = "results truncated due to limit";

pub(super) async fn query(State(api): State<Api>, params: Params) -> Reply {
    let expr = params.get("query").unwrap_or_default().to_owned();
    let at = params.time("time")?.unwrap_or_else(|| api.tsdb.now());
    let (limit, stats) = (params.limit()?, params.get("stats").is_some());
    let options = query_options(&params)?;
    let _stop = options.stop.on_drop();
    reading(move || {
        let started = Instant::now();
        let mut answer = api.tsdb.query(&expr, at, &options)?;
        match &mut answer.value {
            QueryValue::Vector(samples) => cut(samples, limit, &mut answer.annotations),
            QueryValue::Matrix(series) => cut(series, limit, &mut answer.annotations),
            QueryValue::Scalar(_) | QueryValue::String(..) => {}
        }
        let data = value_data(&answer.value, stats.then(|| started.elapsed()));
        Ok(data.with(answer.annotations))
    })
    .await
}

pub(super) async fn query_range(State(api): State<Api>, params: Params) -> Reply {
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
    let (limit, stats) = (params.limit()?, params.get("stats").is_some());
    let options = query_options(&params)?;
    let _stop = options.stop.on_drop();
    reading(move || {
        let started = Instant::now();
        let mut answer = api.tsdb.query_range(&expr, start, end, step, &options)?;
        cut(&mut answer.value, limit, &mut answer.annotations);
        let data = matrix_data(&answer.value, stats.then(|| started.elapsed()));
        Ok(data.with(answer.annotations))
    })
    .await
}

pub(super) async fn query_exemplars(State(api): State<Api>, params: Params) -> Reply {
    let parsed = parse(params.get("query").unwrap_or_default())?;
    let (start, end) = (params.required_time("start")?, params.required_time("end")?);
    if end < start {
        return Err(ApiError::bad_data(
            "end timestamp must not be before start timestamp",
        ));
    }
    let range = params.range()?;
    let selectors = crate::matcher::selectors_of(parsed.expr())?;
    reading(move || {
        let found = selectors
            .iter()
            .flat_map(|selector| api.tsdb.exemplars(selector, range));
        let mut found: Vec<_> = found.collect();
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        // Several selectors of an expression may mean the same series.
        found.dedup_by(|a, b| a.labels == b.labels);
        let mut json = String::new();
        push_exemplars(&mut json, &found);
        Ok(Data::new(json))
    })
    .await
}

pub(super) async fn format_query(params: Params) -> Reply {
    let formatted = format_expression(params.get("query").unwrap_or_default())?;
    Ok(Data::of(&formatted))
}

/// Leaves `limit` of the results and says so.
fn cut<T>(results: &mut Vec<T>, limit: usize, annotations: &mut Annotations) {
    if results.len() > limit {
        results.truncate(limit);
        annotations.warnings.push(TRUNCATED.to_owned());
    }
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
