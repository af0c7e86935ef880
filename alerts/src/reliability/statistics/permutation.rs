use std::collections::BTreeMap;

use super::random::SplitMix;
use super::student::normal_cdf;
use super::{mean, variance};

/// Up to so many ways to deal values out to two arms, all are tried.
const EXACT_UP_TO: u64 = 200_000;
/// Otherwise so many.
const SHUFFLES: usize = 9_999;
/// From so many values on, their distribution is as good as normal.
const NORMAL_FROM: usize = 1_000;
/// Values moved in all where mixes are compared.
const MOST_MOVED: usize = 1_000_000;

/// A p-value by permutation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Permuted {
    pub p_value: f64,
    /// Whether all ways were tried.
    pub is_exact: bool,
}

/// How often two arms dealt out at random differ in their means by as much as these do, from both
/// sides (Fisher's randomization test, as Good tells it, "Permutation Tests", 2000). Of too many ways
/// for all, a seeded draw; what was seen counts as one of them (Phipson and Smyth, 2010). Of thousands
/// of values the normal distribution that it comes to (Hoeffding, 1951).
pub(crate) fn permutation_p_value(before: &[f64], after: &[f64], seed: u64) -> Option<Permuted> {
    if before.is_empty() || after.is_empty() {
        return None;
    }
    let mut all: Vec<f64> = before.iter().chain(after).copied().collect();
    let total: f64 = all.iter().sum();
    let (nb, na) = (before.len() as f64, after.len() as f64);
    let apart = |sum: f64| (sum / nb - (total - sum) / na).abs();
    let as_seen = apart(before.iter().sum()) * (1.0 - 1e-12) - 1e-12;
    if let Some(ways) = choices(all.len(), before.len()) {
        let as_far = dealt(&all, before.len(), 0.0, &|sum| apart(sum) >= as_seen);
        return Some(Permuted {
            p_value: as_far as f64 / ways as f64,
            is_exact: true,
        });
    }
    if all.len() >= NORMAL_FROM {
        let deviation = (variance(&all) * (1.0 / nb + 1.0 / na)).sqrt();
        let z = (mean(before) - mean(after)).abs() / deviation;
        return Some(Permuted {
            p_value: (2.0 * normal_cdf(-z)).clamp(0.0, 1.0),
            is_exact: false,
        });
    }
    let mut random = SplitMix::seeded(seed);
    let as_far = (0..SHUFFLES).filter(|_| {
        random.choose(&mut all, before.len());
        apart(all[..before.len()].iter().sum()) >= as_seen
    });
    Some(Permuted {
        p_value: (1 + as_far.count()) as f64 / (1 + SHUFFLES) as f64,
        is_exact: false,
    })
}

/// In how many ways `chosen` of `n` can be taken, if they are few enough to try all.
fn choices(n: usize, chosen: usize) -> Option<u64> {
    let mut ways: u64 = 1;
    for k in 1..=chosen.min(n - chosen) as u64 {
        ways = ways.checked_mul(n as u64 - k + 1)? / k;
        if ways > EXACT_UP_TO {
            return None;
        }
    }
    Some(ways)
}

/// How many ways to take `left` more of the values give a sum that counts.
fn dealt(values: &[f64], left: usize, sum: f64, counts: &dyn Fn(f64) -> bool) -> u64 {
    if left == 0 {
        return u64::from(counts(sum));
    }
    let Some((first, rest)) = values.split_first() else {
        return 0;
    };
    if values.len() < left {
        return 0;
    }
    dealt(rest, left - 1, sum + first, counts) + dealt(rest, left, sum, counts)
}

/// How often two arms dealt out at random differ in their mix of kinds by as much as these do:
/// by half the sum of the differences of shares.
pub(crate) fn mix_p_value(before: &[String], after: &[String], seed: u64) -> f64 {
    if before.is_empty() || after.is_empty() {
        return 1.0;
    }
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for kind in before.iter().chain(after) {
        let next = kinds.len();
        kinds.entry(kind).or_insert(next);
    }
    let mut all: Vec<usize> = before
        .iter()
        .chain(after)
        .map(|kind| kinds[kind.as_str()])
        .collect();
    let apart = |dealt: &[usize]| {
        let mut shares = vec![0.0; kinds.len()];
        let (b, a) = dealt.split_at(before.len());
        for kind in b {
            shares[*kind] += 1.0 / b.len() as f64;
        }
        for kind in a {
            shares[*kind] -= 1.0 / a.len() as f64;
        }
        shares.into_iter().map(f64::abs).sum::<f64>()
    };
    let as_seen = apart(&all) - 1e-9;
    let mut random = SplitMix::seeded(seed);
    let shuffles = (MOST_MOVED / all.len()).clamp(199, 1_999);
    let as_far = (0..shuffles).filter(|_| {
        random.choose(&mut all, before.len());
        apart(&all) >= as_seen
    });
    (1 + as_far.count()) as f64 / (1 + shuffles) as f64
}
