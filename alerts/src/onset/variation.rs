use super::baseline::robust_rate;
use super::signal::Signal;

/// How many hours tell how counts vary, each by its own rate.
const HOURS: usize = 4;
const HOUR_SECONDS: f64 = 3600.0;
/// Blocks over which slow waves and bursts show.
const MINUTE_SECONDS: f64 = 60.0;
const MINUTES_SECONDS: f64 = 300.0;
/// What over-dispersion is before anything is known of it, and how sure that is.
const USUAL_OVERDISPERSION: f64 = 0.05;
const USUAL_ERROR: f64 = 0.12;
/// Over-dispersion over minutes before anything is known of it, beyond what bins tell.
const UNSEEN_WAVE: f64 = 0.005;
const UNSEEN_WAVE_ERROR: f64 = 0.03;
const UNSEEN_SHARE: f64 = 0.1;
/// What wanders together now and then goes further than its variance says.
const HEAVY_TAIL: f64 = 1.6;
/// Standard errors of over-dispersion that a detector allows for.
const CAREFUL: f64 = 0.7;

/// How counts vary about their rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Variation {
    /// Alpha of a negative binomial count: its variance is `mean + alpha · mean²`.
    pub overdispersion: f64,
    /// How unsure alpha is.
    pub overdispersion_error: f64,
    /// How many times more than single bins suggest counts vary over minutes: what neighbours tell
    /// alike they tell once.
    pub wave: f64,
    /// Spans of a minute and of five, each with the over-dispersion of a sum over it, on the
    /// careful side.
    pub over_minutes: [(f64, f64); 2],
}

impl Variation {
    /// Of the hours before bin `end`.
    pub(super) fn before(signal: &Signal, end: usize) -> Self {
        let hours = hours(signal, end);
        let over = |seconds: f64| {
            let mut moments = Moments::default();
            for hour in &hours {
                hour.blocks(signal.bins(seconds))
                    .for_each(|(seen, mean)| moments.add(seen, mean));
            }
            moments
        };
        let single = over(signal.bin_seconds);
        let (alpha, error) = weighted(single.alpha(), (USUAL_OVERDISPERSION, USUAL_ERROR));
        let alpha = alpha.max(0.0);
        let spans = [MINUTE_SECONDS, MINUTES_SECONDS].map(|seconds| (seconds, over(seconds)));
        let seen = single.alpha().0.max(0.0);
        let waves = spans.map(|(seconds, sums)| wave(sums, seen / signal.bins(seconds) as f64));
        Self {
            overdispersion: alpha,
            overdispersion_error: error,
            wave: waves.into_iter().fold(1.0, f64::max),
            over_minutes: spans
                .map(|(seconds, sums)| (seconds, together(sums, alpha, signal.bins(seconds)))),
        }
    }

    /// Alpha, as a detector takes it.
    pub(super) fn careful(&self) -> f64 {
        self.overdispersion + CAREFUL * self.overdispersion_error
    }
}

/// The bins of one hour that do not stand out, with what is usual in them.
struct Hour {
    counts: Vec<f64>,
    usual: Vec<f64>,
}

impl Hour {
    fn blocks(&self, width: usize) -> impl Iterator<Item = (f64, f64)> {
        let blocks = self
            .counts
            .chunks_exact(width)
            .zip(self.usual.chunks_exact(width));
        blocks.map(|(counts, usual)| (counts.iter().sum(), usual.iter().sum()))
    }
}

fn hours(signal: &Signal, end: usize) -> Vec<Hour> {
    let bins = signal.bins(HOUR_SECONDS);
    let block = signal.bins(MINUTE_SECONDS);
    let mut found = Vec::new();
    let mut end = end;
    while end > 0 && found.len() < HOURS {
        let from = end.saturating_sub(bins);
        // What is left at the very start says too little of its own rate.
        let from = if from < bins / 4 { 0 } else { from };
        found.push(hour(
            &signal.counts[from..end],
            &signal.weights[from..end],
            block,
        ));
        end = from;
    }
    found
}

fn hour(counts: &[f64], weights: &[f64], block: usize) -> Hour {
    let (rate, cap) = robust_rate(counts, weights, block);
    let blocks = counts.chunks(block).zip(weights.chunks(block));
    let kept = |(c, w): &(&[f64], &[f64])| c.iter().sum::<f64>() <= cap * w.iter().sum::<f64>();
    let (mut hour_counts, mut usual) = (Vec::new(), Vec::new());
    for (counts, weights) in blocks.filter(kept) {
        hour_counts.extend_from_slice(counts);
        usual.extend(weights.iter().map(|weight| rate * weight));
    }
    Hour {
        counts: hour_counts,
        usual,
    }
}

/// Sums by which alpha is found.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moments {
    excess: f64,
    sum: f64,
    square: f64,
}

impl Moments {
    pub(super) fn add(&mut self, seen: f64, mean: f64) {
        self.excess += (seen - mean).powi(2) - mean;
        self.sum += mean;
        self.square += mean * mean;
    }

    /// As many counts of one mean as would be worth the same, and that mean.
    fn worth(self) -> (f64, f64) {
        (self.sum * self.sum / self.square, self.square / self.sum)
    }

    /// Alpha and its standard error.
    pub(super) fn alpha(self) -> (f64, f64) {
        if self.square <= 0.0 {
            return (0.0, f64::INFINITY);
        }
        let alpha = self.excess / self.square;
        let (number, mean) = self.worth();
        let floor = USUAL_OVERDISPERSION;
        (
            alpha,
            (2.0 / number).sqrt() * (1.0 / mean + alpha.max(floor)),
        )
    }
}

/// Two estimates as one, each by how sure it is.
pub(super) fn weighted(one: (f64, f64), other: (f64, f64)) -> (f64, f64) {
    let (a, b) = (one.1.powi(-2), other.1.powi(-2));
    ((one.0 * a + other.0 * b) / (a + b), (a + b).powf(-0.5))
}

/// How many times more sums vary than they would if each bin stood for itself.
fn wave(sums: Moments, alone: f64) -> f64 {
    if sums.square <= 0.0 {
        return 1.0;
    }
    let (number, mean) = sums.worth();
    let ratio = (1.0 + sums.alpha().0 * mean) / (1.0 + alone * mean);
    let more = (ratio - 1.0).max(0.0);
    // Half of what stands out by its error, nearly all of what does by thrice.
    let surely = more * more * number / 2.0;
    1.0 + more * surely / (surely + 1.0)
}

/// Over-dispersion of sums of `width` bins whose own is `single`: that of bins which each stand for
/// themselves, and what is seen beyond. Before it is seen, neighbours may well go together.
fn together(sums: Moments, single: f64, width: usize) -> f64 {
    let alone = single / width as f64;
    let more = UNSEEN_WAVE + UNSEEN_SHARE * (single - alone);
    let prior = (alone + more, UNSEEN_WAVE_ERROR.max(UNSEEN_SHARE * single));
    let (known, error) = weighted(sums.alpha(), prior);
    alone + HEAVY_TAIL * (known - alone).max(0.0) + CAREFUL * error
}
