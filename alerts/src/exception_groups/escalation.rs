//! When an archived group has become more than what it was archived for.

/// How many hours back are looked at: a week.
pub(super) const HOURS: usize = 168;
/// A group that was silent is not called back by a single event.
const LEAST: f64 = 10.0;

/// How often it may happen in an hour. Of a group that is a week old, what it does at most when it
/// comes in bursts, or a spike over its average of the week in which later days weigh more; of a
/// younger one ten times its highest hour.
pub(super) fn hourly_limit(hours: &[f64], is_week_old: bool) -> f64 {
    let most = hours.iter().copied().fold(0.0, f64::max);
    let count = hours.len().max(1) as f64;
    let average = hours.iter().sum::<f64>() / count;
    if !is_week_old || average <= 0.0 {
        return (most * 10.0).max(LEAST);
    }
    let variance = hours
        .iter()
        .map(|hour| (hour - average).powi(2))
        .sum::<f64>()
        / count;
    let deviation = variance.sqrt();
    let scale = 5.0 * (-0.65 * deviation / average).exp();
    let bursty = most * scale.clamp(2.0, 5.0);
    let spread = ((average + 5.0 * deviation) / average).clamp(5.0, 8.0);
    let spike = weighted_average(hours) + spread * average;
    bursty.max(spike).max(LEAST)
}

/// Each hour weighs as much as its number.
fn weighted_average(hours: &[f64]) -> f64 {
    let weights = (1..=hours.len()).map(|weight| weight as f64);
    let total: f64 = weights.clone().sum();
    let weighted: f64 = hours
        .iter()
        .zip(weights)
        .map(|(hour, weight)| hour * weight)
        .sum();
    if total > 0.0 { weighted / total } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_follows_what_is_usual() {
        let check = |hours: &[f64], is_week_old, expected: f64| {
            let limit = hourly_limit(hours, is_week_old);
            assert!((limit - expected).abs() < 0.5, "{limit} {expected}");
        };
        check(&[100.0; HOURS], true, 600.0);
        let mut bursts = [0.0; HOURS];
        bursts[3] = 400.0;
        bursts[90] = 300.0;
        check(&bursts, true, 800.0);
        check(&bursts[..24], false, 4000.0);
        check(&[0.0; HOURS], true, LEAST);
        check(&[], false, LEAST);
    }
}
