use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};
use watchfire_schemas::{
    LogRecord, RegisteredSchema, SchemaPolicy, SchemaSet, Subject, Violation, contract_keys,
};

use super::RefusedRecord;
use crate::admission::{Admission, Arrival, Fault, Verdict};
use crate::drop_reason::DropReason;

/// One request, held to the contracts of one moment.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    admission: &'a Admission,
    set: Arc<SchemaSet>,
    arrival: Arrival,
}

/// A contract that a record breaks.
type Broken<'s> = (&'s Arc<RegisteredSchema>, Vec<Violation>);

impl<'a> Held<'a> {
    pub(crate) fn new(admission: &'a Admission, arrival: Arrival) -> Self {
        Self {
            admission,
            set: admission.contracts.current(),
            arrival,
        }
    }

    /// Whether no record is held against anything but the contract of a log line.
    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Whether a record with this event name and service is held against a contract.
    pub(crate) fn applies_to(&self, event_name: Option<&str>, service: &str) -> bool {
        let subject = Subject {
            event_name,
            service,
            version: None,
        };
        !self.set.is_empty() && !self.set.applying(subject).is_empty()
    }

    /// Judges a line: by the contract of all lines, then by those of its event and service.
    pub(crate) fn line(&self, line: &[u8]) -> Verdict {
        let verdict = self.admission.line(line, self.arrival);
        let raw = std::str::from_utf8(line).ok();
        self.judge(verdict, raw, || serde_json::from_slice(line).ok())
    }

    /// Judges a record that was made in this process.
    pub(crate) fn record(&self, record: LogRecord) -> Verdict {
        // Judging lays its attributes flat.
        let sent = self
            .applies_to(record.event_name.as_deref(), &record.service)
            .then(|| as_object(&record));
        let verdict = self.admission.record(record, self.arrival);
        self.judge(verdict, None, || sent)
    }

    /// Holds a record that keeps the contract of a log line to the others that are for it. `sent`
    /// makes the record as its emitter wrote it; it is only called if there are any. `raw` is its
    /// text, if it came as one.
    pub(crate) fn judge(
        &self,
        verdict: Verdict,
        raw: Option<&str>,
        sent: impl FnOnce() -> Option<Value>,
    ) -> Verdict {
        let Verdict::Accepted(mut record) = verdict else {
            return verdict;
        };
        strip_our_keys(&mut record);
        if self.set.is_empty() {
            return Verdict::Accepted(record);
        }
        let applying = self.set.applying(subject(&record));
        if applying.is_empty() {
            return Verdict::Accepted(record);
        }
        let sent = sent().unwrap_or_else(|| as_object(&record));
        let mut broken: Vec<Broken<'_>> = applying
            .into_iter()
            .map(|schema| (schema, schema.violations(&sent)))
            .filter(|(_, violations)| !violations.is_empty())
            .collect();
        let policy_of = |one: &Broken<'_>| one.0.definition.policy;
        match broken.iter().map(policy_of).max() {
            None => Verdict::Accepted(record),
            Some(SchemaPolicy::Warn) => {
                mark(&mut record, &broken);
                Verdict::Accepted(record)
            }
            Some(strictest) => {
                broken.retain(|one| policy_of(one) == strictest);
                let line = raw.map_or_else(|| sent.to_string(), str::to_owned);
                self.refuse(record, broken.swap_remove(0), line)
            }
        }
    }

    /// Puts a record that breaks a contract where its policy says.
    fn refuse(&self, record: LogRecord, (schema, violations): Broken<'_>, line: String) -> Verdict {
        let is_refused = schema.definition.policy == SchemaPolicy::Reject;
        let fault = Fault {
            reason: if is_refused {
                DropReason::Contract
            } else {
                DropReason::Schema
            },
            schema: Cow::Owned(schema.id().to_owned()),
            violations,
        };
        if !is_refused {
            let readable = as_object(&record);
            let readable = readable.as_object().cloned().unwrap_or_default();
            let raw = Cow::Owned(line);
            return Admission::quarantine(fault, &readable, raw, self.arrival);
        }
        let refused = RefusedRecord {
            at: record.timestamp,
            service: record.service.clone(),
            violation: fault.violations[0].clone(),
            line,
        };
        let contracts = &self.admission.contracts;
        contracts.refused.remember(schema.id(), refused);
        Verdict::Rejected(record, fault)
    }
}

fn subject(record: &LogRecord) -> Subject<'_> {
    let version = ["schema.version", "event_version"];
    Subject {
        event_name: record.event_name.as_deref(),
        service: &record.service,
        version: version.iter().find_map(|key| record.attributes.get(*key)),
    }
}

fn as_object(record: &LogRecord) -> Value {
    serde_json::from_str(&record.to_line()).unwrap_or_default()
}

/// What we say of a record under our own keys, nobody else can say. The keys are sorted, and ours
/// come late among them, so for most records this looks at one key.
fn strip_our_keys(record: &mut LogRecord) {
    let is_ours = |key: &String| key.starts_with(contract_keys::PREFIX);
    let last = record.attributes.keys().next_back();
    if last.is_some_and(|last| last.as_str() >= contract_keys::PREFIX)
        && record.attributes.keys().any(is_ours)
    {
        record.attributes.retain(|key, _| !is_ours(key));
    }
}

/// Marks an accepted record with what it breaks.
fn mark(record: &mut LogRecord, broken: &[Broken<'_>]) {
    let ids: Vec<&str> = broken.iter().map(|(schema, _)| schema.id()).collect();
    let schema = match ids.as_slice() {
        [one] => json!(one),
        several => json!(several),
    };
    let first = &broken[0].1[0];
    for (key, value) in [
        (contract_keys::SCHEMA, schema),
        (contract_keys::PATH, json!(first.instance_path)),
        (contract_keys::MESSAGE, json!(first.message)),
    ] {
        record.attributes.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests;
