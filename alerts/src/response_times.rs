//! The definitions of our response times, in one place, for "MTTR" has many readings.
//!
//! - **TTD**, time to detect = detected − onset. Onset is when the failure began, as the telemetry
//!   or a human says, not when an alert came. Detected is when the first alert fired that pages: a
//!   warning before it woke nobody.
//! - **TTA**, time to acknowledge = acknowledged − notified. Notified is the first page that a
//!   destination took.
//! - **TTR**, time to recover = recovered − onset. Recovered is the start of the quiet in the
//!   telemetry, not the click on "resolve".
//!
//! Means of a few skewed durations mislead; what is reported is n, the median, the 90th percentile
//! and the geometric mean with a 95 % interval (Student's t on the logarithms), from 5 incidents
//! on. What is still running is counted as censored, not left out in silence.

use watchfire_schemas::Timestamp;

use crate::{Phase, ResponseSummary, ResponseTimes};

/// The smallest number of incidents for which an interval is given.
const INTERVAL_FROM: usize = 5;

/// When what happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    pub onset: Timestamp,
    /// The first evaluation at which a rule was true.
    pub first_true: Option<Timestamp>,
    /// How often that rule is evaluated.
    pub interval_seconds: f64,
    pub detected: Timestamp,
    /// When the page could go at the earliest.
    pub page_due: Option<Timestamp>,
    pub notified: Option<Timestamp>,
    pub acknowledged: Option<Timestamp>,
    pub recovered: Option<Timestamp>,
}

pub(crate) fn response_times(moments: &Moments) -> ResponseTimes {
    let between =
        |to: Option<Timestamp>, from: Option<Timestamp>| Some(to?.seconds_since(from?).max(0.0));
    ResponseTimes {
        ttd_seconds: between(Some(moments.detected), Some(moments.onset)),
        tta_seconds: between(moments.acknowledged, moments.notified),
        ttr_seconds: between(moments.recovered, Some(moments.onset)),
    }
}

/// The parts of the time from onset to recovery, as far as they are over, one after another:
///
/// - `data_delay`: until the last evaluation that saw nothing: telemetry under way, and the rule's
///   window filling;
/// - `evaluation`: until the evaluation that saw it;
/// - `hold`: until the alert fired (`for:`);
/// - `grouping`: until the page was due (`group_wait`);
/// - `delivery`: until a destination took it;
/// - `human`: until somebody acknowledged;
/// - `repair`: until the telemetry was quiet.
pub(crate) fn phases(moments: &Moments) -> Vec<Phase> {
    let first_true = moments.first_true.unwrap_or(moments.detected);
    let unseen = first_true - std::time::Duration::from_secs_f64(moments.interval_seconds.max(0.0));
    let ends = [
        ("data_delay", Some(unseen)),
        ("evaluation", Some(first_true)),
        ("hold", Some(moments.detected)),
        (
            "grouping",
            moments.page_due.filter(|_| moments.notified.is_some()),
        ),
        ("delivery", moments.notified),
        ("human", moments.acknowledged),
        ("repair", moments.recovered),
    ];
    let mut from = moments.onset;
    let mut phases = Vec::new();
    for (name, end) in ends {
        let Some(end) = end else { continue };
        // A phase that another has overtaken took no time: an incident that recovers while the
        // page is on its way was not repaired by a human.
        let overtaken = moments
            .recovered
            .filter(|_| name != "repair")
            .unwrap_or(end);
        let to = end.min(overtaken.max(from)).max(from);
        phases.push(Phase {
            name: name.to_owned(),
            from,
            to,
            seconds: to.seconds_since(from),
        });
        from = to;
    }
    phases
}

/// Of the durations that are over and the number that are still running.
pub(crate) fn summarize(mut seconds: Vec<f64>, censored: usize) -> ResponseSummary {
    seconds.sort_by(f64::total_cmp);
    let n = seconds.len();
    if n == 0 {
        return ResponseSummary {
            censored,
            ..ResponseSummary::default()
        };
    }
    // A detection within the second is taken as one of a tenth: its logarithm must exist.
    let logs: Vec<f64> = seconds.iter().map(|s| s.max(0.1).ln()).collect();
    let mean = logs.iter().sum::<f64>() / n as f64;
    let interval = (n >= INTERVAL_FROM).then(|| {
        let variance = logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
        let half = student_t_975(n - 1) * (variance / n as f64).sqrt();
        ((mean - half).exp(), (mean + half).exp())
    });
    ResponseSummary {
        n,
        censored,
        median: Some(quantile(&seconds, 0.5)),
        p90: Some(quantile(&seconds, 0.9)),
        geometric_mean: Some(mean.exp()),
        interval,
    }
}

