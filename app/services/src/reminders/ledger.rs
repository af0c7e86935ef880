use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use watchfire_schemas::Timestamp;

use crate::reminders::change::{Change, Sending};
use crate::reminders::name::Name;
use crate::reminders::record::{Key, Record};

/// What one transaction needs to know, and what it changes. Whoever fills it brings all records,
/// standings and results that the sendings touch; it decides without asking anybody.
///
/// Changes take effect in the order in which they arrive here. A change whose base version is that
/// of the record is applied. If another device was quicker:
/// - a deletion wins over whatever else: it is applied over a change that it did not know, and a
///   change to what was deleted meanwhile is not applied;
/// - otherwise the last one wins.
///
/// Nothing is lost unsaid: the sender is told what it wrote over, and that is kept aside.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) records: HashMap<(Name, Key), Record>,
    pub(crate) people: HashMap<Name, Standing>,
    pub(crate) results: HashMap<Sent, KnownResult>,
    /// The records that were changed.
    pub(crate) changed: HashSet<(Name, Key)>,
    pub(crate) new_results: Vec<Sent>,
    pub(crate) superseded: Vec<Superseded>,
}

/// How far a person's records have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) version: u64,
    pub(crate) live: u64,
}

/// Person, device and id of a change.
pub(crate) type Sent = (Name, Name, Name);

#[derive(Debug, Clone)]
pub(crate) struct KnownResult {
    pub(crate) fingerprint: String,
    pub(crate) result: Box<RawValue>,
}

#[derive(Debug)]
pub(crate) struct Superseded {
    pub(crate) person: Name,
    pub(crate) record: Record,
    pub(crate) by: Name,
}

/// What became of a change.
#[derive(Debug, Serialize, PartialEq)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Outcome {
    Applied {
        version: u64,
    },
    /// Applied over a change that the device did not know.
    AppliedOver {
        version: u64,
        overwrote: Record,
    },
    /// Not applied: the record was deleted meanwhile. It may be long ago, and forgotten.
    KeptDeleted {
        #[serde(skip_serializing_if = "Option::is_none")]
        record: Option<Record>,
    },
    /// There was nothing to delete.
    Unchanged {
        version: u64,
    },
    Refused {
        reason: Refusal,
        detail: &'static str,
    },
}

#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    /// A mark of a reminder that never was.
    UnknownReminder,
    /// The base version has not been reached yet.
    AheadOfServer,
    /// The id came with another change before.
    ChangeIdReused,
    TooManyRecords,
}

/// What a device is told of one of its changes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ChangeResult {
    pub(crate) change_id: Name,
    /// The change came before, and this is what was answered then.
    pub(crate) repeated: bool,
    pub(crate) result: Box<RawValue>,
    /// How it is counted.
    #[serde(skip)]
    pub(crate) label: &'static str,
}

/// How many records that are not deleted one person may have: marks of twenty reminders four times
/// a day come to it in more than three years.
pub(crate) const MAX_LIVE: u64 = 100_000;

impl Ledger {
    /// Takes the changes of one sending, in their order.
    pub(crate) fn take(&mut self, sending: &Sending, now: Timestamp) -> Vec<ChangeResult> {
        let changes = sending.changes.iter();
        changes
            .map(|change| self.result(sending, change, now))
            .collect()
    }

