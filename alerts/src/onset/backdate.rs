use super::cusum::Excursion;
use super::{Direction, Model, SeriesInput};

/// How far before the detector's last zero the change may lie, and how far after the alarm the
/// counts are still read.
const BEFORE_SECONDS: f64 = 1800.0;
const AFTER_SECONDS: f64 = 900.0;
/// How long a ramp may take to reach its full height.
const RAMP_SECONDS: [f64; 9] = [
    60.0, 120.0, 180.0, 300.0, 450.0, 600.0, 900.0, 1200.0, 1800.0,
];
/// Candidates within this many units of log-likelihood of the best stay possible.
const WITHIN: f64 = 3.0;
/// Of the golden section, by which the height of a ramp is searched.
const GOLDEN: f64 = 0.618_033_988_75;

/// The change, in bins from the start of the series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Backdated {
    pub at: f64,
    pub earliest: f64,
    pub latest: f64,
    pub model: Model,
    /// Log-likelihood over "nothing changed", dispersion taken out.
    pub evidence: f64,
}

/// The counts that a change is looked for in.
struct Scope<'a> {
    counts: &'a [f64],
    expected: &'a [f64],
    dispersion: f64,
    direction: Direction,
    first: usize,
    last: usize,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    bin: usize,
    likelihood: f64,
    ratio: f64,
    ramp: usize,
}

impl Backdated {
    /// Looks for the change behind `excursion`; bins from `end` on are not read.
    pub(super) fn find(
        input: &SeriesInput,
        expected: &[f64],
        dispersion: f64,
        excursion: &Excursion,
        end: usize,
    ) -> Self {
        let bins = |seconds: f64| (seconds / input.bin_seconds).round().max(1.0) as usize;
        let end = end
            .min(excursion.alarm + 1 + bins(AFTER_SECONDS))
            .clamp(excursion.alarm + 1, input.counts.len());
        let scope = Scope {
            counts: &input.counts[..end],
            expected: &expected[..end],
            dispersion,
            direction: input.direction,
            first: (excursion.since.saturating_sub(bins(BEFORE_SECONDS)))
                .max(excursion.not_before)
                .min(excursion.alarm),
            last: excursion.alarm,
        };
        let steps = scope.steps();
        let step = best(&steps);
        let ramps: Vec<Candidate> = RAMP_SECONDS
            .iter()
            .map(|seconds| bins(*seconds))
            .filter(|length| *length >= 3)
            .flat_map(|length| scope.ramps(length))
            .collect();
        // One parameter more: the ramp has to be better by this much.
        let price = 0.5 * ((end - scope.first) as f64).ln();
        let ramp = ramps
            .iter()
            .copied()
            .max_by(|a, b| a.likelihood.total_cmp(&b.likelihood));
        match ramp {
            Some(ramp) if ramp.likelihood - price > step.likelihood => {
                interval(ramp, &ramps, Model::Ramp, excursion, ramp.bin as f64)
            }
            _ => {
                let at = scope.within_bin(step);
                let possible: Vec<Candidate> = steps.iter().chain(ramps.iter()).copied().collect();
                interval(step, &possible, Model::Step, excursion, at)
            }
        }
    }
}

fn best(candidates: &[Candidate]) -> Candidate {
    candidates
        .iter()
        .copied()
        .max_by(|a, b| a.likelihood.total_cmp(&b.likelihood))
        .expect("the bin of the alarm is always a candidate")
}

fn interval(
    found: Candidate,
    possible: &[Candidate],
    model: Model,
    excursion: &Excursion,
    at: f64,
) -> Backdated {
    let top = possible
        .iter()
        .map(|c| c.likelihood)
        .fold(found.likelihood, f64::max);
    let near = |c: &&Candidate| match model {
        Model::Step if c.ramp > 0 => c.likelihood >= top - 1.0,
        _ => c.likelihood >= found.likelihood - WITHIN,
    };
    let earliest = possible.iter().filter(near).map(|c| c.bin).min();
    let latest = possible.iter().filter(near).map(|c| c.bin).max();
    let earliest = earliest
        .unwrap_or(found.bin)
        .min(found.bin)
        .min(excursion.since.max(1));
    let latest = latest.unwrap_or(found.bin).max(found.bin) + 1;
    Backdated {
        at,
        earliest: (earliest as f64).min(at),
        latest: (latest as f64).max(at),
        model,
        evidence: found.likelihood,
    }
}

