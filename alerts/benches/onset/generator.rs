use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use watchfire_alerts::onset::{Direction, SeriesInput};
use watchfire_schemas::Timestamp;

/// How much counts vary beyond a fixed rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Noise {
    Poisson,
    /// Variance is `mean + alpha · mean²`, each bin for itself.
    NegativeBinomial(f64),
    /// The rate wanders: its logarithm has this standard deviation, and keeps this share of its
    /// deviation from one ten seconds to the next.
    Wandering(f64, f64),
}

/// One kind of series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scenario {
    /// Events in ten seconds, as usual.
    pub rate: f64,
    /// How many times the usual there are while it fails; 1 is a quiet series.
    pub factor: f64,
    /// Seconds until it is fully there; 0 is a step.
    pub ramp: f64,
    pub noise: Noise,
    pub bin: f64,
    /// Seconds known before onset.
    pub history: f64,
    /// How long the failure lasts.
    pub lasts: f64,
    /// Whether all requests are told, of which the events are a twentieth.
    pub traffic: bool,
    /// By how much of itself the rate swings over a day.
    pub swing: f64,
    /// The share of bins of which nothing is known.
    pub missing: f64,
}

impl Scenario {
    pub(crate) const USUAL: Self = Self {
        rate: 1.0,
        factor: 5.0,
        ramp: 0.0,
        noise: Noise::Poisson,
        bin: 10.0,
        history: 3600.0,
        lasts: 1500.0,
        traffic: false,
        swing: 0.0,
        missing: 0.0,
    };

    /// Whether a detector is held to DESIGN's figures here.
    pub(crate) fn is_frequent(&self) -> bool {
        self.rate >= 1.0 && (self.factor >= 3.0 || self.factor < 0.4)
    }
}

/// A series, and when its failure began and ended, in seconds after its start.
pub(crate) struct Simulated {
    pub input: SeriesInput,
    pub onset: f64,
    pub end: f64,
}

const START: Timestamp = Timestamp::from_secs(1_000_000_000);
/// The events' share of the requests.
const SHARE: f64 = 0.05;

pub(crate) fn simulate(scenario: &Scenario, seed: u64) -> Simulated {
    let mut rng = StdRng::seed_from_u64(seed);
    let onset = scenario.history + rng.random::<f64>() * 60.0;
    let end = onset + scenario.lasts;
    let day = rng.random::<f64>() * 86_400.0;
    let bins = ((end + 900.0) / scenario.bin).ceil() as usize;
    let mut wander = Wander::new(scenario.noise, scenario.bin, &mut rng);
    let (mut counts, mut traffic) = (Vec::with_capacity(bins), Vec::with_capacity(bins));
    for bin in 0..bins {
        let (from, to) = (bin as f64 * scenario.bin, (bin + 1) as f64 * scenario.bin);
        let swing = ((from + day) / 86_400.0 * std::f64::consts::TAU).sin() * scenario.swing;
        let usual = scenario.rate * scenario.bin / 10.0 * (1.0 + swing);
        let part = part(scenario, onset, end, from, to);
        let risen = 1.0 + (scenario.factor - 1.0) * part;
        let missing = rng.random::<f64>() < scenario.missing;
        let factor = wander.factor(usual * risen, &mut rng);
        let (count, all) = if scenario.traffic {
            let all = poisson(&mut rng, usual / SHARE * factor);
            let share = (SHARE * risen).min(1.0);
            (binomial(&mut rng, all, share), all)
        } else {
            (poisson(&mut rng, usual * risen * factor), 0.0)
        };
        counts.push(if missing { f64::NAN } else { count });
        traffic.push(if missing { f64::NAN } else { all });
    }
    let direction = if scenario.factor < 1.0 {
        Direction::Down
    } else {
        Direction::Up
    };
    let input = SeriesInput {
        id: format!("{seed}"),
        start: START,
        bin_seconds: scenario.bin,
        counts,
        traffic: scenario.traffic.then_some(traffic),
        direction,
    };
    Simulated { input, onset, end }
}

/// How much of the failure there is between two times, on average.
fn part(scenario: &Scenario, onset: f64, end: f64, from: f64, to: f64) -> f64 {
    let grown = |t: f64| {
        let since = (t.min(end) - onset).max(0.0);
        if since < scenario.ramp {
            since * since / (2.0 * scenario.ramp)
        } else {
            since - scenario.ramp / 2.0
        }
    };
    (grown(to) - grown(from)) / (to - from)
}

struct Wander {
    noise: Noise,
    keep: f64,
    at: f64,
}

impl Wander {
    fn new(noise: Noise, bin: f64, rng: &mut StdRng) -> Self {
        let (keep, at) = match noise {
            Noise::Wandering(deviation, keep) => (keep.powf(bin / 10.0), deviation * normal(rng)),
            _ => (0.0, 0.0),
        };
        Self { noise, keep, at }
    }

    fn factor(&mut self, mean: f64, rng: &mut StdRng) -> f64 {
        match self.noise {
            Noise::Poisson => 1.0,
            Noise::NegativeBinomial(_) if mean <= 0.0 => 1.0,
            Noise::NegativeBinomial(alpha) => gamma(rng, 1.0 / alpha) * alpha,
            Noise::Wandering(deviation, _) => {
                let fresh = deviation * (1.0 - self.keep * self.keep).sqrt();
                self.at = self.keep * self.at + fresh * normal(rng);
                (self.at - deviation * deviation / 2.0).exp()
            }
        }
    }
}

fn normal(rng: &mut StdRng) -> f64 {
    let (u, v): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// By counting exponential waits.
fn poisson(rng: &mut StdRng, mean: f64) -> f64 {
    if mean > 300.0 {
        return (mean + normal(rng) * mean.sqrt()).round().max(0.0);
    }
    let (mut passed, mut count) = (0.0, 0.0);
    loop {
        passed -= (1.0 - rng.random::<f64>()).ln();
        if passed > mean {
            return count;
        }
        count += 1.0;
    }
}

fn binomial(rng: &mut StdRng, of: f64, share: f64) -> f64 {
    (0..of as u64)
        .filter(|_| rng.random::<f64>() < share)
        .count() as f64
}

/// By Marsaglia and Tsang's method.
fn gamma(rng: &mut StdRng, shape: f64) -> f64 {
    if shape < 1.0 {
        return gamma(rng, shape + 1.0) * rng.random::<f64>().powf(1.0 / shape);
    }
    let third = shape - 1.0 / 3.0;
    loop {
        let drawn = normal(rng);
        let cubed = (1.0 + drawn / (9.0 * third).sqrt()).powi(3);
        let accept = 0.5 * drawn * drawn + third - third * cubed + third * cubed.ln();
        if cubed > 0.0 && rng.random::<f64>().ln() < accept {
            return third * cubed;
        }
    }
}