    fn result(&mut self, sending: &Sending, change: &Change, now: Timestamp) -> ChangeResult {
        let Sending { person, device, .. } = sending;
        let change_id = change.id.clone();
        let sent = (person.clone(), device.clone(), change_id.clone());
        if let Some(known) = self.results.get(&sent) {
            let (result, label) = if known.fingerprint == change.fingerprint {
                (known.result.clone(), "repeated")
            } else {
                let refused = Outcome::refused(Refusal::ChangeIdReused);
                (refused.to_json(), refused.label())
            };
            let repeated = label == "repeated";
            return ChangeResult {
                change_id,
                repeated,
                result,
                label,
            };
        }
        let outcome = self.outcome(sending, change, now);
        let known = KnownResult {
            fingerprint: change.fingerprint.clone(),
            result: outcome.to_json(),
        };
        let result = known.result.clone();
        // A refusal may be otherwise next time.
        if !matches!(outcome, Outcome::Refused { .. }) {
            self.results.insert(sent.clone(), known);
            self.new_results.push(sent);
        }
        ChangeResult {
            change_id,
            repeated: false,
            result,
            label: outcome.label(),
        }
    }

    fn outcome(&mut self, sending: &Sending, change: &Change, now: Timestamp) -> Outcome {
        let at = (sending.person.clone(), change.key.clone());
        let standing = self.standing(&sending.person);
        let knows_reminder = |reminder: &Key| {
            let reminder = (sending.person.clone(), reminder.clone());
            self.records.contains_key(&reminder)
        };
        if !change.reminder.as_ref().is_none_or(knows_reminder) {
            return Outcome::refused(Refusal::UnknownReminder);
        }
        if change.base_version > standing.version {
            return Outcome::refused(Refusal::AheadOfServer);
        }
        let current = self.records.get(&at);
        let version = standing.version + 1;
        let was_live = current.is_some_and(|record| !record.deleted);
        let knew = change.base_version == current.map_or(0, |record| record.version);
        match (current, &change.document) {
            (None, None) => return Outcome::Unchanged { version: 0 },
            (Some(record), None) if record.deleted => {
                return Outcome::Unchanged {
                    version: record.version,
                };
            }
            (Some(record), Some(_)) if record.deleted && !knew => {
                let record = Some(record.clone());
                return Outcome::KeptDeleted { record };
            }
            (None, Some(_)) if !knew => return Outcome::KeptDeleted { record: None },
            (None | Some(_), Some(_)) if !was_live && standing.live >= MAX_LIVE => {
                return Outcome::refused(Refusal::TooManyRecords);
            }
            _ => {}
        }
        let record = Record {
            key: change.key.clone(),
            version,
            deleted: change.document.is_none(),
            changed_at: now,
            device: sending.device.clone(),
            document: change.document.clone(),
        };
        let is_live = !record.deleted;
        let live = standing.live + u64::from(is_live) - u64::from(was_live);
        let standing = Standing { version, live };
        self.people.insert(sending.person.clone(), standing);
        let before = self.records.insert(at.clone(), record);
        self.changed.insert(at);
        match before.filter(|before| !knew && !before.deleted) {
            None => Outcome::Applied { version },
            Some(before) => {
                self.superseded.push(Superseded {
                    person: sending.person.clone(),
                    record: before.clone(),
                    by: sending.device.clone(),
                });
                Outcome::AppliedOver {
                    version,
                    overwrote: before,
                }
            }
        }
    }

    fn standing(&self, person: &Name) -> Standing {
        self.people.get(person).copied().unwrap_or_default()
    }
}

impl Outcome {
    fn refused(reason: Refusal) -> Self {
        let detail = match reason {
            Refusal::UnknownReminder => "there is no reminder with this id to mark",
            Refusal::AheadOfServer => "the base version has not been reached: fetch anew",
            Refusal::ChangeIdReused => "this change id was used for another change",
            Refusal::TooManyRecords => "the person has as many records as may be",
        };
        Self::Refused { reason, detail }
    }

    fn to_json(&self) -> Box<RawValue> {
        to_raw_value(self).expect("an outcome is plain")
    }

    const fn label(&self) -> &'static str {
        match self {
            Self::Applied { .. } => "applied",
            Self::AppliedOver { .. } => "applied_over",
            Self::KeptDeleted { .. } => "kept_deleted",
            Self::Unchanged { .. } => "unchanged",
            Self::Refused { .. } => "refused",
        }
    }
}
