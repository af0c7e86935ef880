//! The one time axis of an incident: what was measured, when it began, who knew when.

use std::time::Duration;

use watchfire_alerts::{Incident, OnsetMethod};
use watchfire_schemas::{ChangeEvent, TimeRange, Timestamp};

use crate::charts::{Mark, Stack, Svg, TimePlot};
use crate::figures;

/// What was measured in the window of an incident.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Measured {
    /// "server errors of content".
    pub(crate) signal: String,
    /// Counts per bin, by the start of the bin.
    pub(crate) counts: Vec<(Timestamp, f64)>,
    /// The expected count of each bin.
    pub(crate) baseline: Vec<(Timestamp, f64)>,
    pub(crate) exceptions: Vec<(Timestamp, f64)>,
    /// Requests of the same services, good and bad.
    pub(crate) requests: Vec<(Timestamp, f64)>,
    pub(crate) bin_seconds: f64,
}

/// The window that is shown: a good part of the quiet before, all of the trouble.
pub(super) fn window(incident: &Incident, now: Timestamp) -> TimeRange {
    let over = incident
        .resolved_at
        .or(incident.recovered_at)
        .unwrap_or(now);
    let began = incident.onset.earliest.min(incident.detected_at);
    let length = over.since(began).max(Duration::from_mins(2));
    let lead = (length / 3).clamp(Duration::from_mins(2), Duration::from_mins(30));
    TimeRange {
        start: began - lead,
        end: (over + length / 12).min(now.max(over)),
    }
}

/// A moment of the response, named beside its lane of the chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moment {
    pub(crate) name: &'static str,
    pub(crate) class: &'static str,
    pub(crate) clock: String,
    /// What passed since the moment before.
    pub(crate) passed: String,
}

/// What a shape of the chart means: its class and its words.
pub(crate) type Legend = (&'static str, String);

/// Draws it; names the moments in the order of their lanes, and the shapes that are drawn.
pub(super) fn draw(
    incident: &Incident,
    changes: &[ChangeEvent],
    measured: &Measured,
    window: TimeRange,
) -> (Svg, Vec<Moment>, Vec<Legend>) {
    let counted = [&measured.counts, &measured.baseline, &measured.exceptions];
    let most = most_of(counted.into_iter().flatten()).max(1.0);
    let mut plot = TimePlot::new(window, 150, most, "");
    let (marks, moments) = marks(incident);
    plot.marks(&marks);
    let mut legend = Vec::new();
    requests(&mut plot, measured, most, &mut legend);
    bands(&mut plot, incident, window, &mut legend);
    let bin = Duration::from_secs_f64(measured.bin_seconds.max(0.001));
    plot.stacks(&exception_stacks(measured, bin));
    plot.line("expected", "baseline", &measured.baseline, 1.0);
    plot.line(&measured.signal, "errors", &measured.counts, 1.0);
    if !measured.counts.is_empty() {
        let per_bin = figures::duration(measured.bin_seconds);
        legend.insert(0, ("errors", format!("{} per {per_bin}", measured.signal)));
    }
    if !measured.baseline.is_empty() {
        legend.insert(1, ("baseline", "expected".to_owned()));
    }
    if measured.exceptions.iter().any(|(_, value)| *value > 0.0) {
        legend.push(("exceptions", "exceptions".to_owned()));
    }
    if flags(&mut plot, changes, window) > 0 {
        legend.push(("change", "deploy or other change".to_owned()));
    }
    let axis = plot.finish(&format!(
        "{} per {} around the incident, with its onset, detection and repair",
        measured.signal,
        figures::duration(measured.bin_seconds)
    ));
    (axis, moments, legend)
}

fn most_of<'a>(points: impl Iterator<Item = &'a (Timestamp, f64)>) -> f64 {
    points
        .map(|(_, value)| *value)
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max)
}

/// Traffic, faint and on a scale of its own: did the failures come with a flood or a silence?
fn requests(plot: &mut TimePlot, measured: &Measured, most: f64, legend: &mut Vec<Legend>) {
    let highest = most_of(measured.requests.iter());
    if highest > 0.0 {
        plot.area("requests", "requests", &measured.requests, most / highest);
        let highest = figures::short(highest);
        let text = format!("requests, own scale (most {highest})");
        legend.push(("requests", text));
    }
}

