//! What can be said of a few times in seconds, and how sure it is.

use serde::Serialize;

/// Of a standard normal variate, 2.5 % lie above.
const TWO_SIDED_95: f64 = 1.959_964;

/// A figure with its 95 % interval; an end is none where the data do not bound it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Estimated {
    pub value: f64,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// The median of times of which some, the infinite ones, did not end while we looked. Its interval is
/// made of order statistics and supposes nothing of how they are spread.
pub(crate) fn median(times: &[f64]) -> Option<Estimated> {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let value = middle(&sorted)?;
    // As many as lie below the median by chance, in all but 2.5 % of cases.
    let mut below = 0;
    let mut share = 0.5_f64.powi(i32::try_from(n).unwrap_or(i32::MAX));
    let mut sum = share;
    while sum <= 0.025 && below < n {
        share *= (n - below) as f64 / (below + 1) as f64;
        sum += share;
        below += 1;
    }
    let end = |at: Option<usize>| {
        at.map(|at| sorted[at])
            .filter(|seconds| seconds.is_finite())
    };
    // With fewer than six, no interval holds 95 %.
    let bounded = below > 0;
    Some(Estimated {
        value,
        low: end(bounded.then(|| below - 1)),
        high: end(bounded.then(|| n - below)),
    })
}

fn middle(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len();
    let upper = *sorted.get(n / 2)?;
    if n.is_multiple_of(2) && upper.is_finite() {
        return Some(f64::midpoint(sorted[n / 2 - 1], upper));
    }
    Some(upper)
}

/// The share of them at which a time lies.
pub(crate) fn quantile(times: &[f64], share: f64) -> Option<f64> {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len().checked_sub(1)? as f64 * share).round() as usize;
    sorted.get(at).copied()
}

/// The geometric mean of ratios, with Student's interval on their logarithms.
pub(crate) fn geometric_mean(ratios: &[f64]) -> Option<Estimated> {
    let n = ratios.len() as f64;
    if ratios.is_empty() {
        return None;
    }
    let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
    let mean = logs.iter().sum::<f64>() / n;
    let squares: f64 = logs.iter().map(|log| (log - mean).powi(2)).sum();
    let half = (n > 1.0).then(|| student(n - 1.0) * (squares / (n - 1.0) / n).sqrt());
    Some(Estimated {
        value: mean.exp(),
        low: half.map(|half| (mean - half).exp()),
        high: half.map(|half| (mean + half).exp()),
    })
}

/// Of Student's t with so many degrees of freedom, 2.5 % lie above.
fn student(freedom: f64) -> f64 {
    if freedom < 1.5 {
        return 12.706;
    }
    if freedom < 2.5 {
        return 4.303;
    }
    // Cornish and Fisher's expansion about the normal; within 1 % from three degrees on.
    let z = TWO_SIDED_95;
    z + (z.powi(3) + z) / (4.0 * freedom)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * freedom.powi(2))
        + (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z)
            / (384.0 * freedom.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_is_as_in_the_tables() {
        for (freedom, expected) in [(1.0, 12.706), (3.0, 3.182), (5.0, 2.571), (20.0, 2.086)] {
            let found = student(freedom);
            assert!((found / expected - 1.0).abs() < 0.01, "{freedom}: {found}");
        }
    }

    #[test]
    fn a_median_has_the_interval_of_the_sign_test() {
        let times: Vec<f64> = (1..=20).map(f64::from).collect();
        let found = median(&times).unwrap();
        let expected = Estimated {
            value: 10.5,
            low: Some(6.0),
            high: Some(15.0),
        };
        assert_eq!(found, expected);
        assert_eq!(median(&[3.0, 1.0, 2.0]).unwrap().low, None);
        let late = median(&[1.0, 2.0, 3.0, f64::INFINITY, f64::INFINITY]).unwrap();
        assert!((late.value - 3.0).abs() < 1e-9 && late.high.is_none());
    }

    #[test]
    fn ratios_meet_in_their_geometric_mean() {
        let found = geometric_mean(&[0.1, 0.1, 0.1]).unwrap();
        assert!((found.value - 0.1).abs() < 1e-9 && (found.high.unwrap() - 0.1).abs() < 1e-9);
        assert_eq!(geometric_mean(&[]), None);
        assert_eq!(geometric_mean(&[2.0]).unwrap().low, None);
    }
}
