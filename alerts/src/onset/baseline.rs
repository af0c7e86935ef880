use super::Direction;
use super::signal::Signal;
use super::variation::Variation;

/// How far back the baseline looks.
const WINDOW_SECONDS: f64 = 3600.0;
/// Blocks by which a part that stands out is left out.
const BLOCK_SECONDS: f64 = 60.0;
/// By how much of itself the usual rate may have moved since the hour it was taken from.
const DRIFT: f64 = 0.05;
/// What has been known for only these seconds may be as far off as this over-dispersion; what has
/// been known for longer, less so.
const EARLY: f64 = 0.05;
const EARLY_SECONDS: f64 = 120.0;

/// What is usual: the rate of bad events, by bin or by unit of traffic, and how it varies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Baseline {
    /// Events a bin, or events for each unit of traffic where traffic is known.
    pub rate: f64,
    /// Its standard error, over-dispersion and waves included.
    pub rate_error: f64,
    pub variation: Variation,
    /// Variance over mean of counts over minutes, at least 1.
    pub dispersion: f64,
    /// How long it has been known.
    known_seconds: f64,
}

impl Baseline {
    /// Of the hour before bin `end`; how it varies, of the hours before.
    pub(super) fn before(signal: &Signal, end: usize) -> Self {
        Self::varying(signal, end, Variation::before(signal, end))
    }

    /// The same, where it is known how it varies.
    pub(super) fn varying(signal: &Signal, end: usize, variation: Variation) -> Self {
        let from = end.saturating_sub(signal.bins(WINDOW_SECONDS));
        let (counts, weights) = (&signal.counts[from..end], &signal.weights[from..end]);
        let (rate, _) = robust_rate(counts, weights, signal.bins(BLOCK_SECONDS));
        let weight: f64 = weights.iter().sum::<f64>();
        let mean = rate * weight / (counts.len() as f64).max(1.0);
        let dispersion = (1.0 + variation.overdispersion * mean) * variation.wave;
        let events = (rate * weight).max(0.5);
        Self {
            rate,
            rate_error: rate * (dispersion / events).sqrt(),
            variation,
            dispersion,
            known_seconds: (end - from) as f64 * signal.bin_seconds,
        }
    }

    /// Over-dispersion of a sum over `seconds`, on the careful side: what is not known of it, and
    /// of the rate, counts as if it varied.
    pub(super) fn careful_overdispersion(&self, seconds: f64, bin_seconds: f64) -> f64 {
        let single = self.variation.careful();
        let alone = single * bin_seconds / seconds;
        let [minute, minutes] = self.variation.over_minutes;
        let together = if seconds <= minute.0 {
            between((bin_seconds, single), minute, seconds)
        } else {
            between(minute, minutes, seconds)
        };
        let unsure = (self.rate_error / self.rate.max(1e-12)).powi(2);
        let early = EARLY * EARLY_SECONDS / self.known_seconds.max(EARLY_SECONDS);
        together.max(alone) + unsure + early + DRIFT * DRIFT
    }

    /// The expected count of each bin.
    pub(super) fn expected(&self, signal: &Signal) -> Vec<f64> {
        let weights = signal.weights.iter();
        weights.map(|weight| expected(self.rate, *weight)).collect()
    }

    /// The expected count of one bin, on the careful side: the rate is only known as well as the
    /// bins that it was made of allow.
    pub(super) fn careful_at(&self, signal: &Signal, bin: usize) -> f64 {
        let rate = match signal.direction {
            Direction::Up => self.rate + self.rate_error,
            Direction::Down => (self.rate - self.rate_error).max(self.rate * 0.1),
        };
        expected(rate, signal.weights[bin])
    }
}

/// Of two figures at two spans, the one between, by the logarithm of the span. After the second it
/// falls as it does where each span stands for itself.
fn between(one: (f64, f64), other: (f64, f64), seconds: f64) -> f64 {
    if seconds >= other.0 {
        return other.1 * other.0 / seconds;
    }
    if seconds <= one.0 {
        return one.1;
    }
    let share = (seconds / one.0).ln() / (other.0 / one.0).ln();
    one.1 + (other.1 - one.1) * share
}

fn expected(rate: f64, weight: f64) -> f64 {
    (rate * weight).max(1e-9)
}

/// Events by unit of weight, and the rate above which a block stands far out. Such blocks are cut
/// to what the others allow: an earlier failure within the window must not become what is usual.
pub(super) fn robust_rate(counts: &[f64], weights: &[f64], block: usize) -> (f64, f64) {
    let blocks: Vec<(f64, f64)> = counts
        .chunks(block)
        .zip(weights.chunks(block))
        .map(|(c, w)| (c.iter().sum(), w.iter().sum()))
        .filter(|(_, weight)| *weight > 0.0)
        .collect();
    if blocks.is_empty() {
        return (0.0, 0.0);
    }
    let total_weight: f64 = blocks.iter().map(|b| b.1).sum();
    let mean_weight = total_weight / blocks.len() as f64;
    let mut rates: Vec<f64> = blocks.iter().map(|b| b.0 / b.1).collect();
    rates.sort_by(f64::total_cmp);
    let quantile = |q: f64| rates[((rates.len() - 1) as f64 * q).round() as usize];
    let spread = quantile(0.75) - quantile(0.25);
    let one_event = 1.0 / mean_weight;
    let cap = quantile(0.75) + 3.0 * spread.max(one_event) + 2.0 * one_event;
    let sum: f64 = blocks.iter().map(|b| b.0.min(cap * b.1)).sum();
    ((sum + 0.5) / total_weight, cap)
}
