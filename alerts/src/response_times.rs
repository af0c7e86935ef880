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
//! - **TTN**, time to notify = notified − detected: what grouping and delivery take.
//! - **Time to resolve** = resolved − detected, as `PagerDuty` has it: kept beside TTR so that figures
//!   can be compared, and never called MTTR here.
//!
//! What is made of many incidents is in `reliability`.

use serde::Serialize;
use watchfire_schemas::Timestamp;

use crate::{Phase, ResponseTimes};

/// One of the response times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Measure {
    #[serde(rename = "ttd")]
    Detect,
    #[serde(rename = "ttn")]
    Notify,
    #[serde(rename = "tta")]
    Acknowledge,
    #[serde(rename = "ttr")]
    Recover,
    #[serde(rename = "time_to_resolve")]
    Resolve,
}

/// What the clock of a measure shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    Over(f64),
    /// It still runs.
    Running(f64),
    /// What it waits for will not come any more: the incident was closed before. It took at least so
    /// long.
    Unreached(f64),
    /// It has never begun: nobody can acknowledge what was never paged.
    NotStarted,
}

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
    pub resolved: Option<Timestamp>,
}

impl Measure {
    pub const ALL: [Self; 5] = [
        Self::Detect,
        Self::Notify,
        Self::Acknowledge,
        Self::Recover,
        Self::Resolve,
    ];

    /// As it is called in JSON, in CSV and in the names of series.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Detect => "ttd",
            Self::Notify => "ttn",
            Self::Acknowledge => "tta",
            Self::Recover => "ttr",
            Self::Resolve => "time_to_resolve",
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Detect => "Time to detect",
            Self::Notify => "Time to notify",
            Self::Acknowledge => "Time to acknowledge",
            Self::Recover => "Time to recover",
            Self::Resolve => "Time to resolve",
        }
    }

    pub const fn definition(self) -> &'static str {
        match self {
            Self::Detect => "detected − onset",
            Self::Notify => "notified − detected",
            Self::Acknowledge => "acknowledged − notified",
            Self::Recover => "recovered − onset, as the telemetry shows it",
            Self::Resolve => "resolved − detected, for comparison with PagerDuty",
        }
    }

    /// Whether it begins at onset, which is known within an interval only.
    pub const fn begins_at_onset(self) -> bool {
        matches!(self, Self::Detect | Self::Recover)
    }

    pub(crate) fn read(self, moments: &Moments, now: Timestamp) -> Reading {
        let paged = moments.page_due.or(moments.notified);
        let (from, to) = match self {
            Self::Detect => (Some(moments.onset), Some(moments.detected)),
            Self::Notify => (paged.map(|_| moments.detected), moments.notified),
            Self::Acknowledge => (moments.notified, moments.acknowledged),
            Self::Recover => (Some(moments.onset), moments.recovered),
            Self::Resolve => (Some(moments.detected), moments.resolved),
        };
        let Some(from) = from else {
            return Reading::NotStarted;
        };
        let passed = |to: Timestamp| to.seconds_since(from).max(0.0);
        match (to, moments.resolved) {
            (Some(to), _) => Reading::Over(passed(to)),
            (None, Some(closed)) => Reading::Unreached(passed(closed)),
            (None, None) => Reading::Running(passed(now)),
        }
    }
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
    let phases = spans(moments).map(|span| Phase {
        name: span.name.to_owned(),
        from: span.from,
        to: span.to,
        seconds: span.seconds(),
    });
    phases.collect()
}

/// A phase of the time from onset to recovery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    pub name: &'static str,
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Span {
    pub(crate) fn seconds(&self) -> f64 {
        self.to.seconds_since(self.from)
    }
}

/// The same as [`phases`], for those who look at thousands of incidents.
pub(crate) fn spans(moments: &Moments) -> impl Iterator<Item = Span> {
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
    let (mut from, recovered) = (moments.onset, moments.recovered);
    ends.into_iter().filter_map(move |(name, end)| {
        let end = end?;
        // A phase that another has overtaken took no time: an incident that recovers while the
        // page is on its way was not repaired by a human.
        let overtaken = recovered.filter(|_| name != "repair").unwrap_or(end);
        let to = end.min(overtaken.max(from)).max(from);
        let span = Span { name, from, to };
        from = to;
        Some(span)
    })
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
            resolved: None,
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
    fn a_clock_is_over_runs_or_never_began() {
        let now = at(1_000);
        let read = |moments: &Moments| Measure::ALL.map(|measure| measure.read(moments, now));
        let over = Moments {
            resolved: Some(at(500)),
            ..moments()
        };
        let seconds = [20.0, 7.0, 60.0, 300.0, 380.0];
        assert_eq!(read(&over), seconds.map(Reading::Over));
        let open = Moments {
            acknowledged: None,
            recovered: None,
            ..moments()
        };
        assert_eq!(
            read(&open)[2..],
            [873.0, 900.0, 880.0].map(Reading::Running)
        );
        let unanswered = Moments {
            acknowledged: None,
            ..over
        };
        assert_eq!(read(&unanswered)[2], Reading::Unreached(373.0));
        let unpaged = Moments {
            page_due: None,
            notified: None,
            acknowledged: None,
            ..over
        };
        assert_eq!(read(&unpaged)[1..3], [Reading::NotStarted; 2]);
    }
}
