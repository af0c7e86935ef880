use super::Direction;
use super::baseline::Baseline;
use super::likelihood::gain;
use super::signal::Signal;
use super::variation::Variation;

/// Seconds between false alarms that the threshold is made for, of a series that behaves as its
/// baseline says.
const BETWEEN_FALSE_ALARMS: f64 = 15.0 * 86_400.0;
/// The longest stretch that is judged as a whole, and how much longer one is than the next shorter.
const LONGEST_SECONDS: f64 = 1800.0;
const LONGER: f64 = 1.4;
/// How many times the usual rate the CUSUM is made for that says where something began to stir.
const STIRS_UP: f64 = 2.0;
const STIRS_DOWN: f64 = 0.5;
const STIRRED: f64 = 2.0;
/// Nothing is judged before this much is known: by seconds, and by bins.
const WARM_UP_SECONDS: f64 = 120.0;
const WARM_UP_BINS: usize = 10;
/// The baseline is taken anew this often, and never from the last bins: what is being judged must
/// not become what is usual.
const RENEW_SECONDS: f64 = 60.0;
const GUARD_SECONDS: f64 = 120.0;
const VARY_SECONDS: f64 = 300.0;

/// A stretch of bins in which a detector left zero.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Excursion {
    /// The first bin after the detector's last zero.
    pub since: usize,
    /// Where an earlier failure ended: this one began no earlier.
    pub not_before: usize,
    /// The bin in which it passed its threshold.
    pub alarm: usize,
    /// What was usual before it.
    pub baseline: Baseline,
}

/// A CUSUM: where it last was zero, and how far above it is.
#[derive(Debug, Clone, Copy)]
struct Stir {
    ratio: f64,
    score: f64,
    since: usize,
}

impl Stir {
    /// Whether so much stirs that what is usual must not be taken from here. Not for ever, and not
    /// for longer than what is usual has been known: it may be known wrong.
    fn holds(&self, bin: usize, longest: usize) -> bool {
        self.score > STIRRED && bin - self.since < longest.min(self.since)
    }

    fn take(&mut self, bin: usize, seen: f64, usual: f64, known: &Baseline) {
        let Variation {
            overdispersion,
            wave,
            ..
        } = known.variation;
        self.score += gain(seen, usual, self.ratio, overdispersion) / wave;
        if self.score <= 0.0 {
            self.score = 0.0;
            self.since = bin + 1;
        }
    }
}

/// The first excursion from bin `from` on that passes the threshold.
pub(super) fn first_alarm(signal: &Signal, from: usize) -> Option<Excursion> {
    let threshold = (BETWEEN_FALSE_ALARMS / signal.bin_seconds).ln();
    walk(signal, from, threshold).0
}

/// The excursion that the last bin stands in, alarmed or not.
pub(super) fn at_end(signal: &Signal, from: usize) -> Option<Excursion> {
    walk(signal, from, f64::INFINITY).1
}

fn walk(signal: &Signal, from: usize, threshold: f64) -> (Option<Excursion>, Option<Excursion>) {
    let longest = signal.bins(LONGEST_SECONDS);
    let (renew, vary) = (signal.bins(RENEW_SECONDS), signal.bins(VARY_SECONDS));
    let first = from.max(warm_up(signal));
    let mut stir = Stir {
        ratio: match signal.direction {
            Direction::Up => STIRS_UP,
            Direction::Down => STIRS_DOWN,
        },
        score: 0.0,
        since: first,
    };
    let mut windows = Windows::of(signal);
    let mut baseline: Option<Baseline> = None;
    for bin in first..signal.len() {
        let known = match baseline {
            // While something is being judged, what is usual stands still.
            Some(kept) if !(bin - first).is_multiple_of(renew) || stir.holds(bin, longest) => kept,
            kept => {
                let end = guarded(signal, bin);
                let varies = bin < 6 * vary || (bin - first).is_multiple_of(vary);
                let variation = kept.filter(|_| !varies).map(|kept| kept.variation);
                let variation = variation.unwrap_or_else(|| Variation::before(signal, end));
                let fresh = Baseline::varying(signal, end, variation);
                windows.hold_against(&fresh);
                fresh
            }
        };
        baseline = Some(known);
        stir.take(
            bin,
            signal.counts[bin],
            known.careful_at(signal, bin),
            &known,
        );
        if let Some(length) = windows.alarming(first, bin, known.rate, threshold) {
            let since = if stir.score > 0.0 {
                stir.since
            } else {
                bin + 1 - length
            };
            return (Some(excursion(signal, from, since, bin)), None);
        }
    }
    let last = signal.len().saturating_sub(1);
    let standing = (stir.score > 0.0).then(|| excursion(signal, from, stir.since, last));
    (None, standing)
}

