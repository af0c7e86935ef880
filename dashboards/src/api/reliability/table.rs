//! Incidents with their moments as CSV (RFC 4180), so that anybody can compute our figures anew.

use watchfire_alerts::{Measure, MeasuredIncident, Reading};
use watchfire_schemas::Timestamp;

const PHASES: [&str; 7] = [
    "data_delay",
    "evaluation",
    "hold",
    "grouping",
    "delivery",
    "human",
    "repair",
];

/// A line of names, then a line an incident.
pub(super) fn csv(incidents: &[MeasuredIncident]) -> String {
    let mut out = String::new();
    line(&mut out, names());
    for incident in incidents {
        line(&mut out, cells(incident));
    }
    out
}

fn names() -> Vec<String> {
    const MOMENTS: [&str; 17] = [
        "id",
        "title",
        "severity",
        "status",
        "services",
        "teams",
        "cause",
        "onset_at",
        "onset_earliest",
        "onset_latest",
        "onset_source",
        "onset_method",
        "detected_at",
        "notified_at",
        "acknowledged_at",
        "recovered_at",
        "resolved_at",
    ];
    let mut names: Vec<String> = MOMENTS.map(str::to_owned).into();
    for measure in Measure::ALL {
        names.push(format!("{}_seconds", measure.key()));
        names.push(format!("{}_state", measure.key()));
    }
    names.extend(PHASES.map(|phase| format!("{phase}_seconds")));
    names
}

fn cells(incident: &MeasuredIncident) -> Vec<String> {
    let time = |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.to_string());
    let mut cells = vec![
        incident.id.clone(),
        incident.title.clone(),
        incident.severity.to_string(),
        word(&incident.status),
        incident.services.join(" "),
        incident.teams.join(" "),
        incident.cause.clone().unwrap_or_default(),
        incident.onset_at.to_string(),
        incident.onset_earliest.to_string(),
        incident.onset_latest.to_string(),
        word(&incident.onset_source),
        word(&incident.onset_method),
        incident.detected_at.to_string(),
        time(incident.notified_at),
        time(incident.acknowledged_at),
        time(incident.recovered_at),
        time(incident.resolved_at),
    ];
    for measure in Measure::ALL {
        let (seconds, state) = match incident.reading(measure) {
            Reading::Over(seconds) => (seconds.to_string(), "over"),
            Reading::Running(seconds) => (seconds.to_string(), "running"),
            Reading::Unreached(seconds) => (seconds.to_string(), "unreached"),
            Reading::NotStarted => (String::new(), "not_started"),
        };
        cells.extend([seconds, state.to_owned()]);
    }
    for name in PHASES {
        let phase = incident.phases.iter().find(|phase| phase.name == name);
        cells.push(phase.map_or_else(String::new, |phase| phase.seconds.to_string()));
    }
    cells
}

fn word<T: serde::Serialize>(value: &T) -> String {
    let word = serde_json::to_value(value).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

fn line(out: &mut String, cells: Vec<String>) {
    for (at, text) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&quoted(text));
    }
    out.push_str("\r\n");
}

/// A cell in quotes where it needs them. What a spreadsheet would take for a formula is made text.
fn quoted(mut text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        text.insert(0, '\'');
    }
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use watchfire_alerts::{Reliability, Scope};
    use watchfire_schemas::TimeRange;

    use super::*;
    use crate::gallery::samples;

    #[test]
    fn each_incident_is_a_line_of_as_many_cells() {
        let range = TimeRange::last(Duration::from_hours(90 * 24), samples::now());
        let incidents = samples::many_incidents();
        let told = Reliability::of(&incidents, &Scope::all(range), None, samples::now());
        let text = csv(&told.incidents);
        let lines: Vec<&str> = text.trim_end().split("\r\n").collect();
        assert_eq!(lines.len(), told.incidents.len() + 1);
        let names: Vec<&str> = lines[0].split(',').collect();
        assert_eq!(names.len(), 34);
        assert!(
            lines[1..]
                .iter()
                .all(|line| line.split(',').count() == names.len())
        );
    }

    #[test]
    fn a_cell_is_text_and_no_formula() {
        assert_eq!(
            quoted("=HYPERLINK(\"x\")".to_owned()),
            "\"'=HYPERLINK(\"\"x\"\")\""
        );
        assert_eq!(quoted("a, b".to_owned()), "\"a, b\"");
        assert_eq!(quoted("plain".to_owned()), "plain");
    }
}
