use std::collections::hash_map::Entry;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchfire_schemas::{LabelSet, Sample};

use crate::QueryError;
use crate::staleness::{STALE, is_stale};

/// One value for each step; the staleness marker where there is none.
pub(crate) type Column = Vec<f64>;

/// Labels, with or without the metric's name. The name is left out only when labels are asked for,
/// since copying them for each series costs more than many functions.
#[derive(Debug, Clone)]
pub(crate) struct Metric {
    labels: Arc<LabelSet>,
    named: bool,
}

/// A series over the grid.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) metric: Metric,
    pub(crate) values: Column,
}

/// A series with times of its own: what a range selector is made of. No staleness markers.
#[derive(Debug, Clone)]
pub(crate) struct SampledSeries {
    pub(crate) metric: Metric,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Column),
    Vector(Vec<Series>),
    Text(String),
}

impl Metric {
    pub(crate) fn new(labels: impl Into<Arc<LabelSet>>) -> Self {
        Self {
            labels: labels.into(),
            named: true,
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        if !self.named && name == LabelSet::NAME {
            return None;
        }
        self.labels.get(name)
    }

    #[must_use]
    pub(crate) fn unnamed(mut self) -> Self {
        self.named = false;
        self
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.labels.iter();
        pairs.filter(|(name, _)| self.named || *name != LabelSet::NAME)
    }

    pub(crate) fn labels(&self) -> Arc<LabelSet> {
        if self.named || self.labels.get(LabelSet::NAME).is_none() {
            return Arc::clone(&self.labels);
        }
        Arc::new(self.labels.without(LabelSet::NAME))
    }
}

impl Series {
    /// The same series under another metric and with other values.
    pub(crate) fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        for value in &mut self.values {
            if !is_stale(*value) {
                *value = f(*value);
            }
        }
        self
    }

    #[must_use]
    pub(crate) fn unnamed(mut self) -> Self {
        self.metric = self.metric.unnamed();
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.iter().all(|&value| is_stale(value))
    }
}

/// Joins series that have the same labels; at no step may two of them have a value.
///
/// Series of one metric differ in more than its name, so they are let through unseen: only for
/// functions that change no other label.
pub(crate) fn joined_unnamed(series: Vec<Series>) -> Result<Vec<Series>, QueryError> {
    let mut names = series.iter().map(|one| one.metric.labels.name());
    let first = names.next();
    let one_metric = first.is_some_and(|first| !first.is_empty() && names.all(|n| n == first));
    if one_metric || series.len() < 2 {
        return Ok(series);
    }
    join_by_labels(series)
}

/// [`joined_unnamed`] for functions that change other labels than the name.
pub(crate) fn join_by_labels(series: Vec<Series>) -> Result<Vec<Series>, QueryError> {
    let mut places: FxHashMap<Arc<LabelSet>, usize> = FxHashMap::default();
    let mut joined: Vec<Series> = Vec::with_capacity(series.len());
    for one in series {
        match places.entry(one.metric.labels()) {
            Entry::Vacant(place) => {
                place.insert(joined.len());
                joined.push(one);
            }
            Entry::Occupied(place) => merge(&mut joined[*place.get()].values, &one.values)?,
        }
    }
    Ok(joined)
}

fn merge(values: &mut Column, others: &[f64]) -> Result<(), QueryError> {
    for (value, &other) in values.iter_mut().zip(others) {
        match (is_stale(*value), is_stale(other)) {
            (_, true) => {}
            (true, false) => *value = other,
            (false, false) => {
                return Err(QueryError::Execution(
                    "vector cannot contain metrics with the same labelset".to_owned(),
                ));
            }
        }
    }
    Ok(())
}

/// A column with nothing in it.
pub(crate) fn empty_column(steps: usize) -> Column {
    vec![STALE; steps]
}
