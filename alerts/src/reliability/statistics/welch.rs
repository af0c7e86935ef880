use super::student::t_cdf;
use super::{INFERENCE_FROM, mean, t_quantile, variance};

/// Welch's comparison of the means of two sets of logarithms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Welch {
    /// Mean after less mean before: the logarithm of the ratio of geometric means.
    pub difference: f64,
    /// The variance of the difference.
    pub variance: f64,
    pub degrees: f64,
    /// The p-value of "no change", from both sides.
    pub p_value: f64,
}

impl Welch {
    /// The 95 % interval of the ratio, its variance enlarged by so much.
    pub(crate) fn interval(&self, added: f64) -> (f64, f64) {
        let half = t_quantile(0.975, self.degrees) * (self.variance + added).sqrt();
        (
            (self.difference - half).exp(),
            (self.difference + half).exp(),
        )
    }
}

/// Welch's t with the degrees of freedom of Welch and Satterthwaite ("The Generalization of
/// 'Student's' Problem…", 1947), on logarithms. None of fewer than five in an arm, or where neither
/// varies.
pub(crate) fn welch_on_logs(before: &[f64], after: &[f64]) -> Option<Welch> {
    if before.len() < INFERENCE_FROM || after.len() < INFERENCE_FROM {
        return None;
    }
    let part = |arm: &[f64]| variance(arm) / arm.len() as f64;
    let (b, a) = (part(before), part(after));
    let variance = b + a;
    // What is left of equal values is the rounding of their logarithms.
    if variance <= 1e-20 {
        return None;
    }
    let lost = |part: f64, n: usize| part * part / (n as f64 - 1.0);
    let degrees = variance * variance / (lost(b, before.len()) + lost(a, after.len()));
    let difference = mean(after) - mean(before);
    let t = difference.abs() / variance.sqrt();
    Some(Welch {
        difference,
        variance,
        degrees,
        p_value: 2.0 * (1.0 - t_cdf(t, degrees)).max(0.0),
    })
}
