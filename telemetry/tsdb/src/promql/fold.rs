//! What a group of an aggregation has gathered, step by step.

use std::sync::Arc;

use promql_parser::parser::token::{self, TokenId};
use watchfire_schemas::NativeHistogram;

use super::float_sum::{FloatSum, Mean, Variance};
use super::metric::Metric;
use super::native::{self, Mismatch};
use super::native_over_time::approach;
use super::native_rate::mismatch_note;
use super::notes::Note;
use super::value::{Column, Point, Series, empty_column};
use crate::staleness::{STALE, is_stale};

/// What is made of a group's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Variance,
    Deviation,
}

#[derive(Debug)]
pub(crate) struct Fold {
    operation: Operation,
    floats: Floats,
    /// One for each step once there is a histogram; only of sums and means.
    histograms: Vec<Histograms>,
}

#[derive(Debug)]
enum Floats {
    /// The staleness marker where there is no term yet.
    Sum(Vec<FloatSum>),
    Avg(Vec<Mean>),
    Variance(Vec<Variance>),
    /// The extreme or the count.
    Plain(Column),
}

/// The histograms of a group at a step.
#[derive(Debug, Clone, Default)]
struct Histograms {
    folded: Option<NativeHistogram>,
    count: f64,
    /// Two of them did not fit together: there is no result.
    broken: bool,
}

impl Operation {
    pub(crate) fn new(op: TokenId) -> Option<Self> {
        Some(match op {
            token::T_SUM => Self::Sum,
            token::T_AVG => Self::Avg,
            token::T_MIN => Self::Min,
            token::T_MAX => Self::Max,
            token::T_COUNT => Self::Count,
            token::T_GROUP => Self::Group,
            token::T_STDVAR => Self::Variance,
            token::T_STDDEV => Self::Deviation,
            _ => return None,
        })
    }

    /// The name in notes of an operation that passes over histograms.
    fn ignores_histograms(self) -> Option<&'static str> {
        match self {
            Self::Min => Some("min"),
            Self::Max => Some("max"),
            Self::Variance => Some("stdvar"),
            Self::Deviation => Some("stddev"),
            Self::Sum | Self::Avg | Self::Count | Self::Group => None,
        }
    }
}

impl Fold {
    pub(crate) fn new(operation: Operation, steps: usize) -> Self {
        let floats = match operation {
            Operation::Sum => Floats::Sum(vec![FloatSum::of(STALE); steps]),
            Operation::Avg => Floats::Avg(vec![Mean::default(); steps]),
            Operation::Variance | Operation::Deviation => {
                Floats::Variance(vec![Variance::default(); steps])
            }
            _ => Floats::Plain(empty_column(steps)),
        };
        Self {
            operation,
            floats,
            histograms: Vec::new(),
        }
    }

    /// Adds a member of the group.
    pub(crate) fn add(&mut self, series: &Series, note: &mut dyn FnMut(Note)) {
        self.add_floats(&series.values);
        if series.histograms.is_empty() {
            return;
        }
        if let Some(name) = self.operation.ignores_histograms() {
            if series.histograms.iter().any(Option::is_some) {
                note(Note::HistogramIgnored(name));
            }
            return;
        }
        if let Floats::Plain(counts) = &mut self.floats {
            let present = series.histograms.iter().zip(counts);
            for (_, count) in present.filter(|(histogram, _)| histogram.is_some()) {
                *count = counted(self.operation, *count);
            }
            return;
        }
        self.histograms
            .resize(series.values.len(), Histograms::default());
        let steps = self.histograms.iter_mut().zip(&series.histograms);
        for (fold, histogram) in steps {
            if let Some(histogram) = histogram {
                fold.add(self.operation, histogram, 1.0, note);
            }
        }
    }

    fn add_floats(&mut self, values: &[f64]) {
        match &mut self.floats {
            Floats::Sum(sums) => each(sums, values, |sum, value| {
                if is_stale(sum.sum()) {
                    *sum = FloatSum::of(value);
                } else {
                    sum.add(value);
                }
            }),
            Floats::Avg(means) => each(means, values, Mean::add),
            Floats::Variance(variances) => each(variances, values, Variance::add),
            Floats::Plain(plain) => match self.operation {
                Operation::Min => each(plain, values, |least, value| {
                    if is_stale(*least) || value < *least || least.is_nan() {
                        *least = value;
                    }
                }),
                Operation::Max => each(plain, values, |most, value| {
                    if is_stale(*most) || value > *most || most.is_nan() {
                        *most = value;
                    }
                }),
                operation => each(plain, values, |count, _| {
                    *count = counted(operation, *count);
                }),
            },
        }
    }