impl Scope<'_> {
    /// For each bin: how likely is a step there?
    fn steps(&self) -> Vec<Candidate> {
        let (mut seen, mut usual) = (0.0, 0.0);
        let mut found = Vec::with_capacity(self.counts.len() - self.first);
        for bin in (self.first..self.counts.len()).rev() {
            let after = (seen, usual);
            seen += self.counts[bin];
            usual += self.expected[bin];
            if bin > self.last {
                continue;
            }
            let (gained, ratio) = match self.direction {
                Direction::Up => {
                    let ratio = self.bounded(seen / usual);
                    (gain(seen, usual, ratio), ratio)
                }
                Direction::Down => self.fall(bin, after),
            };
            found.push(Candidate {
                bin,
                likelihood: gained / self.dispersion,
                ratio,
                ramp: 0,
            });
        }
        found
    }

    /// A fall within a bin: what came before it came at the usual rate. Near a rate of nothing this
    /// must be said: a bin that is half full would be all but impossible, and a ramp that began long
    /// before would seem likelier. `after` is what was seen and usual in the bins that follow.
    fn fall(&self, bin: usize, after: (f64, f64)) -> (f64, f64) {
        let (count, expected) = (self.counts[bin], self.expected[bin]);
        let own = self.bounded(count / expected);
        if after.1 <= 0.0 {
            return (gain(count, expected, own), own);
        }
        let ratio = self.bounded(after.0 / after.1);
        let gained = gain(after.0, after.1, ratio) + gain(count, expected, own.max(ratio));
        (gained, ratio)
    }

    fn bounded(&self, ratio: f64) -> f64 {
        match self.direction {
            Direction::Up => ratio.max(1.0),
            Direction::Down => ratio.min(1.0),
        }
    }

    /// For each bin: how likely is a ramp of `length` bins that starts there?
    fn ramps(&self, length: usize) -> Vec<Candidate> {
        let stride = (length / 30).max(1);
        (self.first..=self.last)
            .step_by(stride)
            .map(|bin| self.ramp(bin, length))
            .collect()
    }

    /// The best height of a ramp from `bin`, found by golden-section search on its logarithm.
    fn ramp(&self, bin: usize, length: usize) -> Candidate {
        let window = bin..self.counts.len();
        let seen: f64 = self.counts[window.clone()].iter().sum();
        let usual: f64 = self.expected[window].iter().sum();
        let mean = self.bounded(seen / usual);
        let likelihood = |ratio: f64| self.ramp_likelihood(bin, length, ratio);
        let (mut low, mut high) = match self.direction {
            Direction::Up => (mean.ln(), (mean * 4.0 + 1.0).ln()),
            Direction::Down => ((mean / 20.0).max(1e-4).ln(), mean.max(1e-4).ln()),
        };
        for _ in 0..7 {
            let (a, b) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
            if likelihood(a.exp()) > likelihood(b.exp()) {
                high = b;
            } else {
                low = a;
            }
        }
        let ratio = f64::midpoint(low, high).exp();
        Candidate {
            bin,
            likelihood: likelihood(ratio),
            ratio,
            ramp: length,
        }
    }

    fn ramp_likelihood(&self, bin: usize, length: usize, ratio: f64) -> f64 {
        let mut sum = 0.0;
        for at in bin..self.counts.len().min(bin + length) {
            let part = (at - bin) as f64 + 0.5;
            let here = 1.0 + (ratio - 1.0) * part / length as f64;
            sum += gain(self.counts[at], self.expected[at], here);
        }
        if bin + length < self.counts.len() {
            let rest = bin + length..self.counts.len();
            let seen: f64 = self.counts[rest.clone()].iter().sum();
            let usual: f64 = self.expected[rest].iter().sum();
            sum += gain(seen, usual, ratio);
        }
        sum / self.dispersion
    }

    /// Where within its first bin a step lies, by how much of the bin is already changed.
    fn within_bin(&self, step: Candidate) -> f64 {
        let full = self.expected[step.bin] * (step.ratio - 1.0);
        let extra = self.counts[step.bin] - self.expected[step.bin];
        if full.abs() < 5.0 {
            return step.bin as f64;
        }
        let changed = (extra / full).clamp(0.0, 1.0);
        step.bin as f64 + (1.0 - changed)
    }
}

/// Log-likelihood of `ratio` times the usual rate over the usual rate.
fn gain(seen: f64, usual: f64, ratio: f64) -> f64 {
    let ratio = ratio.max(1e-9);
    if seen <= 0.0 {
        return -(ratio - 1.0) * usual;
    }
    seen * ratio.ln() - (ratio - 1.0) * usual
}
