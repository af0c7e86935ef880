//! Why nobody is told of an alert.

use std::collections::BTreeMap;

use watchfire_alerts::{AlertInstance, Suppression};
use watchfire_schemas::{LabelSet, Timestamp};

use crate::Console;

/// What suppresses alerts, by their labels; those that nothing does are left out.
#[derive(Debug, Default)]
pub(crate) struct Suppressed(BTreeMap<LabelSet, Suppression>);

pub(crate) fn of(console: &Console, alerts: &[AlertInstance], now: Timestamp) -> Suppressed {
    let all = alerts.iter().map(|alert| {
        let suppression = console.alerts.suppression(&alert.labels, now);
        (alert.labels.clone(), suppression)
    });
    Suppressed(
        all.filter(|(_, suppression)| !suppression.is_empty())
            .collect(),
    )
}

impl Suppressed {
    /// In words; none if somebody is told of it.
    pub(crate) fn told(&self, labels: &LabelSet) -> Option<String> {
        let Suppression {
            silenced_by,
            inhibited_by,
            muted_by,
        } = self.0.get(labels)?;
        let reasons = [
            (!silenced_by.is_empty()).then(|| match silenced_by.len() {
                1 => "silenced".to_owned(),
                several => format!("silenced by {several} silences"),
            }),
            (!inhibited_by.is_empty()).then(|| "inhibited by another alert".to_owned()),
            (!muted_by.is_empty()).then(|| format!("muted: {}", muted_by.join(", "))),
        ];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        Some(format!("nobody is told: {}", reasons.join("; ")))
    }
}
