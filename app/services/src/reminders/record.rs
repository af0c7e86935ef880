use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use watchfire_schemas::Timestamp;

use crate::reminders::name::Name;

/// Which of a person's records: a reminder by its id, a mark by its reminder and due time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Key {
    pub(crate) kind: RecordKind,
    pub(crate) id: Box<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordKind {
    Reminder,
    Mark,
}

/// One record as the server has it, and as devices are told of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Record {
    #[serde(flatten)]
    pub(crate) key: Key,
    /// Grows with each change of any of the person's records: no two of them have the same.
    pub(crate) version: u64,
    /// A record that was deleted is remembered as such.
    pub(crate) deleted: bool,
    pub(crate) changed_at: Timestamp,
    /// The device that changed it last.
    pub(crate) device: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) document: Option<Box<RawValue>>,
}

impl Key {
    pub(crate) fn reminder(id: &Name) -> Self {
        Self {
            kind: RecordKind::Reminder,
            id: id.as_str().into(),
        }
    }

    /// Marks of the same due time are the same record, whichever device makes them.
    pub(crate) fn mark(reminder: &Name, due_at: Timestamp) -> Self {
        let seconds = due_at.millis().div_euclid(1_000);
        Self {
            kind: RecordKind::Mark,
            id: format!("{reminder}@{seconds}").into(),
        }
    }
}

impl RecordKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Reminder => "reminder",
            Self::Mark => "mark",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Reminder, Self::Mark]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        let document = |record: &Self| record.document.as_ref().map(|raw| raw.get().to_owned());
        self.key == other.key
            && self.version == other.version
            && self.deleted == other.deleted
            && self.changed_at == other.changed_at
            && self.device == other.device
            && document(self) == document(other)
    }
}
