use super::baseline::Baseline;
use super::{Direction, SeriesInput};

/// ln of the bins between false alarms: 30 days of 10-s bins.
const THRESHOLD: f64 = 12.5;
/// How many times the usual rate each detector is made for.
const RATIOS_UP: [f64; 2] = [2.0, 5.0];
const RATIOS_DOWN: [f64; 2] = [0.5, 0.2];
/// Nothing is judged before this much is known.
const WARM_UP_SECONDS: f64 = 600.0;
/// The baseline is taken anew this often, and never from the last bins: what is being judged must
/// not become what is usual.
const RENEW_SECONDS: f64 = 60.0;
const GUARD_SECONDS: f64 = 120.0;

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

/// One CUSUM of log-likelihood ratios.
#[derive(Debug, Clone, Copy)]
struct Detector {
    ratio: f64,
    score: f64,
    since: usize,
}

impl Detector {
    fn take(&mut self, bin: usize, count: f64, expected: f64, dispersion: f64) {
        let gain = (count * self.ratio.ln() - expected * (self.ratio - 1.0)) / dispersion;
        self.score += gain;
        if self.score <= 0.0 {
            self.score = 0.0;
            self.since = bin + 1;
        }
    }
}

/// The first excursion from bin `from` on that passes the threshold.
pub(super) fn first_alarm(input: &SeriesInput, from: usize) -> Option<Excursion> {
    let threshold = THRESHOLD + (RATIOS_UP.len() as f64).ln();
    walk(input, from, threshold).0
}

/// The excursion that the last bin stands in, alarmed or not.
pub(super) fn at_end(input: &SeriesInput, from: usize) -> Option<Excursion> {
    walk(input, from, f64::INFINITY).1
}

fn walk(
    input: &SeriesInput,
    from: usize,
    threshold: f64,
) -> (Option<Excursion>, Option<Excursion>) {
    let ratios = match input.direction {
        Direction::Up => RATIOS_UP,
        Direction::Down => RATIOS_DOWN,
    };
    let bins = |seconds: f64| (seconds / input.bin_seconds).round().max(1.0) as usize;
    let (renew, guard) = (bins(RENEW_SECONDS), bins(GUARD_SECONDS));
    let first = from.max(bins(WARM_UP_SECONDS));
    let mut detectors = ratios.map(|ratio| Detector {
        ratio,
        score: 0.0,
        since: first,
    });
    let mut baseline = None;
    for bin in first..input.counts.len() {
        let known = match baseline {
            // While something is being judged, what is usual stands still.
            Some(kept) if (bin - first) % renew != 0 || detectors[0].score > 2.0 => kept,
            _ => Baseline::before(input, bin.saturating_sub(guard).max(1)),
        };
        baseline = Some(known);
        let expected = known.careful_at(input, bin);
        for detector in &mut detectors {
            detector.take(bin, input.counts[bin], expected, known.dispersion);
        }
        if detectors.iter().any(|d| d.score >= threshold) {
            let since = detectors
                .iter()
                .filter(|d| d.score > 0.0)
                .map(|d| d.since)
                .min();
            return (
                Some(excursion(input, from, since.unwrap_or(bin), bin)),
                None,
            );
        }
    }
    let standing = detectors.iter().find(|d| d.score > 0.0);
    let last = input.counts.len().saturating_sub(1);
    (
        None,
        standing.map(|d| excursion(input, from, d.since, last)),
    )
}

fn excursion(input: &SeriesInput, from: usize, since: usize, alarm: usize) -> Excursion {
    let guard = (RENEW_SECONDS / input.bin_seconds).round().max(1.0) as usize;
    let warm_up = (WARM_UP_SECONDS / input.bin_seconds).round().max(1.0) as usize;
    let end = since.saturating_sub(guard).max(warm_up.min(since)).max(1);
    Excursion {
        since,
        not_before: from,
        alarm,
        baseline: Baseline::before(input, end),
    }
}
