//! Which series, labels and metrics there are.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, State};
use serde_json::{Value, json};
use watchfire_schemas::{LabelSet, TimeRange};

use super::Api;
use super::escaped_name::unescaped;
use super::params::Params;
use super::query::TRUNCATED;
use super::reply::{ApiError, Data, Reply, reading};
use super::result_json::push_labels;
use crate::{Selector, Tsdb};

pub(super) async fn series(State(api): State<Api>, params: Params) -> Reply {
    let selectors = params.selectors()?;
    if selectors.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    let (range, limit) = (params.range()?, params.limit()?);
    reading(move || {
        let found = matching(&api.tsdb, &selectors, range);
        let mut json = String::from("[");
        for (at, labels) in found.iter().take(limit).enumerate() {
            if at > 0 {
                json.push(',');
            }
            push_labels(&mut json, labels);
        }
        json.push(']');
        Ok(said_if_cut(Data::new(json), found.len(), limit))
    })
    .await
}

pub(super) async fn labels(State(api): State<Api>, params: Params) -> Reply {
    let (selectors, range) = (params.selectors()?, params.range()?);
    let limit = params.limit()?;
    reading(move || {
        let mut names: BTreeSet<String> = BTreeSet::new();
        if selectors.is_empty() {
            names.extend(api.tsdb.label_names());
        }
        for labels in matching(&api.tsdb, &selectors, range) {
            names.extend(labels.iter().map(|(name, _)| name.to_owned()));
        }
        Ok(texts(&names, limit))
    })
    .await
}

pub(super) async fn label_values(
    State(api): State<Api>,
    Path(name): Path<String>,
    params: Params,
) -> Reply {
    let name = unescaped(&name);
    if name.is_empty() {
        return Err(ApiError::bad_data(format!("invalid label name: {name:?}")));
    }
    let (selectors, range) = (params.selectors()?, params.range()?);
    let limit = params.limit()?;
    reading(move || {
        let mut values: BTreeSet<String> = BTreeSet::new();
        if selectors.is_empty() {
            values.extend(api.tsdb.label_values(&name));
        }
        for labels in matching(&api.tsdb, &selectors, range) {
            values.extend(labels.get(&name).map(str::to_owned));
        }
        Ok(texts(&values, limit))
    })
    .await
}

pub(super) async fn metadata(State(api): State<Api>, params: Params) -> Reply {
    let limit = whole_number(&params, "limit")?;
    let limit_per_metric = whole_number(&params, "limit_per_metric")?.filter(|&most| most > 0);
    let wanted = params.get("metric").map(str::to_owned);
    reading(move || {
        let mut families: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for (name, kind) in api.tsdb.metric_kinds() {
            if wanted.as_ref().is_none_or(|wanted| *wanted == name) {
                let said = json!({"type": kind.as_str(), "unit": "", "help": ""});
                families.entry(name).or_default().push(said);
            }
        }
        for said in families.values_mut() {
            said.truncate(limit_per_metric.unwrap_or(usize::MAX));
        }
        let kept: BTreeMap<_, _> = families
            .into_iter()
            .take(limit.unwrap_or(usize::MAX))
            .collect();
        Ok(Data::of(&kept))
    })
    .await
}

/// A number of entries; a negative one is none.
fn whole_number(params: &Params, name: &str) -> Result<Option<usize>, ApiError> {
    let asked = params.get(name).map(str::parse::<i64>).transpose();
    let asked = asked.map_err(|_| ApiError::bad_data(format!("{name} must be a number")))?;
    Ok(asked.and_then(|asked| usize::try_from(asked).ok()))
}

/// The label sets that any selector likes and that have samples in the range, sorted.
fn matching(tsdb: &Tsdb, selectors: &[Selector], range: TimeRange) -> BTreeSet<LabelSet> {
    let found = selectors
        .iter()
        .flat_map(|selector| tsdb.series(selector, range));
    found.collect()
}

fn texts(all: &BTreeSet<String>, limit: usize) -> Data {
    let shown: Vec<_> = all.iter().take(limit).collect();
    said_if_cut(Data::of(&shown), all.len(), limit)
}

fn said_if_cut(data: Data, found: usize, limit: usize) -> Data {
    if found > limit {
        data.warning(TRUNCATED)
    } else {
        data
    }
}
