//! The one time axis of an incident: what was measured, when it began, who knew when.

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
    pub(crate) bin_seconds: f64,
}

/// The window that is shown: a good part of the quiet before, all of the trouble.
pub(crate) fn window(incident: &Incident, now: Timestamp) -> TimeRange {
    let over = incident
        .resolved_at
        .or(incident.recovered_at)
        .unwrap_or(now);
    let began = incident.onset.earliest.min(incident.detected_at);
    let length = over.since(began).max(std::time::Duration::from_mins(2));
    let lead = (length / 3).clamp(
        std::time::Duration::from_mins(2),
        std::time::Duration::from_mins(30),
    );
    TimeRange {
        start: began - lead,
        end: (over + length / 12).min(now.max(over)),
    }
}

/// Draws it.
pub(crate) fn draw(
    incident: &Incident,
    changes: &[ChangeEvent],
    measured: &Measured,
    window: TimeRange,
) -> Svg {
    let most = measured
        .counts
        .iter()
        .chain(&measured.baseline)
        .chain(&measured.exceptions)
        .map(|(_, value)| *value)
        .filter(|value| value.is_finite())
        .fold(1.0, f64::max);
    let mut plot = TimePlot::new(window, 150, most, "");
    plot.marks(&marks(incident));
    let onset = &incident.onset;
    plot.band(
        onset.earliest,
        onset.latest,
        "onset",
        &format!(
            "onset between {} and {}",
            figures::clock(onset.earliest),
            figures::clock(onset.latest)
        ),
    );
    if let Some(recovered) = incident.recovered_at {
        plot.band(recovered, window.end, "recovered", "recovered");
    }
    let bin = std::time::Duration::from_secs_f64(measured.bin_seconds.max(0.001));
    let stacks: Vec<Stack> = measured
        .exceptions
        .iter()
        .map(|(start, value)| Stack {
            start: *start,
            end: *start + bin,
            parts: vec![("exceptions", "exceptions", *value)],
            href: None,
        })
        .collect();
    plot.stacks(&stacks);
    plot.line("expected", "baseline", &measured.baseline, 1.0);
    plot.line(&measured.signal, "errors", &measured.counts, 1.0);
    let in_window = |change: &&ChangeEvent| window.start <= change.at && change.at <= window.end;
    for change in changes.iter().filter(in_window) {
        let version = change.version.as_deref().unwrap_or_default();
        let title = format!(
            "{} of {} {version} at {}: {}",
            change.kind.as_str(),
            change.service,
            figures::clock(change.at),
            change.summary
        );
        plot.flag(change.at, "change", &title);
    }
    plot.finish(&format!(
        "{} per {} around the incident, with its onset, detection and repair",
        measured.signal,
        figures::duration(measured.bin_seconds)
    ))
}

/// The moments in their order, each with what passed since the one before.
fn marks(incident: &Incident) -> Vec<Mark> {
    let onset = incident.onset.at;
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
    let estimated = match incident.onset.method {
        OnsetMethod::StepV1 | OnsetMethod::RampV1 => "onset (estimated)",
        OnsetMethod::RuleFirstTrue => "rule first true",
        OnsetMethod::Human => "onset (set by hand)",
    };
    let mut marks = vec![Mark {
        at: onset,
        since: None,
        text: format!("{estimated} {}", figures::clock(onset)),
        class: "onset",
    }];
    let mut before = onset;
    for (at, name, class) in moments {
        let passed = at.seconds_since(before);
        let sign = if passed < 0.0 { "" } else { "+" };
        marks.push(Mark {
            at,
            since: Some(before.min(at)),
            text: format!(
                "{name} {}  {sign}{}",
                figures::clock(at),
                figures::duration(passed)
            ),
            class,
        });
        before = at;
    }
    marks
}
