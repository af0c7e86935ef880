use std::time::Duration;

use serde::Serialize;
use watchfire_schemas::{TimeRange, Timestamp};

use super::case::Case;
use super::summary::Readings;
use crate::response_times::Measure;

const DAY: u64 = 86_400;
/// How far back the rolling median looks, in steps.
const ROLLING: usize = 4;
/// A step's width where at most so many steps are made of it.
const MOST_STEPS: f64 = 40.0;
const WIDTHS: [u64; 4] = [DAY, 7 * DAY, 28 * DAY, 91 * DAY];

/// What began in one step of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrendStep {
    pub start: Timestamp,
    pub end: Timestamp,
    pub incidents: usize,
    pub ttd: TrendMeasure,
    pub tta: TrendMeasure,
    pub ttr: TrendMeasure,
}

/// One response time in a step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TrendMeasure {
    pub n: usize,
    pub censored: usize,
    /// As it is to be shown: Kaplan and Meier's where some are censored.
    pub median: Option<f64>,
    /// Over this step and the three before.
    pub rolling_n: usize,
    pub rolling_median: Option<f64>,
}

impl TrendStep {
    pub const fn measure(&self, measure: Measure) -> Option<&TrendMeasure> {
        match measure {
            Measure::Detect => Some(&self.ttd),
            Measure::Acknowledge => Some(&self.tta),
            Measure::Recover => Some(&self.ttr),
            Measure::Notify | Measure::Resolve => None,
        }
    }
}

/// By days, weeks, four weeks or quarters of a year, as the length of the range asks for; the last
/// step ends with the range, or now.
pub(crate) fn trend(cases: &[&Case], range: TimeRange, now: Timestamp) -> Vec<TrendStep> {
    let end = range.end.min(now);
    let length = end.seconds_since(range.start);
    let fits = |width: &u64| length / *width as f64 <= MOST_STEPS;
    let width = WIDTHS.into_iter().find(fits).unwrap_or(91 * DAY);
    let width = Duration::from_secs(width);
    let mut edges = vec![end];
    while let Some(last) = edges.last().copied()
        && last > range.start
    {
        edges.push((last - width).max(range.start));
    }
    edges.reverse();
    let began = |from: Timestamp, to: Timestamp| -> Vec<&Case> {
        let first = cases.partition_point(|case| case.moments.onset < from);
        let after = cases.partition_point(|case| case.moments.onset < to);
        cases[first..after.max(first)].to_vec()
    };
    let steps = edges.windows(2).enumerate().map(|(at, edge)| {
        let rolling_from = edges[(at + 1).saturating_sub(ROLLING)];
        let own = began(edge[0], edge[1]);
        let rolling = began(rolling_from, edge[1]);
        let of = |measure| measured(&own, &rolling, measure, now);
        TrendStep {
            start: edge[0],
            end: edge[1],
            incidents: own.len(),
            ttd: of(Measure::Detect),
            tta: of(Measure::Acknowledge),
            ttr: of(Measure::Recover),
        }
    });
    steps.collect()
}

fn measured(own: &[&Case], rolling: &[&Case], measure: Measure, now: Timestamp) -> TrendMeasure {
    let told = |cases: &[&Case]| Readings::of(cases.iter().copied(), measure, now).median();
    let (n, censored, median) = told(own);
    let (rolling_n, _, rolling_median) = told(rolling);
    TrendMeasure {
        n,
        censored,
        median,
        rolling_n,
        rolling_median,
    }
}

#[cfg(test)]
mod tests {
    use super::super::case::tests::case;
    use super::*;

    #[test]
    fn steps_cover_the_range_without_gaps() {
        let cases = [
            case(3, 10.0, Some(100.0)),
            case(62, 20.0, Some(200.0)),
            case(75, 30.0, Some(300.0)),
            case(89, 40.0, None),
        ];
        let cases: Vec<&Case> = cases.iter().collect();
        let at = |day: i64| Timestamp::from_secs(day * 86_400);
        let range = TimeRange {
            start: at(0),
            end: at(100),
        };
        let steps = trend(&cases, range, at(90));
        assert_eq!((steps[0].start, steps.last().unwrap().end), (at(0), at(90)));
        assert!(steps.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!(steps.iter().map(|step| step.incidents).sum::<usize>(), 4);
        let last = steps.last().unwrap();
        assert_eq!((last.start, last.incidents), (at(83), 1));
        assert_eq!(last.ttd.median, Some(40.0));
        // Of four weeks: 62 to 90.
        assert_eq!(
            (last.ttd.rolling_n, last.ttd.rolling_median),
            (3, Some(30.0))
        );
        assert_eq!((last.ttr.n, last.ttr.censored), (0, 1));
        let days = TimeRange {
            start: at(80),
            end: at(90),
        };
        assert_eq!(trend(&[], days, at(90)).len(), 10);
    }
}
