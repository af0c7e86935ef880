use std::collections::BTreeMap;

use super::{INFERENCE_FROM, mean, t_quantile};

/// A ratio of geometric means within strata.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Stratified {
    pub ratio: f64,
    pub interval: (f64, f64),
    /// How many strata have incidents in both arms; only those tell anything.
    pub strata: usize,
    pub incidents: usize,
}

/// The ratio of geometric means that holds the mix of strata fast: least squares on logarithms with
/// a level for each stratum and one shift for all (analysis of variance of two ways without
/// interaction; Fleiss, "The Design and Analysis of Clinical Experiments", 1986, ch. 6). None if
/// fewer than five incidents, or fewer than two degrees of freedom, are left.
pub(crate) fn stratified_ratio(
    before: &[(String, f64)],
    after: &[(String, f64)],
) -> Option<Stratified> {
    let mut strata: BTreeMap<&str, (Vec<f64>, Vec<f64>)> = BTreeMap::new();
    for (stratum, log) in before {
        strata.entry(stratum).or_default().0.push(*log);
    }
    for (stratum, log) in after {
        strata.entry(stratum).or_default().1.push(*log);
    }
    strata.retain(|_, (b, a)| !b.is_empty() && !a.is_empty());
    let weight = |b: &[f64], a: &[f64]| (b.len() * a.len()) as f64 / (b.len() + a.len()) as f64;
    let weights: f64 = strata.values().map(|(b, a)| weight(b, a)).sum();
    let shift = strata
        .values()
        .map(|(b, a)| weight(b, a) * (mean(a) - mean(b)));
    let shift = shift.sum::<f64>() / weights;
    let incidents: usize = strata.values().map(|(b, a)| b.len() + a.len()).sum();
    let degrees = incidents as f64 - strata.len() as f64 - 1.0;
    if incidents < INFERENCE_FROM || degrees < 2.0 {
        return None;
    }
    let rest = |(b, a): &(Vec<f64>, Vec<f64>)| {
        let level = (b.iter().sum::<f64>() + a.iter().map(|log| log - shift).sum::<f64>())
            / (b.len() + a.len()) as f64;
        let of_before: f64 = b.iter().map(|log| (log - level).powi(2)).sum();
        of_before
            + a.iter()
                .map(|log| (log - shift - level).powi(2))
                .sum::<f64>()
    };
    let residual = strata.values().map(rest).sum::<f64>() / degrees;
    let half = t_quantile(0.975, degrees) * (residual / weights).sqrt();
    Some(Stratified {
        ratio: shift.exp(),
        interval: ((shift - half).exp(), (shift + half).exp()),
        strata: strata.len(),
        incidents,
    })
}
