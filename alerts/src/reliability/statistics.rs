//! The statistics of response times: pure functions, each with its source.
//!
//! Response times are skewed about as a lognormal with a deviation of the logarithms of 1.25
//! (Davidovič, "Incident Metrics in SRE", 2021, as fitted anew by Benninghoff), so intervals and
//! comparisons work on logarithms, and a mean of seconds appears nowhere.

mod bootstrap;
mod geometric_mean;
mod hodges_lehmann;
mod kaplan_meier;
mod permutation;
mod power;
mod proportion;
mod quantile;
mod random;
mod strata;
mod student;
mod triangle;
mod welch;

pub(crate) use bootstrap::{Observed, median_ratio_interval, onset_variance};
pub(crate) use geometric_mean::geometric_mean;
pub(crate) use hodges_lehmann::hodges_lehmann_shift;
pub(crate) use kaplan_meier::{Observation, SurvivalCurve};
pub(crate) use permutation::{mix_p_value, permutation_p_value};
pub(crate) use power::visible_ratio;
pub(crate) use proportion::wilson_interval;
pub(crate) use quantile::{ecdf, quantile};
pub(crate) use strata::stratified_ratio;
pub(crate) use student::t_quantile;
pub(crate) use welch::welch_on_logs;

/// The smallest number of values from which anything is inferred.
pub(crate) const INFERENCE_FROM: usize = 5;
/// The shortest duration that is told from none: clocks, bins and evaluations are no finer, and a
/// logarithm must exist.
pub(crate) const SHORTEST: f64 = 1.0;

/// The logarithm of a duration in seconds.
pub(crate) fn log(seconds: f64) -> f64 {
    seconds.max(SHORTEST).ln()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The unbiased variance; of fewer than two values it is not a number.
fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    squares / (values.len() as f64 - 1.0)
}

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod tests;
