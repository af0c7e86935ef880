use super::quantile;

/// Of more values the arm is stood for by so many of its quantiles: pairs grow with the square.
const MOST: usize = 400;

/// The shift between two sets of logarithms: the median of the differences of all pairs (Hodges and
/// Lehmann, "Estimates of Location Based on Rank Tests", 1963). One long incident does not move it.
pub(crate) fn hodges_lehmann_shift(before: &[f64], after: &[f64]) -> Option<f64> {
    let (before, after) = (thinned(before), thinned(after));
    let mut differences: Vec<f64> = Vec::with_capacity(before.len() * after.len());
    for b in &before {
        differences.extend(after.iter().map(|a| a - b));
    }
    differences.sort_unstable_by(f64::total_cmp);
    quantile(&differences, 0.5)
}

fn thinned(arm: &[f64]) -> Vec<f64> {
    if arm.len() <= MOST {
        return arm.to_vec();
    }
    let mut sorted = arm.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let share = |at: usize| (at as f64 + 0.5) / MOST as f64;
    (0..MOST)
        .filter_map(|at| quantile(&sorted, share(at)))
        .collect()
}
