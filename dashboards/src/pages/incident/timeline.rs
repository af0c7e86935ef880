//! What happened, in its order.

use watchfire_alerts::{Incident, TimelineEntry, TimelineKind};
use watchfire_schemas::Timestamp;

use crate::figures::When;

#[derive(Debug)]
pub(crate) struct TimelineRow {
    pub(crate) at: When,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) actor: String,
}

/// What people and the incident did, with the first steps of alerts; and the further steps of alerts.
pub(super) fn timeline_rows(
    incident: &Incident,
    now: Timestamp,
) -> (Vec<TimelineRow>, Vec<TimelineRow>) {
    const FIRST: usize = 3;
    let mut entries: Vec<_> = incident.timeline.iter().collect();
    entries.sort_by_key(|entry| entry.at);
    let mut alert_steps = 0;
    let (further, told): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| {
        let is_step = matches!(
            entry.kind,
            TimelineKind::AlertPending | TimelineKind::AlertFiring | TimelineKind::AlertResolved
        );
        alert_steps += usize::from(is_step);
        is_step && alert_steps > FIRST
    });
    let rows = |entries: Vec<&TimelineEntry>| {
        let rows = entries.into_iter().map(|entry| timeline_row(entry, now));
        joined(rows)
    };
    (rows(told), rows(further))
}

/// Several destinations that took the same at the same time are one row.
fn joined(rows: impl Iterator<Item = TimelineRow>) -> Vec<TimelineRow> {
    let mut told: Vec<TimelineRow> = Vec::new();
    for mut row in rows {
        if row.kind == "notified"
            && let Some(status) = row.text.find(" (HTTP")
        {
            row.text.truncate(status);
        }
        match told.last_mut() {
            Some(last)
                if row.kind == "notified" && last.kind == row.kind && last.text == row.text =>
            {
                last.actor = format!("{}, {}", last.actor, row.actor);
            }
            _ => told.push(row),
        }
    }
    told
}

fn timeline_row(entry: &TimelineEntry, now: Timestamp) -> TimelineRow {
    let kind = serde_json::to_value(entry.kind)
        .ok()
        .and_then(|kind| kind.as_str().map(|kind| kind.replace('_', " ")))
        .unwrap_or_default();
    // The kind stands before the text already.
    let text = entry.text.strip_prefix(&format!("{kind}: "));
    TimelineRow {
        at: When::clock(entry.at, now),
        text: text.unwrap_or(&entry.text).to_owned(),
        actor: entry.actor.clone().unwrap_or_default(),
        kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood, now};

    #[test]
    fn alerts_that_repeat_themselves_do_not_bury_the_timeline() {
        let mut incident = samples::incident(Mood::Full);
        let step = incident.timeline[2].clone();
        incident.timeline.extend(std::iter::repeat_n(step, 80));
        let before = incident.timeline.len();
        let (told, further) = timeline_rows(&incident, now());
        assert_eq!(told.len() + further.len(), before);
        assert_eq!(further.len(), 78);
        assert!(told.iter().any(|row| row.kind == "note"));
    }

    #[test]
    fn destinations_that_took_the_same_are_one_row() {
        let mut incident = samples::incident(Mood::Full);
        let mut entry = incident.timeline[4].clone();
        incident.timeline.clear();
        for actor in ["pagerduty", "slack", "webhook"] {
            entry.text = format!("trigger taken (HTTP 20{})", actor.len() % 3);
            entry.actor = Some(actor.to_owned());
            incident.timeline.push(entry.clone());
        }
        entry.text = "resolve taken (HTTP 200)".to_owned();
        incident.timeline.push(entry);
        let (told, _) = timeline_rows(&incident, now());
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].text, "trigger taken");
        assert_eq!(told[0].actor, "pagerduty, slack, webhook");
    }

    #[test]
    fn a_kind_is_not_said_twice() {
        let mut entry = samples::incident(Mood::Full).timeline[3].clone();
        entry.text = "detected: content is failing".to_owned();
        assert_eq!(timeline_row(&entry, now()).text, "content is failing");
    }
}
