use serde::{Deserialize, Serialize};
use watchfire_schemas::Timestamp;

use crate::reminders::schedule::{Schedule, WrittenSchedule};
use crate::reminders::wrongs::Wrongs;

/// What a person wants to be reminded of, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reminder {
    pub(crate) title: String,
    pub(crate) about: About,
    pub(crate) schedule: WrittenSchedule,
    /// A reminder that is paused is never due.
    #[serde(default)]
    pub(crate) paused: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum About {
    Medication { name: String, dose: String },
    Measurement { quantity: Quantity },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Quantity {
    BloodGlucose,
    BloodPressure,
    HeartRate,
    OxygenSaturation,
    Temperature,
    Weight,
}

/// What was done about one due time of a reminder: an entry of the adherence log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    pub(crate) done: Done,
    /// When it was done, as the device's clock says.
    pub(crate) at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Done {
    Done,
    Skipped,
}

const MAX_TITLE: usize = 200;
const MAX_NOTE: usize = 1_000;

impl Reminder {
    /// When it is due. What is wrong is written down under `at`.
    pub(crate) fn parse(&self, at: &str, wrongs: &mut Wrongs) -> Option<Schedule> {
        text(&self.title, MAX_TITLE, format!("{at}/title"), wrongs);
        if let About::Medication { name, dose } = &self.about {
            text(name, MAX_TITLE, format!("{at}/about/name"), wrongs);
            text(dose, MAX_TITLE, format!("{at}/about/dose"), wrongs);
        }
        self.schedule.parse(&format!("{at}/schedule"), wrongs)
    }
}

impl Mark {
    pub(crate) fn check(&self, at: &str, wrongs: &mut Wrongs) {
        if let Some(note) = &self.note {
            text(note, MAX_NOTE, format!("{at}/note"), wrongs);
        }
    }
}

fn text(text: &str, most: usize, at: String, wrongs: &mut Wrongs) {
    let letters = text.chars().count();
    if text.trim().is_empty() || letters > most {
        wrongs.add(
            at,
            format!("1 to {most} characters are needed, not {letters}"),
        );
    }
}
