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
mod classic_histogram;
mod evaluator;
mod float_sum;
mod functions;
mod grid;
mod label_functions;
mod matching;
mod math;
mod outcome;
mod over_time;
mod parse;
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

pub(crate) use budget::Budget;
pub(crate) use evaluator::{Asked, Evaluator};
pub(crate) use parse::{format_expression, parse};
