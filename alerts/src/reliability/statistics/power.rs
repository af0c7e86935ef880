use super::{INFERENCE_FROM, t_quantile, variance};

/// The share of comparisons that should see a change of the size told.
const POWER: f64 = 0.8;

/// The ratio below one that a comparison of so many incidents would see in four of five cases, at a
/// p-value of 5 %: what this n can tell. By the usual approximation, the sum of two quantiles of
/// Student's t times the standard error (Chow et al., "Sample Size Calculations in Clinical Research",
/// 2008, 3.2), with the spread of these incidents. None of fewer than five in an arm.
pub(crate) fn visible_ratio(before: &[f64], after: &[f64]) -> Option<f64> {
    if before.len() < INFERENCE_FROM || after.len() < INFERENCE_FROM {
        return None;
    }
    let (nb, na) = (before.len() as f64, after.len() as f64);
    let degrees = nb + na - 2.0;
    let pooled = (variance(before) * (nb - 1.0) + variance(after) * (na - 1.0)) / degrees;
    let error = (pooled * (1.0 / nb + 1.0 / na)).sqrt();
    let quantiles = t_quantile(0.975, degrees) + t_quantile(POWER, degrees);
    (error > 0.0).then(|| (-quantiles * error).exp())
}
