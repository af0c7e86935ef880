use std::collections::hash_map::Entry;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchfire_schemas::NativeHistogram;

use super::metric::Metric;
use crate::QueryError;
use crate::staleness::{STALE, is_stale};
use crate::storage::Points;

/// One value for each step; the staleness marker where there is none.
pub(crate) type Column = Vec<f64>;

/// One histogram for each step, or nothing at all if there is none.
pub(crate) type HistogramColumn = Vec<Option<Arc<NativeHistogram>>>;

/// A series over the grid. At a step it has a number, a histogram or nothing; most series have no
/// histograms, and pay nothing for them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Series {
    pub(crate) metric: Metric,
    pub(crate) values: Column,
    pub(crate) histograms: HistogramColumn,
}

/// What a series has at a step.
#[derive(Debug, Clone)]
pub(crate) enum Point {
    None,
    Float(f64),
    Histogram(Arc<NativeHistogram>),
}

/// A series with times of its own: what a range selector is made of. No staleness markers.
#[derive(Debug, Clone)]
pub(crate) struct SampledSeries {
    pub(crate) metric: Metric,
    pub(crate) points: Points,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Scalar(Column),
    Vector(Vec<Series>),
    Text(String),
}

impl Series {
    pub(crate) fn of_floats(metric: Metric, values: Column) -> Self {
        Self {
            metric,
            values,
            histograms: Vec::new(),
        }
    }

    /// With nothing at any step; keeps its memory.
    pub(crate) fn reset(&mut self, metric: Metric, steps: usize) {
        self.metric = metric;
        self.values.clear();
        self.values.resize(steps, STALE);
        self.histograms.clear();
    }

    /// Changes the numbers and leaves out the histograms.
    pub(crate) fn map(mut self, f: impl Fn(f64) -> f64) -> Self {
        self.histograms.clear();
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

    pub(crate) fn histogram(&self, step: usize) -> Option<&Arc<NativeHistogram>> {
        self.histograms.get(step)?.as_ref()
    }

    pub(crate) fn set(&mut self, step: usize, point: Point) {
        let (value, histogram) = match point {
            Point::None => (STALE, None),
            Point::Float(value) => (value, None),
            Point::Histogram(histogram) => (STALE, Some(histogram)),
        };
        self.values[step] = value;
        if histogram.is_some() && self.histograms.is_empty() {
            self.histograms.resize(self.values.len(), None);
        }
        if let Some(place) = self.histograms.get_mut(step) {
            *place = histogram;
        }
    }

    pub(crate) fn point(&self, step: usize) -> Point {
        match self.histogram(step) {
            Some(histogram) => Point::Histogram(Arc::clone(histogram)),
            None if is_stale(self.values[step]) => Point::None,
            None => Point::Float(self.values[step]),
        }
    }

    pub(crate) fn is_present(&self, step: usize) -> bool {
        !is_stale(self.values[step]) || self.histogram(step).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.iter().all(|&value| is_stale(value))
            && self.histograms.iter().all(Option::is_none)
    }

    /// How many samples it counts for in a query's budget.
    pub(crate) fn weight(&self) -> usize {
        let histograms = self.histograms.iter().flatten();
        let of_one = |h: &Arc<NativeHistogram>| {
            8 + h.positive.counts.len() + h.negative.counts.len() + h.custom_bounds.len()
        };
        self.values.len() + histograms.map(of_one).sum::<usize>()
    }

    /// Takes over what another series of the same labels has; at no step may both have something.
    fn merge(&mut self, other: &Self) -> Result<(), QueryError> {
        for step in 0..self.values.len() {
            if !other.is_present(step) {
                continue;
            }
            if self.is_present(step) {
                return Err(same_labels());
            }
            self.set(step, other.point(step));
        }
        Ok(())
    }
}

/// Joins series that have the same labels; at no step may two of them have something.
///
/// Series of one metric differ in more than its name, so they are let through unseen: only for
/// functions that change no other label.
pub(crate) fn joined_unnamed(series: Vec<Series>) -> Result<Vec<Series>, QueryError> {
    let mut names = series.iter().map(|one| one.metric.full_name());
    let first = names.next();
    let one_metric = first.is_some_and(|first| !first.is_empty() && names.all(|n| n == first));
    let keeps_names = series.first().is_some_and(|one| one.metric.is_delayed());
    if one_metric || keeps_names || series.len() < 2 {
        return Ok(series);
    }
    join_by_labels(series)
}

/// [`joined_unnamed`] for functions that change other labels than the name.
pub(crate) fn join_by_labels(series: Vec<Series>) -> Result<Vec<Series>, QueryError> {
    let mut places = FxHashMap::default();
    let mut joined: Vec<Series> = Vec::with_capacity(series.len());
    for one in series {
        match places.entry(one.metric.labels()) {
            Entry::Vacant(place) => {
                place.insert(joined.len());
                joined.push(one);
            }
            Entry::Occupied(place) => joined[*place.get()].merge(&one)?,
        }
    }
    Ok(joined)
}

pub(crate) fn same_labels() -> QueryError {
    QueryError::Execution("vector cannot contain metrics with the same labelset".to_owned())
}

/// A column with nothing in it.
pub(crate) fn empty_column(steps: usize) -> Column {
    vec![STALE; steps]
}
