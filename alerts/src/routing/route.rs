//! The tree that says which receivers an alert reaches, and how its notifications are grouped.

use std::collections::BTreeSet;
use std::time::Duration;

use watchfire_schemas::LabelSet;

use super::matcher::{Matchers, written_labels};

/// Which labels make a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GroupBy {
    Labels(BTreeSet<String>),
    /// `...`: each alert by itself.
    Everything,
}

/// A node of the tree, with what it inherits already in place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    /// Its place in the tree: `0` is the root, `0.2` the root's third child.
    pub path: String,
    /// All matchers from the root on; the first half of a group's key.
    pub key: String,
    pub receiver: String,
    pub matchers: Matchers,
    pub continues: bool,
    pub group_by: GroupBy,
    pub group_wait: Duration,
    pub group_interval: Duration,
    pub repeat_interval: Duration,
    /// Names of intervals; not inherited.
    pub mute_intervals: Vec<String>,
    pub active_intervals: Vec<String>,
    pub children: Vec<Route>,
}

impl Route {
    /// The nodes that an alert ends at, in the order in which they are written. The root takes
    /// what no other node does.
    pub(crate) fn of<'r>(&'r self, labels: &LabelSet) -> Vec<&'r Self> {
        if !self.matchers.matches(labels) {
            return Vec::new();
        }
        let mut found = Vec::new();
        for child in &self.children {
            let below = child.of(labels);
            let is_last = !below.is_empty() && !child.continues;
            found.extend(below);
            if is_last {
                break;
            }
        }
        if found.is_empty() {
            found.push(self);
        }
        found
    }

    /// The labels of the group that an alert is in here.
    pub(crate) fn group_labels(&self, labels: &LabelSet) -> LabelSet {
        match &self.group_by {
            GroupBy::Everything => labels.clone(),
            GroupBy::Labels(names) => labels.filtered(|name| names.contains(name)),
        }
    }

    /// Names a group towards receivers, as Alertmanager does.
    pub(crate) fn group_key(&self, group_labels: &LabelSet) -> String {
        format!("{}:{}", self.key, written_labels(group_labels))
    }

    pub(crate) fn by_path<'r>(&'r self, path: &str) -> Option<&'r Self> {
        if self.path == path {
            return Some(self);
        }
        let is_above = |child: &&Self| {
            let rest = path.strip_prefix(&child.path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.children.iter().find(is_above)?.by_path(path)
    }
}
