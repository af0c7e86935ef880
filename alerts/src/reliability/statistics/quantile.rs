/// The quantile of sorted values, between the two nearest (type 7 of Hyndman and Fan, "Sample
/// Quantiles in Statistical Packages", 1996: what R and numpy give if nothing is said). Of no value
/// there is none.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = last as f64 * q.clamp(0.0, 1.0);
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    Some(sorted[low] + (sorted[high] - sorted[low]) * place.fract())
}

/// The empirical distribution function of sorted values: each different value with the share that
/// is no greater.
pub(crate) fn ecdf(sorted: &[f64]) -> Vec<(f64, f64)> {
    let n = sorted.len() as f64;
    let mut steps: Vec<(f64, f64)> = Vec::new();
    for (at, value) in sorted.iter().enumerate() {
        let share = (at + 1) as f64 / n;
        match steps.last_mut() {
            Some(last) if last.0.total_cmp(value).is_eq() => last.1 = share,
            _ => steps.push((*value, share)),
        }
    }
    steps
}
