use super::{INFERENCE_FROM, log, mean, t_quantile, variance};

/// A geometric mean of durations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct GeometricMean {
    pub value: f64,
    /// The 95 % interval; none of fewer than five values.
    pub interval: Option<(f64, f64)>,
}

/// The geometric mean with Student's interval on the logarithms: what to say of lognormal durations
/// (Olsson, "Confidence Intervals for the Mean of a Log-Normal Distribution", 2005: of its median,
/// which the geometric mean estimates).
pub(crate) fn geometric_mean(seconds: &[f64]) -> Option<GeometricMean> {
    if seconds.is_empty() {
        return None;
    }
    let logs: Vec<f64> = seconds.iter().copied().map(log).collect();
    let center = mean(&logs);
    let interval = (logs.len() >= INFERENCE_FROM).then(|| {
        let n = logs.len() as f64;
        let half = t_quantile(0.975, n - 1.0) * (variance(&logs) / n).sqrt();
        ((center - half).exp(), (center + half).exp())
    });
    Some(GeometricMean {
        value: center.exp(),
        interval,
    })
}
