/// The quantile of some values by linear interpolation between ranks, as Prometheus has it; sorts
/// the values. NaN counts as the smallest.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let rank = q * (values.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(q: f64, values: &[f64], expected: f64) {
        let found = quantile(q, &mut values.to_vec());
        assert!(
            (found - expected).abs() < 1e-12,
            "{q} of {values:?}: {found}"
        );
    }

    #[test]
    fn ranks_are_interpolated() {
        check(0.5, &[3.0, 1.0, 2.0], 2.0);
        check(0.75, &[0.0, 1.0], 0.75);
        check(0.0, &[5.0], 5.0);
        check(1.0, &[5.0, 7.0], 7.0);
        assert!(quantile(f64::NAN, &mut [1.0]).is_nan());
        assert!(quantile(1.1, &mut [1.0]).is_infinite());
    }
}
