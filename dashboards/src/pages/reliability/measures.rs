//! Each response time: its distribution, its figures, and every incident as a dot.

use watchfire_alerts::{Curve, Measure, MeasuredIncident, Reading, Reliability, ResponseSummary};

use super::words::{interval, rough};
use crate::charts::{Dot, Marked, Svg, strip_plot, worth_drawing};
use crate::{figures, url};

/// Dots of one drawing: a page stays light whatever happened.
const MOST_DOTS: usize = 120;

#[derive(Debug)]
pub(crate) struct MeasureView {
    pub(crate) name: &'static str,
    pub(crate) short: &'static str,
    pub(crate) definition: &'static str,
    pub(crate) plot: Svg,
    pub(crate) summary: SummaryView,
    /// How many dots are drawn, where that is not all.
    pub(crate) drawn: Option<usize>,
}

/// A summary as texts; "–" where there is too little to say.
#[derive(Debug, Clone)]
pub(crate) struct SummaryView {
    pub(crate) n: usize,
    /// What became of those that are not over: "2 running, 3 closed before".
    pub(crate) censored: String,
    pub(crate) median: String,
    pub(crate) median_interval: String,
    pub(crate) p90: String,
    pub(crate) p90_interval: String,
    pub(crate) geometric_mean: String,
    pub(crate) interval: String,
    /// Whether the median and the 90th percentile are Kaplan and Meier's.
    pub(crate) is_estimated: bool,
}

/// The three that a page is about; the rest stand in a table.
pub(crate) const DRAWN: [(Measure, &str); 3] = [
    (Measure::Detect, "TTD"),
    (Measure::Acknowledge, "TTA"),
    (Measure::Recover, "TTR"),
];

pub(crate) fn measures(found: &Reliability) -> Vec<MeasureView> {
    let view = |(measure, short): (Measure, &'static str)| {
        let summary = found.all.summary(measure);
        let dots = dots(&found.incidents, measure, MOST_DOTS);
        let curve = over_by(&found.curves[measure as usize]);
        MeasureView {
            name: measure.name(),
            short,
            definition: measure.definition(),
            plot: strip_plot(
                &dots,
                &curve,
                marked(summary),
                &format!("{} of each incident, on a logarithmic axis", measure.name()),
            ),
            summary: summary_view(summary),
            drawn: (dots.len() < summary.n + summary.censored).then_some(dots.len()),
        }
    };
    DRAWN.map(view).into()
}

pub(crate) fn marked(summary: &ResponseSummary) -> Marked {
    Marked {
        median: summary.shown_median(),
        interval: summary.kaplan_meier.median_interval,
    }
}

/// The share that is over by each time.
fn over_by(curve: &Curve) -> Vec<(f64, f64)> {
    let steps = curve.survival.iter();
    steps
        .map(|step| (step.seconds, 1.0 - step.surviving))
        .collect()
}

/// The incidents whose clock began, as dots: all, or of too many the longest and an even choice of the
/// rest.
pub(crate) fn dots(incidents: &[MeasuredIncident], measure: Measure, most: usize) -> Vec<Dot> {
    let begun = |incident: &MeasuredIncident| seconds(incident.reading(measure)).is_some();
    let mut begun: Vec<&MeasuredIncident> = incidents.iter().filter(|one| begun(one)).collect();
    let key = |incident: &MeasuredIncident| seconds(incident.reading(measure)).unwrap_or_default();
    begun.sort_by(|a, b| key(a).total_cmp(&key(b)));
    let drawn = worth_drawing(begun, most).into_iter();
    drawn
        .filter_map(|incident| dot(incident, measure))
        .collect()
}

fn seconds(reading: Reading) -> Option<f64> {
    match reading {
        Reading::Over(seconds) | Reading::Running(seconds) | Reading::Unreached(seconds) => {
            Some(seconds)
        }
        Reading::NotStarted => None,
    }
}

fn dot(incident: &MeasuredIncident, measure: Measure) -> Option<Dot> {
    let reading = incident.reading(measure);
    let (is_censored, more) = match reading {
        Reading::Running(_) => (true, ", still running"),
        Reading::Unreached(_) => (true, ", closed before"),
        Reading::Over(_) | Reading::NotStarted => (false, ""),
    };
    let seconds = seconds(reading)?;
    let (title, _) = figures::cut(&incident.title, 120);
    Some(Dot {
        seconds,
        text: format!(
            "{title}, {}: {}{more}",
            &figures::date_time(incident.onset_at)[..16],
            figures::duration(seconds)
        ),
        href: format!("/incidents/{}", url::encode(&incident.id)),
        is_censored,
    })
}

pub(crate) fn summary_view(summary: &ResponseSummary) -> SummaryView {
    let text = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), rough);
    let censored = |of: usize, what: &str| (of > 0).then(|| format!("{of} {what}"));
    let parts = [
        censored(summary.running, "still running"),
        censored(summary.censored - summary.running, "closed before"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    SummaryView {
        n: summary.n,
        censored: parts.join(", "),
        median: text(summary.shown_median()),
        median_interval: interval(summary.kaplan_meier.median_interval).unwrap_or_default(),
        p90: text(summary.shown_p90()),
        p90_interval: interval(summary.kaplan_meier.p90_interval).unwrap_or_default(),
        geometric_mean: text(summary.geometric_mean),
        interval: interval(summary.interval.map(|(low, high)| (Some(low), Some(high))))
            .unwrap_or_default(),
        is_estimated: summary.censored > 0,
    }
}
