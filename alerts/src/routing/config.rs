//! Alertmanager's configuration file: what of it says where notifications go.

mod document;
mod intervals;
mod reader;
mod tree;
mod written;

use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_schemas::{LabelSet, Timestamp};

use super::inhibition::InhibitRule;
use super::interval::TimeInterval;
use super::route::Route;
use crate::RuleFinding;

/// After which an alert that says nothing of its end counts as resolved.
pub(crate) const RESOLVE_TIMEOUT: Duration = Duration::from_mins(5);

/// A file that was read without a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertmanagerConfig {
    pub(crate) route: Route,
    pub(crate) inhibit_rules: Vec<InhibitRule>,
    /// By their names.
    pub(crate) intervals: BTreeMap<String, Vec<TimeInterval>>,
    /// In their order.
    pub(crate) receivers: Vec<String>,
    pub(crate) resolve_timeout: Duration,
}

impl AlertmanagerConfig {
    /// Reads a file as strictly as Alertmanager does. `name` is only for messages. What receivers
    /// hold is not looked at. An error holds at least one finding.
    pub fn read(name: &str, text: &str) -> Result<Self, Vec<RuleFinding>> {
        reader::read(name, text)
    }

    /// The receivers that an alert with these labels reaches, in the order of the file. One that
    /// several routes lead to is there several times.
    pub fn receivers_of(&self, labels: &LabelSet) -> Vec<&str> {
        let routes = self.route.of(labels).into_iter();
        routes.map(|route| route.receiver.as_str()).collect()
    }

    /// The intervals that keep this route silent now. Of those of which one must be active, all
    /// are named if none is.
    pub(crate) fn muting(&self, route: &Route, now: Timestamp) -> Vec<String> {
        let is_now = |name: &&String| {
            let intervals = self.intervals.get(*name).into_iter().flatten();
            intervals.into_iter().any(|interval| interval.contains(now))
        };
        let active = &route.active_intervals;
        if !active.is_empty() && !active.iter().any(|name| is_now(&name)) {
            return active.clone();
        }
        let muting = route.mute_intervals.iter().filter(is_now);
        muting.cloned().collect()
    }
}

#[cfg(test)]
mod tests;
