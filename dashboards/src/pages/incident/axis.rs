//! The one time axis of an incident: what was measured, when it began, who knew when.

use std::borrow::Cow;
use std::time::Duration;

use watchfire_alerts::{Incident, OnsetMethod};
use watchfire_schemas::{ChangeEvent, TimeRange, Timestamp};

use crate::charts::{Mark, Scale, Stack, Svg, TimePlot, TraceDot, Unit};
use crate::facts::{ExemplarTrace, Facts, Latency, Measured, of_services};
use crate::pages::marks;
use crate::range::Asked;
use crate::{chain, figures};

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
    legend.extend(exception_legend(measured));
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

/// Exceptions of a bin, the first groups apart.
fn exception_stacks(measured: &Measured, bin: Duration) -> Vec<Stack> {
    let stack = |(at, (start, value)): (usize, &(Timestamp, f64))| {
        let groups = measured.exception_groups.iter().zip(GROUPS);
        let mut parts: Vec<_> = groups
            .map(|((kind, counts), class)| {
                let count = counts.get(at).copied().unwrap_or(0.0);
                (class, Cow::Owned(kind.clone()), count)
            })
            .collect();
        let told: f64 = parts.iter().map(|(_, _, count)| count).sum();
        let rest = (value - told).max(0.0);
        parts.push(("exceptions", Cow::Borrowed("other exceptions"), rest));
        Stack {
            start: *start,
            end: *start + bin,
            parts,
            href: None,
        }
    };
    measured.exceptions.iter().enumerate().map(stack).collect()
}

/// Classes of the first exception groups.
const GROUPS: [&str; 3] = ["exceptions-0", "exceptions-1", "exceptions-2"];

fn exception_legend(measured: &Measured) -> Vec<Legend> {
    let thrown = |counts: &[f64]| counts.iter().any(|count| *count > 0.0);
    let groups = measured.exception_groups.iter().zip(GROUPS);
    let mut legend: Vec<Legend> = groups
        .filter(|((_, counts), _)| thrown(counts))
        .map(|((kind, _), class)| (class, kind.clone()))
        .collect();
    let of_groups = |at: usize| -> f64 {
        let groups = measured.exception_groups.iter();
        groups.filter_map(|(_, counts)| counts.get(at)).sum()
    };
    let mut all = measured.exceptions.iter().enumerate();
    if all.any(|(at, (_, value))| *value > of_groups(at) + 0.5) {
        let name = if legend.is_empty() {
            "exceptions"
        } else {
            "other exceptions"
        };
        legend.push(("exceptions", name.to_owned()));
    }
    legend
}

/// The window of both drawings: steps of latency begin at whole ones, and both must agree.
pub(super) fn drawn(window: TimeRange, latency: Option<&Latency>) -> TimeRange {
    let first = latency.map(|latency| latency.drawn().0.at(0));
    TimeRange {
        start: first.unwrap_or(window.start),
        ..window
    }
}

/// How long requests took, on the same axis of time.
pub(super) fn heat(
    incident: &Incident,
    facts: &Facts,
    latency: &Latency,
    window: TimeRange,
    asked: &Asked,
) -> Svg {
    let (steps, cells) = latency.drawn();
    let texts = cells.bounds.iter().map(|bound| {
        if bound.is_finite() {
            figures::duration(*bound)
        } else {
            "∞".to_owned()
        }
    });
    let bounds: Vec<String> = texts.collect();
    let mut plot = TimePlot::scaled(window, 96, Scale::rows(&bounds), Unit::Seconds);
    let onset = &incident.onset;
    plot.band(onset.earliest, onset.latest, "onset", "onset");
    let query = format!("{} kind:server", of_services(incident));
    plot.heat(steps, &cells, |step| {
        chain::observed(query.trim(), steps.at(step), steps.at(step + 1))
    });
    let dot = |one: &ExemplarTrace| {
        Some(TraceDot {
            at: one.at,
            value: Some(cells.height_of(one.seconds)?),
            title: format!(
                "{}{} at {}, {} {}\nopen trace {}",
                figures::duration(one.seconds),
                if one.failed { ", failed" } else { "" },
                figures::clock(one.at),
                one.service,
                one.operation,
                figures::cut(&one.trace_id.to_string(), 8).0
            ),
            href: chain::trace(asked, &one.trace_id, one.span_id.as_ref()),
        })
    };
    let dots: Vec<TraceDot> = facts.exemplars.iter().filter_map(dot).collect();
    plot.dots(&dots);
    plot.finish("How long requests took around the incident, by step and bucket")
}

/// How many changes were drawn.
fn flags(plot: &mut TimePlot, changes: &[ChangeEvent], window: TimeRange) -> usize {
    let in_window = |change: &&ChangeEvent| window.start <= change.at && change.at <= window.end;
    let changes = changes.iter().filter(in_window);
    changes.map(|change| marks::flag(plot, change)).count()
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
