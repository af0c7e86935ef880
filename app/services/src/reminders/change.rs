use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::{Digest, Sha256};
use watchfire_schemas::Timestamp;

use crate::reminders::document::{Mark, Reminder};
use crate::reminders::name::Name;
use crate::reminders::record::Key;
use crate::reminders::wrongs::Wrongs;

/// A change as a device sends it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum WrittenChange {
    PutReminder {
        change_id: Name,
        base_version: u64,
        id: Name,
        reminder: Reminder,
    },
    DeleteReminder {
        change_id: Name,
        base_version: u64,
        id: Name,
    },
    Mark {
        change_id: Name,
        base_version: u64,
        reminder_id: Name,
        due_at: Timestamp,
        mark: Mark,
    },
    Unmark {
        change_id: Name,
        base_version: u64,
        reminder_id: Name,
        due_at: Timestamp,
    },
}

/// A change that can be made.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    /// The device's own name for it. One that is sent again has the same.
    pub(crate) id: Name,
    /// The version of the record that the device knew; 0 for none.
    pub(crate) base_version: u64,
    pub(crate) key: Key,
    /// The reminder that must be there, for a mark.
    pub(crate) reminder: Option<Key>,
    /// What to put; none to delete.
    pub(crate) document: Option<Box<RawValue>>,
    /// Two changes that differ in anything have different ones.
    pub(crate) fingerprint: String,
}

/// The changes of one device that were sent together.
#[derive(Debug, Clone)]
pub(crate) struct Sending {
    pub(crate) person: Name,
    pub(crate) device: Name,
    pub(crate) changes: Vec<Change>,
}

impl WrittenChange {
    /// What it means. What is wrong is written down under `at`.
    pub(crate) fn parse(&self, at: &str, wrongs: &mut Wrongs) -> Change {
        let written = serde_json::to_vec(self).expect("a change is plain");
        let fingerprint = URL_SAFE_NO_PAD.encode(&Sha256::digest(written)[..12]);
        let (change_id, base_version, key, reminder, document) = match self {
            Self::PutReminder {
                change_id,
                base_version,
                id,
                reminder,
            } => {
                reminder.parse(&format!("{at}/reminder"), wrongs);
                let document = Some(to_raw_value(reminder));
                (change_id, base_version, Key::reminder(id), None, document)
            }
            Self::DeleteReminder {
                change_id,
                base_version,
                id,
            } => (change_id, base_version, Key::reminder(id), None, None),
            Self::Mark {
                change_id,
                base_version,
                reminder_id,
                due_at,
                mark,
            } => {
                mark.check(&format!("{at}/mark"), wrongs);
                let key = Key::mark(reminder_id, *due_at);
                let document = Some(to_raw_value(mark));
                let reminder = Some(Key::reminder(reminder_id));
                (change_id, base_version, key, reminder, document)
            }
            Self::Unmark {
                change_id,
                base_version,
                reminder_id,
                due_at,
            } => {
                let key = Key::mark(reminder_id, *due_at);
                (change_id, base_version, key, None, None)
            }
        };
        Change {
            id: change_id.clone(),
            base_version: *base_version,
            key,
            reminder,
            document: document.map(|raw| raw.expect("a document is plain")),
            fingerprint,
        }
    }
}
