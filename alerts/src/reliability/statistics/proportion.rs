use super::student::normal_quantile;

/// The 95 % interval of a share (Wilson, "Probable Inference, the Law of Succession, and Statistical
/// Inference", 1927), which holds for few as well. None of none.
pub(crate) fn wilson_interval(hits: usize, n: usize) -> Option<(f64, f64)> {
    if n == 0 {
        return None;
    }
    let (z, n, share) = (normal_quantile(0.975), n as f64, hits as f64 / n as f64);
    let center = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt() / (1.0 + z * z / n);
    Some(((center - half).max(0.0), (center + half).min(1.0)))
}
