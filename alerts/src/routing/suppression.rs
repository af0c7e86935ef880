//! Whether anybody is to be told of an alert: silences, inhibition and muted routes.

use watchfire_schemas::{LabelSet, Timestamp};

use super::RoutingConfig;
use super::held::Held;
use super::inhibition::Inhibitors;
use super::silence::KeptSilence;
use super::store::hex;
use crate::Alerts;

/// Why nobody is told of an alert; empty if somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suppression {
    /// The silences that it fits.
    pub silenced_by: Vec<String>,
    /// The fingerprint of the alert that inhibits it.
    pub inhibited_by: Vec<String>,
    /// The time intervals that mute all routes that it takes.
    pub muted_by: Vec<String>,
}

impl Suppression {
    pub fn is_empty(&self) -> bool {
        self.silenced_by.is_empty() && self.inhibited_by.is_empty() && self.muted_by.is_empty()
    }
}

/// All that decides it, at one time.
pub(crate) struct Hush<'a> {
    pub config: &'a RoutingConfig,
    pub held: &'a Held,
    pub silences: &'a [KeptSilence],
    pub now: Timestamp,
    inhibitors: Inhibitors<'a>,
}

impl<'a> Hush<'a> {
    pub(crate) fn new(
        config: &'a RoutingConfig,
        held: &'a Held,
        silences: &'a [KeptSilence],
        now: Timestamp,
    ) -> Self {
        let rules = &config.routes.inhibit_rules;
        Self {
            config,
            held,
            silences,
            now,
            inhibitors: Inhibitors::new(rules, held.firing(now)),
        }
    }

    pub(crate) fn silenced_by(&self, labels: &LabelSet) -> Vec<String> {
        let silences = self.silences.iter();
        let matching = silences.filter(|silence| silence.silences(labels, self.now));
        matching.map(|silence| silence.id.clone()).collect()
    }

    pub(crate) fn inhibited_by(&self, labels: &LabelSet) -> Option<String> {
        self.inhibitors.of(labels).map(hex)
    }

    /// Only if no route is left that is not muted.
    pub(crate) fn muted_by(&self, labels: &LabelSet) -> Vec<String> {
        let routes = &self.config.routes;
        let mut names = Vec::new();
        for route in routes.route.of(labels) {
            let muting = routes.muting(route, self.now);
            if muting.is_empty() {
                return Vec::new();
            }
            names.extend(muting);
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    pub(crate) fn of(&self, labels: &LabelSet) -> Suppression {
        Suppression {
            silenced_by: self.silenced_by(labels),
            inhibited_by: self.inhibited_by(labels).into_iter().collect(),
            muted_by: self.muted_by(labels),
        }
    }
}

impl Alerts {
    /// Why nobody is to be told of an alert with these labels at this time.
    pub fn suppression(&self, labels: &LabelSet, now: Timestamp) -> Suppression {
        let (config, silences) = (self.routing.config(), self.routing.silences());
        let held = self.routing.held();
        let hush = Hush::new(&config, &held, &silences, now);
        hush.of(labels)
    }
}
