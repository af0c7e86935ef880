//! Reads and runs cases in the notation of Prometheus' tests of rules and of its language:
//! `load STEP`, `eval instant at T EXPR`, `eval range from T to T step T EXPR`, `expect …`, with
//! `{{schema:… }}` for native histograms.

mod case;
mod classic;
mod compare;
mod histogram;
mod metric;
mod run;
mod values;

pub(crate) use run::run;