/// Stretches of growing length that end with the bin at hand: each is held as a whole against what
/// is usual for a stretch of its length. A burst that is spread over neighbours is so told once.
struct Windows {
    direction: Direction,
    bin_seconds: f64,
    /// Counts and weights of all bins before.
    counts: Vec<f64>,
    weights: Vec<f64>,
    /// Lengths in bins, with the over-dispersion of each.
    lengths: Vec<(usize, f64)>,
}

impl Windows {
    fn of(signal: &Signal) -> Self {
        let longest = signal.bins(LONGEST_SECONDS);
        let longer = |length: &usize| Some(((*length as f64 * LONGER) as usize).max(length + 1));
        let lengths = std::iter::successors(Some(1), longer);
        Self {
            direction: signal.direction,
            bin_seconds: signal.bin_seconds,
            counts: summed(&signal.counts),
            weights: summed(&signal.weights),
            lengths: lengths
                .take_while(|l| *l <= longest)
                .map(|l| (l, 0.0))
                .collect(),
        }
    }

    fn hold_against(&mut self, baseline: &Baseline) {
        for (length, alpha) in &mut self.lengths {
            let seconds = *length as f64 * self.bin_seconds;
            *alpha = baseline.careful_overdispersion(seconds, self.bin_seconds);
        }
    }

    /// The length of the stretch that passes the threshold at `bin` by most.
    fn alarming(&self, first: usize, bin: usize, rate: f64, threshold: f64) -> Option<usize> {
        let mut best = (threshold, None);
        for (length, alpha) in &self.lengths {
            if bin + 1 < first + length {
                break;
            }
            let from = bin + 1 - length;
            let seen = self.counts[bin + 1] - self.counts[from];
            let usual = (rate * (self.weights[bin + 1] - self.weights[from])).max(1e-9);
            let off = match self.direction {
                Direction::Up => seen - usual,
                Direction::Down => usual - seen,
            };
            // The likelihood ratio is never over off²/usual, which costs no logarithm.
            if off <= 0.0 || off * off < best.0 * usual {
                continue;
            }
            let gained = gain(seen, usual, seen / usual, *alpha);
            if gained >= best.0 {
                best = (gained, Some(*length));
            }
        }
        best.1
    }
}

/// The sums of all values before each.
fn summed(values: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    let before = std::iter::once(0.0);
    before
        .chain(values.iter().map(|value| {
            sum += value;
            sum
        }))
        .collect()
}

fn warm_up(signal: &Signal) -> usize {
    signal.bins(WARM_UP_SECONDS).max(WARM_UP_BINS)
}

/// Where a baseline for bin `bin` ends. Early on the guard is what can be spared.
fn guarded(signal: &Signal, bin: usize) -> usize {
    let guard = signal.bins(GUARD_SECONDS).min(bin / 3);
    bin.saturating_sub(guard).max(1)
}

fn excursion(signal: &Signal, from: usize, since: usize, alarm: usize) -> Excursion {
    let guard = signal.bins(RENEW_SECONDS).min(since / 4);
    Excursion {
        since,
        not_before: from,
        alarm,
        baseline: Baseline::before(signal, since.saturating_sub(guard).max(1)),
    }
}
