use serde::Serialize;
use watchfire_schemas::Timestamp;

use super::case::Case;
use super::statistics::{Observation, SurvivalCurve, ecdf, geometric_mean, quantile};
use crate::response_times::{Measure, Reading};

/// How many points of a curve are given; of more, quantiles.
const MOST_POINTS: usize = 100;

/// Of one response time over many incidents. Durations are in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ResponseSummary {
    /// Incidents for which it is over.
    pub n: usize,
    /// Incidents for which it is known only to be at least so long: those for which it still runs,
    /// and those that were closed before what it waits for came.
    pub censored: usize,
    /// Of the censored, those for which it still runs.
    pub running: usize,
    /// Of those for which it is over.
    pub median: Option<f64>,
    pub p90: Option<f64>,
    pub geometric_mean: Option<f64>,
    /// 95 % interval of the geometric mean; none below 5 incidents.
    pub interval: Option<(f64, f64)>,
    /// With the censored ones as what they are.
    pub kaplan_meier: KaplanMeier,
}

/// Kaplan and Meier's estimate of when half, and nine in ten, are over. None where too many still run
/// to say; an interval may have no upper end yet.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct KaplanMeier {
    pub median: Option<f64>,
    pub median_interval: Option<(Option<f64>, Option<f64>)>,
    pub p90: Option<f64>,
    pub p90_interval: Option<(Option<f64>, Option<f64>)>,
}

impl ResponseSummary {
    /// The median to show: where some are censored that of Kaplan and Meier, else the plain one.
    pub fn shown_median(&self) -> Option<f64> {
        if self.censored > 0 {
            self.kaplan_meier.median
        } else {
            self.median
        }
    }

    /// The 90th percentile to show, by the same rule.
    pub fn shown_p90(&self) -> Option<f64> {
        if self.censored > 0 {
            self.kaplan_meier.p90
        } else {
            self.p90
        }
    }
}

/// The curves of one response time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// Seconds, and the share of those over that took no longer.
    pub ecdf: Vec<(f64, f64)>,
    /// Kaplan and Meier: seconds, and the share that takes longer, with its 95 % interval.
    pub survival: Vec<SurvivalPoint>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SurvivalPoint {
    pub seconds: f64,
    pub surviving: f64,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// What a measure shows for many incidents.
#[derive(Debug, Default)]
pub(crate) struct Readings {
    /// In order.
    over: Vec<f64>,
    observations: Vec<Observation>,
    running: usize,
}

impl FromIterator<Reading> for Readings {
    fn from_iter<T: IntoIterator<Item = Reading>>(all: T) -> Self {
        let mut readings = Self::default();
        for reading in all {
            let (seconds, is_over) = match reading {
                Reading::Over(seconds) => (seconds, true),
                Reading::Running(seconds) => {
                    readings.running += 1;
                    (seconds, false)
                }
                Reading::Unreached(seconds) => (seconds, false),
                Reading::NotStarted => continue,
            };
            if is_over {
                readings.over.push(seconds);
            }
            readings.observations.push(Observation { seconds, is_over });
        }
        readings.over.sort_unstable_by(f64::total_cmp);
        readings
    }
}

impl Readings {
    pub(crate) fn of<'c>(
        cases: impl Iterator<Item = &'c Case>,
        measure: Measure,
        now: Timestamp,
    ) -> Self {
        cases.map(|case| case.read(measure, now)).collect()
    }

    pub(crate) fn summary(&self) -> ResponseSummary {
        let curve = SurvivalCurve::of(&self.observations);
        let mean = geometric_mean(&self.over);
        ResponseSummary {
            n: self.over.len(),
            censored: self.observations.len() - self.over.len(),
            running: self.running,
            median: quantile(&self.over, 0.5),
            p90: quantile(&self.over, 0.9),
            geometric_mean: mean.map(|mean| mean.value),
            interval: mean.and_then(|mean| mean.interval),
            kaplan_meier: KaplanMeier {
                median: curve.quantile(0.5),
                median_interval: curve.quantile_interval(0.5),
                p90: curve.quantile(0.9),
                p90_interval: curve.quantile_interval(0.9),
            },
        }
    }

    /// The number that are over and that are censored, and the median to show of them.
    pub(crate) fn median(&self) -> (usize, usize, Option<f64>) {
        let censored = self.observations.len() - self.over.len();
        let median = if censored > 0 {
            SurvivalCurve::of(&self.observations).quantile(0.5)
        } else {
            quantile(&self.over, 0.5)
        };
        (self.over.len(), censored, median)
    }

    pub(crate) fn curve(&self) -> Curve {
        let steps = SurvivalCurve::of(&self.observations).steps;
        let survival = thinned(&steps).map(|step| SurvivalPoint {
            seconds: step.seconds,
            surviving: step.surviving,
            low: step.interval.map(|interval| interval.0),
            high: step.interval.map(|interval| interval.1),
        });
        Curve {
            ecdf: thinned(&ecdf(&self.over)).copied().collect(),
            survival: survival.collect(),
        }
    }
}

/// Evenly chosen points, the first and the last among them.
fn thinned<T>(points: &[T]) -> impl Iterator<Item = &T> {
    let count = points.len().min(MOST_POINTS);
    let last = points.len().saturating_sub(1);
    (0..count).map(move |at| &points[at * last / (count - 1).max(1)])
}

#[cfg(test)]
mod tests {
    use super::super::case::tests::case;
    use super::*;

    #[test]
    fn what_still_runs_is_counted_and_moves_the_estimate() {
        let mut cases: Vec<Case> = [100.0, 200.0, 300.0, 400.0]
            .into_iter()
            .map(|ttr| case(1, 10.0, Some(ttr)))
            .collect();
        let now = Timestamp::from_secs(86_400 + 5_000);
        let summary = |cases: &[Case]| Readings::of(cases.iter(), Measure::Recover, now).summary();
        let before = summary(&cases);
        assert_eq!((before.n, before.censored), (4, 0));
        assert_eq!(before.shown_median(), Some(250.0));
        assert_eq!(before.interval, None);
        cases.push(case(1, 10.0, None));
        cases.push(case(1, 10.0, None));
        let after = summary(&cases);
        assert_eq!((after.n, after.censored, after.running), (4, 2, 2));
        assert_eq!(after.median, Some(250.0));
        assert_eq!(after.shown_median(), Some(300.0));
        assert_eq!(after.shown_p90(), None);
        assert_eq!(summary(&[]), ResponseSummary::default());
    }

    #[test]
    fn curves_are_thinned_and_keep_their_ends() {
        let cases: Vec<Case> = (0..1000)
            .map(|at| case(1, f64::from(at), Some(5e3)))
            .collect();
        let now = Timestamp::from_secs(900_000);
        let curve = Readings::of(cases.iter(), Measure::Detect, now).curve();
        assert_eq!(curve.ecdf.len(), MOST_POINTS);
        assert_eq!(curve.ecdf.first(), Some(&(0.0, 0.001)));
        assert_eq!(curve.ecdf.last(), Some(&(999.0, 1.0)));
        let alone = Readings::of(cases[..1].iter(), Measure::Detect, now).curve();
        assert_eq!(alone.ecdf, [(0.0, 1.0)]);
    }
}
