//! Which series, labels and metrics there are.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::Api;
use super::escaped_name::unescaped;
use super::params::Params;
use super::query::TRUNCATED;
use super::reply::{ApiError, Data, Reply, reading};
use super::result_json::{push_labels, push_list};
use crate::{Listing, Selector};

/// What a listing is asked for.
struct Asked {
    selectors: Vec<Selector>,
    /// With room for one more than is shown, to know whether there is more.
    listing: Listing,
    limit: usize,
}

impl Asked {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let limit = params.limit()?;
        Ok(Self {
            selectors: params.selectors()?,
            listing: Listing {
                range: params.range()?,
                limit: limit.saturating_add(1),
                ..Listing::default()
            },
            limit,
        })
    }

    /// What was found, as far as it was asked for, and whether that is all.
    fn cut<T>(&self, found: std::io::Result<Vec<T>>) -> Result<(Vec<T>, bool), ApiError> {
        let mut found = found.map_err(|error| match error.kind() {
            std::io::ErrorKind::TimedOut => ApiError::timeout(),
            _ => ApiError::internal(error.to_string()),
        })?;
        let is_cut = found.len() > self.limit;
        found.truncate(self.limit);
        Ok((found, is_cut))
    }
}

pub(super) async fn series(State(api): State<Api>, params: Params) -> Reply {
    let asked = Asked::read(&params)?;
    if asked.selectors.is_empty() {
        return Err(ApiError::bad_data("no match[] parameter provided"));
    }
    reading(move || {
        let found = api.tsdb.list_series(&asked.selectors, &asked.listing);
        let (found, is_cut) = asked.cut(found)?;
        let mut json = String::new();
        push_list(&mut json, &found, push_labels);
        Ok(said_if(is_cut, Data::new(json)))
    })
    .await
}

pub(super) async fn labels(State(api): State<Api>, params: Params) -> Reply {
    let asked = Asked::read(&params)?;
    reading(move || {
        let found = api.tsdb.list_label_names(&asked.selectors, &asked.listing);
        let (found, is_cut) = asked.cut(found)?;
        Ok(said_if(is_cut, Data::of(&found)))
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
    let asked = Asked::read(&params)?;
    reading(move || {
        let values = api
            .tsdb
            .list_label_values(&name, &asked.selectors, &asked.listing);
        let (found, is_cut) = asked.cut(values)?;
        Ok(said_if(is_cut, Data::of(&found)))
    })
    .await
}

pub(super) async fn metadata(State(api): State<Api>, params: Params) -> Reply {
    let limit = whole_number(&params, "limit")?;
    let limit_per_metric = whole_number(&params, "limit_per_metric")?.filter(|&most| most > 0);
    let wanted = params.get("metric").map(str::to_owned);
    reading(move || {
        let mut families: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for one in api.tsdb.metadata() {
            if wanted.as_ref().is_none_or(|wanted| *wanted == one.family) {
                let said = json!({"type": one.kind.as_str(), "unit": one.unit, "help": one.help});
                families.entry(one.family).or_default().push(said);
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

fn said_if(is_cut: bool, data: Data) -> Data {
    if is_cut {
        data.warning(TRUNCATED)
    } else {
        data
    }
}
