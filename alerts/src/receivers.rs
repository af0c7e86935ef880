//! What Alertmanager's receivers mean: `receivers:`, `global:` and `templates:` of its
//! configuration, and the notices of alert groups that go to them.

mod as_incident;
mod fields;
mod form;
mod go_time;
mod library;
mod notice;
mod read;
mod teller;
mod tree;

use std::path::Path;
use std::sync::Arc;

use crate::RuleFinding;
use crate::notify::Destination;

pub(crate) use as_incident::as_incident;
pub(crate) use form::Form;
pub(crate) use notice::{GroupAlert, GroupNotice, NoticeReason};

#[cfg(test)]
pub(crate) use notice::samples::notice as sample;

/// The receivers of a configuration, by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Receivers {
    all: Vec<Receiver>,
}

#[derive(Debug, Clone)]
struct Receiver {
    name: String,
    integrations: Vec<Integration>,
}

/// One way in which a receiver is told. Its place in the receiver's list is what a
/// [`GroupNotice`] names it by.
#[derive(Debug, Clone)]
pub(crate) struct Integration {
    /// `receiver/kind/index`: the name of its destination.
    pub name: String,
    pub receiver: String,
    pub send_resolved: bool,
    pub destination: Arc<Destination>,
    pub form: Form,
}

impl Receivers {
    /// Reads the parts of Alertmanager's configuration that say how receivers are told; the rest
    /// of the text is not looked at. `base` is the folder that the file is in: what it names
    /// without a leading `/` is looked for there. An error holds at least one finding.
    pub(crate) fn read(file: &str, text: &str, base: &Path) -> Result<Self, Vec<RuleFinding>> {
        read::read(file, text, base)
    }

    /// In the order of the file: Alertmanager's order of kinds, and within one kind as written.
    /// Empty for a receiver that tells nobody, and for one that there is not.
    pub(crate) fn integrations(&self, receiver: &str) -> &[Integration] {
        let found = self.all.iter().find(|known| known.name == receiver);
        found.map_or(&[], |found| &found.integrations)
    }

    /// Of all receivers.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Integration> {
        self.all.iter().flat_map(|receiver| &receiver.integrations)
    }
}
