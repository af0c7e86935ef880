//! How surely two shares differ.

/// The normal quantile that a share goes beyond by chance with a probability of 1 % at most in any
/// of so many comparisons (Chernoff's bound, so a little too careful).
pub(super) fn quantile(comparisons: usize) -> f64 {
    // Two sides each, of which one counts.
    let by_chance = 0.005 / comparisons.max(1) as f64;
    (-2.0 * (2.0 * by_chance).ln()).sqrt()
}

/// By how much the share of `inside` in `all_inside` exceeds that of `outside` in `all_outside` at
/// least: the lower end of Newcombe's interval from Wilson's scores (1998, method 10).
pub(super) fn least_difference(
    (inside, all_inside): (u64, u64),
    (outside, all_outside): (u64, u64),
    z: f64,
) -> f64 {
    if all_inside == 0 || all_outside == 0 {
        return 0.0;
    }
    let (p, q) = (share(inside, all_inside), share(outside, all_outside));
    let (least, _) = wilson(p, all_inside, z);
    let (_, most) = wilson(q, all_outside, z);
    (p - q) - ((p - least).powi(2) + (most - q).powi(2)).sqrt()
}

pub(super) fn share(part: u64, all: u64) -> f64 {
    part as f64 / all.max(1) as f64
}

/// Wilson's interval of a share.
fn wilson(share: f64, all: u64, z: f64) -> (f64, f64) {
    let n = all as f64;
    let middle = share + z * z / (2.0 * n);
    let half = z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (
        ((middle - half) / scale).max(0.0),
        ((middle + half) / scale).min(1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_the_paper() {
        // Newcombe's example (a): 56 of 70 against 48 of 80, 95 %: 0.0524 to 0.3339.
        let lower = least_difference((56, 70), (48, 80), 1.959_964);
        assert!((lower - 0.0524).abs() < 5e-5, "{lower}");
        // Example (e): 5 of 56 against 0 of 29: -0.0381.
        let lower = least_difference((5, 56), (0, 29), 1.959_964);
        assert!((lower + 0.0381).abs() < 5e-5, "{lower}");
    }

    #[test]
    fn little_is_not_sure_and_more_comparisons_make_it_less_so() {
        let z = quantile(1);
        assert!(z > 2.5758 && z < 3.1, "{z}");
        assert!(quantile(1_000) > z);
        assert!(least_difference((1, 1), (0, 1), z) <= 0.0);
        assert!(least_difference((1_000, 1_000), (0, 1_000), z) > 0.95);
        assert!(least_difference((5, 5), (0, 0), z) <= 0.0);
    }
}
