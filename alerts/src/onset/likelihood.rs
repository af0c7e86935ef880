/// Log-likelihood of `ratio` times the usual rate over the usual rate, of a negative binomial count
/// whose variance is `mean + alpha · mean²`; of a Poisson count where alpha is 0.
pub(super) fn gain(seen: f64, usual: f64, ratio: f64, alpha: f64) -> f64 {
    let spread = alpha * usual;
    if spread < 1e-6 {
        let rest = usual * (ratio - 1.0);
        return if seen > 0.0 {
            seen * ratio.ln() - rest
        } else {
            -rest
        };
    }
    let wider = ((1.0 + spread * ratio) / (1.0 + spread)).ln();
    let rest = wider / alpha;
    if seen > 0.0 {
        seen * (ratio.ln() - wider) - rest
    } else {
        -rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_little_over_dispersion_changes_little() {
        for (seen, usual, ratio) in [(0.0, 0.5, 3.0), (7.0, 2.0, 5.0), (1.0, 20.0, 0.1)] {
            let (poisson, close) = (
                gain(seen, usual, ratio, 0.0),
                gain(seen, usual, ratio, 1e-5),
            );
            assert!((poisson - close).abs() < 1e-2 * poisson.abs().max(1.0));
        }
    }

    #[test]
    fn one_burst_says_less_where_bursts_are_usual() {
        assert!(gain(60.0, 20.0, 3.0, 0.3) < gain(60.0, 20.0, 3.0, 0.0) / 5.0);
    }
}