/// Between the two nearest of the sorted values.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = (sorted.len() - 1) as f64 * q;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * place.fract()
}

/// The 97.5th percentile of Student's t, by the table and, from 31 degrees of freedom on, by
/// Cornish and Fisher's expansion around the normal one.
fn student_t_975(degrees: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    if let Some(value) = TABLE.get(degrees.saturating_sub(1)) {
        return *value;
    }
    let (z, v) = (1.959_964_f64, degrees as f64);
    z + (z.powi(3) + z) / (4.0 * v)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * v * v)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn moments() -> Moments {
        Moments {
            onset: at(100),
            first_true: Some(at(115)),
            interval_seconds: 5.0,
            detected: at(120),
            page_due: Some(at(125)),
            notified: Some(at(127)),
            acknowledged: Some(at(187)),
            recovered: Some(at(400)),
        }
    }

    #[test]
    fn times_run_from_onset_and_from_the_page() {
        let times = response_times(&moments());
        assert_eq!(times.ttd_seconds, Some(20.0));
        assert_eq!(times.tta_seconds, Some(60.0));
        assert_eq!(times.ttr_seconds, Some(300.0));
        let running = Moments {
            notified: None,
            recovered: None,
            ..moments()
        };
        assert_eq!(response_times(&running).tta_seconds, None);
        assert_eq!(response_times(&running).ttr_seconds, None);
    }

    fn check_phases(moments: &Moments, expected: &[(&str, f64)]) {
        let found = phases(moments);
        let shown: Vec<(&str, f64)> = found.iter().map(|p| (p.name.as_str(), p.seconds)).collect();
        assert_eq!(shown, expected);
        assert!(found.windows(2).all(|pair| pair[0].to == pair[1].from));
    }

    #[test]
    fn phases_follow_one_another() {
        let whole = [
            ("data_delay", 10.0),
            ("evaluation", 5.0),
            ("hold", 5.0),
            ("grouping", 5.0),
            ("delivery", 2.0),
            ("human", 60.0),
            ("repair", 213.0),
        ];
        check_phases(&moments(), &whole);
        let unpaged = Moments {
            notified: None,
            acknowledged: None,
            ..moments()
        };
        check_phases(
            &unpaged,
            &[
                ("data_delay", 10.0),
                ("evaluation", 5.0),
                ("hold", 5.0),
                ("repair", 280.0),
            ],
        );
        let short = Moments {
            recovered: Some(at(122)),
            ..moments()
        };
        assert_eq!(phases(&short).last().map(|p| p.to), Some(at(122)));
    }

    #[test]
    fn summaries_are_honest() {
        let none = summarize(vec![], 2);
        assert_eq!((none.n, none.censored, none.median), (0, 2, None));
        let few = summarize(vec![10.0, 1000.0], 0);
        assert_eq!(few.geometric_mean.map(f64::round), Some(100.0));
        assert_eq!(few.median, Some(505.0));
        assert_eq!(few.interval, None);
        let five = summarize(vec![10.0, 20.0, 40.0, 80.0, 160.0], 0);
        let (low, high) = five.interval.unwrap();
        assert!((five.geometric_mean.unwrap() - 40.0).abs() < 1e-9);
        // ln 2 · √2.5 is the deviation of the logarithms, 2.776 the t of 4 degrees.
        let half = 2.776 * (2.5_f64.sqrt() * 2.0_f64.ln()) / 5.0_f64.sqrt();
        assert!((low - 40.0 / half.exp()).abs() < 1e-9 && (high - 40.0 * half.exp()).abs() < 1e-9);
        assert_eq!(five.p90, Some(128.0));
        assert!((student_t_975(60) - 2.000).abs() < 0.001);
    }
}
