//! Durations of which some still run: they are known to be at least so long, and count as that.

use super::INFERENCE_FROM;
use super::student::normal_quantile;

/// A duration: over, or known to be at least so long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Observation {
    pub seconds: f64,
    pub is_over: bool,
}

/// A step of the curve: the share that lasts longer than so many seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SurvivalStep {
    pub seconds: f64,
    pub surviving: f64,
    /// The 95 % interval; none where nothing survives.
    pub interval: Option<(f64, f64)>,
}

/// Kaplan and Meier's estimate ("Nonparametric Estimation from Incomplete Observations", 1958).
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct SurvivalCurve {
    pub steps: Vec<SurvivalStep>,
    n: usize,
}

impl SurvivalCurve {
    /// Of durations in any order. Greenwood's variance; the interval of each step is that of
    /// log(−log S), so that it stays within 0 and 1 (Kalbfleisch and Prentice, 1980).
    pub(crate) fn of(observations: &[Observation]) -> Self {
        let mut sorted = observations.to_vec();
        // What is over at a time is over before what is last seen then.
        sorted.sort_unstable_by(|a, b| {
            let by_time = a.seconds.total_cmp(&b.seconds);
            by_time.then(b.is_over.cmp(&a.is_over))
        });
        let z = normal_quantile(0.975);
        let (mut surviving, mut greenwood) = (1.0, 0.0);
        let mut steps = Vec::new();
        let mut at = 0;
        while at < sorted.len() {
            let seconds = sorted[at].seconds;
            let same = sorted[at..].iter();
            let same = same.take_while(|one| one.seconds.total_cmp(&seconds).is_eq());
            let (mut all, mut over) = (0, 0);
            for one in same {
                all += 1;
                over += usize::from(one.is_over);
            }
            let at_risk = (sorted.len() - at) as f64;
            at += all;
            if over == 0 {
                continue;
            }
            let ended = over as f64;
            surviving *= 1.0 - ended / at_risk;
            greenwood += ended / (at_risk * (at_risk - ended));
            let is_inside = surviving > 0.0 && surviving < 1.0;
            steps.push(SurvivalStep {
                seconds,
                surviving,
                interval: is_inside.then(|| log_log(surviving, greenwood, z)),
            });
        }
        Self {
            steps,
            n: sorted.len(),
        }
    }

    /// The time by which the share `q` is over: the first at which no more than the rest survives.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        let rest = 1.0 - q + 1e-12;
        let found = self.steps.iter().find(|step| step.surviving <= rest);
        found.map(|step| step.seconds)
    }

    /// Its 95 % interval (Brookmeyer and Crowley, "A Confidence Interval for the Median Survival
    /// Time", 1982): the times at which the curve's interval leaves that share. Either end may not
    /// be known yet. None of fewer than five values.
    pub(crate) fn quantile_interval(&self, q: f64) -> Option<(Option<f64>, Option<f64>)> {
        if self.n < INFERENCE_FROM {
            return None;
        }
        let rest = 1.0 - q + 1e-12;
        let first = |end: fn((f64, f64)) -> f64| {
            let below = |step: &&SurvivalStep| step.interval.is_some_and(|i| end(i) <= rest);
            self.steps.iter().find(below).map(|step| step.seconds)
        };
        Some((first(|i| i.0), first(|i| i.1)))
    }
}

fn log_log(surviving: f64, greenwood: f64, z: f64) -> (f64, f64) {
    let log = surviving.ln();
    let half = z * greenwood.sqrt() / log.abs();
    (surviving.powf(half.exp()), surviving.powf((-half).exp()))
}
