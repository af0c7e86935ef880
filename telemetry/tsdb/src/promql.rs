//! PromQL with the semantics of Prometheus 3: ranges and lookback are open on the left.
//!
//! An expression is evaluated series by series over the whole grid of steps: each series' chunks
//! are decoded once, whatever the number of steps. A series in flight is a column with one value a
//! step; the staleness marker stands for "nothing at this step".

mod absent;
mod aggregation;
mod binary;
mod budget;
mod calendar;
mod changes;
mod classic_histogram;
mod durations;
mod evaluator;
mod float_sum;
mod fold;
mod functions;
mod gate;
mod gathering;
mod grid;
mod grouping;
mod histogram_functions;
mod info;
mod instant_rate;
mod label_functions;
mod matching;
mod math;
mod metric;
mod native;
mod native_operators;
mod native_over_time;
mod native_rate;
mod notes;
mod outcome;
mod over_time;
mod parse;
mod positions;
mod quantile;
mod range_functions;
mod ranking;
mod rate;
mod regression;
mod selection;
mod set_operators;
mod sorting;
mod subquery;
mod value;
mod window_functions;

pub(crate) use budget::Budget;
pub(crate) use evaluator::{Asked, Evaluator};
pub(crate) use gate::Gate;
pub(crate) use native::add as add_histogram;
pub(crate) use native::reduce as reduce_histogram;
pub(crate) use notes::Notes;
pub(crate) use parse::{Parsed, format_expression, parse};