/// The interval of the onset, and the quiet that followed the recovery.
fn bands(plot: &mut TimePlot, incident: &Incident, window: TimeRange, legend: &mut Vec<Legend>) {
    let onset = &incident.onset;
    let title = format!(
        "onset between {} and {}",
        figures::clock(onset.earliest),
        figures::clock(onset.latest)
    );
    plot.band(onset.earliest, onset.latest, "onset", &title);
    if let Some(recovered) = incident.recovered_at {
        let until = incident.resolved_at.unwrap_or(window.end).max(recovered);
        plot.band(recovered, until, "recovered", "quiet after the recovery");
        let quiet = figures::duration(until.seconds_since(recovered));
        legend.push(("recovered", format!("quiet for {quiet}")));
    }
}

fn exception_stacks(measured: &Measured, bin: Duration) -> Vec<Stack> {
    let stack = |(start, value): &(Timestamp, f64)| Stack {
        start: *start,
        end: *start + bin,
        parts: vec![("exceptions", "exceptions", *value)],
        href: None,
    };
    measured.exceptions.iter().map(stack).collect()
}

/// How many changes were drawn.
fn flags(plot: &mut TimePlot, changes: &[ChangeEvent], window: TimeRange) -> usize {
    let in_window = |change: &&ChangeEvent| window.start <= change.at && change.at <= window.end;
    let changes = changes.iter().filter(in_window);
    changes
        .map(|change| {
            let version = change.version.as_deref().unwrap_or_default();
            let title = format!(
                "{} of {} {version} at {}: {}",
                change.kind.as_str(),
                change.service,
                figures::clock(change.at),
                change.summary
            );
            plot.flag(change.at, "change", &title);
        })
        .count()
}

/// A moment with its name and its class.
type Named = (Timestamp, &'static str, &'static str);

/// The moments in their order, each with what passed since the one before.
fn marks(incident: &Incident) -> (Vec<Mark>, Vec<Moment>) {
    let onset = match incident.onset.method {
        OnsetMethod::StepV1 | OnsetMethod::RampV1 | OnsetMethod::StepV2 | OnsetMethod::RampV2 => {
            "onset, estimated"
        }
        OnsetMethod::RuleFirstTrue => "rule first true",
        OnsetMethod::Human => "onset, set by hand",
    };
    let mut moments = vec![(incident.detected_at, "detected", "detected")];
    let optional = [
        (incident.notified_at, "notified", "notified"),
        (incident.acknowledged_at, "acknowledged", "acknowledged"),
        (incident.recovered_at, "recovered", "recovered"),
        (incident.resolved_at, "resolved", "resolved"),
    ];
    moments.extend(
        optional
            .into_iter()
            .filter_map(|(at, name, class)| Some((at?, name, class))),
    );
    moments.sort_by_key(|(at, _, _)| *at);
    moments.insert(0, (incident.onset.at, onset, "onset"));
    let before = std::iter::once(None).chain(moments.iter().map(|(at, _, _)| Some(*at)));
    let row = |((at, name, class), before): (&Named, Option<Timestamp>)| {
        let passed = before.map_or_else(String::new, |before| {
            let passed = at.seconds_since(before);
            let sign = if passed < 0.0 { "" } else { "+" };
            format!("{sign}{}", figures::duration(passed))
        });
        let mark = Mark {
            at: *at,
            since: before.map(|before| before.min(*at)),
            title: format!("{name} {} {passed}", figures::clock(*at)),
            class,
        };
        let moment = Moment {
            name,
            class,
            clock: figures::clock(*at),
            passed,
        };
        (mark, moment)
    };
    moments.iter().zip(before).map(row).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    #[test]
    fn every_moment_has_a_lane_and_says_what_passed() {
        let (marks, moments) = marks(&samples::resolved_incident());
        let told: Vec<(&str, &str)> = moments
            .iter()
            .map(|moment| (moment.name, moment.passed.as_str()))
            .collect();
        assert_eq!(marks.len(), moments.len());
        assert_eq!(
            told,
            [
                ("onset, estimated", ""),
                ("detected", "+36 s"),
                ("notified", "+7 s"),
                ("acknowledged", "+54 s"),
                ("recovered", "+4 m 10 s"),
                ("resolved", "+2 m 00 s"),
            ]
        );
    }
}