    /// Adds what was gathered of later members.
    pub(crate) fn absorb(&mut self, later: Self, note: &mut dyn FnMut(Note)) {
        match (&mut self.floats, &later.floats) {
            (Floats::Sum(mine), Floats::Sum(theirs)) => {
                for (mine, theirs) in mine.iter_mut().zip(theirs) {
                    if is_stale(mine.sum()) {
                        *mine = *theirs;
                    } else if !is_stale(theirs.sum()) {
                        mine.absorb(*theirs);
                    }
                }
            }
            (Floats::Avg(mine), Floats::Avg(theirs)) => {
                let pairs = mine.iter_mut().zip(theirs);
                pairs.for_each(|(mine, theirs)| mine.absorb(*theirs));
            }
            (Floats::Variance(mine), Floats::Variance(theirs)) => {
                let pairs = mine.iter_mut().zip(theirs);
                pairs.for_each(|(mine, theirs)| mine.absorb(*theirs));
            }
            (Floats::Plain(mine), Floats::Plain(theirs)) if self.operation == Operation::Count => {
                each(mine, theirs, |count, more| {
                    *count = if is_stale(*count) {
                        more
                    } else {
                        *count + more
                    };
                });
            }
            (_, Floats::Plain(theirs)) => self.add_floats(theirs),
            _ => {}
        }
        if self.histograms.is_empty() {
            self.histograms = later.histograms;
            return;
        }
        for (mine, theirs) in self.histograms.iter_mut().zip(later.histograms) {
            mine.broken |= theirs.broken;
            if let Some(histogram) = &theirs.folded {
                mine.add(self.operation, histogram, theirs.count, note);
            }
        }
    }

    pub(crate) fn series(self, metric: Metric, note: &mut dyn FnMut(Note)) -> Series {
        let values = match self.floats {
            Floats::Sum(sums) => sums.into_iter().map(total).collect(),
            Floats::Avg(means) => means.into_iter().map(Mean::value_or_stale).collect(),
            Floats::Variance(variances) => {
                let root = self.operation == Operation::Deviation;
                let value = |variance: Variance| match variance.value_or_stale() {
                    value if root && !is_stale(value) => value.sqrt(),
                    value => value,
                };
                variances.into_iter().map(value).collect()
            }
            Floats::Plain(plain) => plain,
        };
        let mut series = Series::of_floats(metric, values);
        for (step, histograms) in self.histograms.into_iter().enumerate() {
            let Some(mut folded) = histograms.folded else {
                continue;
            };
            if !is_stale(series.values[step]) {
                note(Note::MixedInAggregation);
                series.set(step, Point::None);
            } else if !histograms.broken {
                native::compact(&mut folded);
                series.set(step, Point::Histogram(Arc::new(folded)));
            }
        }
        series
    }
}

impl Histograms {
    /// Adds a histogram that stands for so many members.
    fn add(
        &mut self,
        operation: Operation,
        histogram: &NativeHistogram,
        members: f64,
        note: &mut dyn FnMut(Note),
    ) {
        self.count += members;
        if self.broken {
            return;
        }
        let Some(folded) = &mut self.folded else {
            self.folded = Some(histogram.clone());
            return;
        };
        let added: Result<(), Mismatch> = if operation == Operation::Sum {
            native::add(folded, histogram)
        } else {
            approach(folded, histogram, self.count / members)
        };
        if let Err(mismatch) = added {
            note(mismatch_note(mismatch));
            self.broken = true;
        }
    }
}

fn each<T>(places: &mut [T], values: &[f64], mut add: impl FnMut(&mut T, f64)) {
    for (place, &value) in places.iter_mut().zip(values) {
        if !is_stale(value) {
            add(place, value);
        }
    }
}

fn counted(operation: Operation, count: f64) -> f64 {
    if is_stale(count) || operation == Operation::Group {
        1.0
    } else {
        count + 1.0
    }
}

fn total(sum: FloatSum) -> f64 {
    if is_stale(sum.sum()) {
        STALE
    } else {
        sum.total()
    }
}
