use super::{Direction, SeriesInput};

/// How far back the baseline looks.
const WINDOW_SECONDS: f64 = 3600.0;
/// Blocks over which slow waves and bursts show in the dispersion.
const BLOCK_SECONDS: f64 = 60.0;
const WAVE_SECONDS: f64 = 300.0;

/// What is usual: the rate of bad events, by bin or by unit of traffic, and how much more it
/// varies than a Poisson count does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Baseline {
    /// Events a bin, or events for each unit of traffic where traffic is known.
    pub rate: f64,
    /// Its standard error, dispersion included.
    pub rate_error: f64,
    /// Variance over mean, at least 1, more the fewer bins are known.
    pub dispersion: f64,
}

impl Baseline {
    /// Of the hour before bin `end`.
    pub(super) fn before(input: &SeriesInput, end: usize) -> Self {
        let window = (WINDOW_SECONDS / input.bin_seconds).ceil().max(1.0) as usize;
        let from = end.saturating_sub(window);
        let counts = &input.counts[from..end];
        let weights: Vec<f64> = match &input.traffic {
            Some(traffic) => traffic[from..end].to_vec(),
            None => vec![1.0; counts.len()],
        };
        let block = (BLOCK_SECONDS / input.bin_seconds).round().max(1.0) as usize;
        let (rate, cap) = robust_rate(counts, &weights, block);
        let kept = |(c, w): &(&[f64], &[f64])| c.iter().sum::<f64>() <= cap * w.iter().sum::<f64>();
        let blocks = counts.chunks(block).zip(weights.chunks(block)).filter(kept);
        let (kept_counts, kept_weights): (Vec<&[f64]>, Vec<&[f64]>) = blocks.unzip();
        let dispersion = dispersion(input, &kept_counts.concat(), &kept_weights.concat(), rate);
        let weight: f64 = weights.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let doubt = 1.0 + 2.0 * (2.0 / counts.len().max(1) as f64).sqrt();
        Self {
            rate,
            rate_error: (rate / weight * dispersion).sqrt(),
            dispersion: dispersion * doubt,
        }
    }

    /// The expected count of each bin of `input`.
    pub(super) fn expected(&self, input: &SeriesInput) -> Vec<f64> {
        (0..input.counts.len())
            .map(|bin| self.expected_at(input, bin, self.rate))
            .collect()
    }

    /// The expected count of one bin, on the careful side for a detector: the rate is only known
    /// as well as the bins that it was made of allow.
    pub(super) fn careful_at(&self, input: &SeriesInput, bin: usize) -> f64 {
        let rate = match input.direction {
            Direction::Up => self.rate + 1.5 * self.rate_error,
            Direction::Down => (self.rate - 1.5 * self.rate_error).max(0.0),
        };
        self.expected_at(input, bin, rate)
    }

    #[expect(clippy::unused_self, reason = "reads as a question to the baseline")]
    fn expected_at(&self, input: &SeriesInput, bin: usize, rate: f64) -> f64 {
        let weight = input.traffic.as_ref().map_or(1.0, |traffic| traffic[bin]);
        (rate * weight).max(1e-9)
    }
}

/// Events by unit of weight, and the rate above which a block stands far out. Such blocks are cut
/// to what the others allow: an earlier failure within the window must not become what is usual.
fn robust_rate(counts: &[f64], weights: &[f64], block: usize) -> (f64, f64) {
    let blocks: Vec<(f64, f64)> = counts
        .chunks(block)
        .zip(weights.chunks(block))
        .map(|(c, w)| (c.iter().sum(), w.iter().sum()))
        .collect();
    let total_weight: f64 = blocks.iter().map(|b| b.1).sum();
    if total_weight <= 0.0 {
        return (0.0, 0.0);
    }
    let mean_weight = total_weight / blocks.len() as f64;
    let mut rates: Vec<f64> = blocks
        .iter()
        .filter(|b| b.1 > 0.0)
        .map(|b| b.0 / b.1)
        .collect();
    rates.sort_by(f64::total_cmp);
    let quantile = |q: f64| rates[((rates.len() - 1) as f64 * q).round() as usize];
    let spread = quantile(0.75) - quantile(0.25);
    let one_event = 1.0 / mean_weight;
    let cap = quantile(0.75) + 3.0 * spread.max(one_event) + 2.0 * one_event;
    let sum: f64 = blocks.iter().map(|b| b.0.min(cap * b.1)).sum();
    ((sum + 0.5) / total_weight, cap)
}

fn dispersion(input: &SeriesInput, counts: &[f64], weights: &[f64], rate: f64) -> f64 {
    let by = |seconds: f64| {
        let width = (seconds / input.bin_seconds).round().max(1.0) as usize;
        (width, index_of_dispersion(counts, weights, rate, width))
    };
    let fine = by(input.bin_seconds).1;
    let (_, minute) = by(BLOCK_SECONDS);
    let (width, wave) = by(WAVE_SECONDS);
    // A few wide blocks say little: they count only where they stand out from chance.
    let blocks = (counts.len() / width).max(2) as f64;
    let chance = 1.0 + 2.0 * (2.0 / blocks).sqrt();
    let wave = if wave > chance { wave } else { 1.0 };
    fine.max(minute).max(wave).max(1.0)
}

/// Variance over mean of blocks of `width` bins against the expected counts.
fn index_of_dispersion(counts: &[f64], weights: &[f64], rate: f64, width: usize) -> f64 {
    let mut sum = 0.0;
    let mut blocks = 0.0_f64;
    for (c, w) in counts.chunks_exact(width).zip(weights.chunks_exact(width)) {
        let expected = rate * w.iter().sum::<f64>();
        if expected > 0.0 {
            let off = c.iter().sum::<f64>() - expected;
            sum += off * off / expected.max(0.05);
            blocks += 1.0;
        }
    }
    sum / (blocks - 1.0).max(1.0)
}
