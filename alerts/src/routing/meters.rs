use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::held::Held;
use super::silence::{KeptSilence, SilenceState};
use watchfire_schemas::Timestamp;

type By = [(&'static str, &'static str); 1];

/// Why an alert was left out of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SuppressedBy {
    Inhibition,
    Muting,
    Silence,
}

impl SuppressedBy {
    const ALL: [Self; 3] = [Self::Inhibition, Self::Muting, Self::Silence];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Inhibition => "inhibition",
            Self::Muting => "muting",
            Self::Silence => "silence",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Meters {
    received: Family<By, Counter>,
    invalid: Counter,
    suppressed: Family<By, Counter>,
    silences: Family<By, Gauge>,
    groups: Gauge,
    alerts: Gauge,
    pub(super) reloads: Counter,
    pub(super) reload_failures: Counter,
}

impl Meters {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let meters = Self {
            received: Family::default(),
            invalid: Counter::default(),
            suppressed: Family::default(),
            silences: Family::default(),
            groups: Gauge::default(),
            alerts: Gauge::default(),
            reloads: Counter::default(),
            reload_failures: Counter::default(),
        };
        registry.register(
            "watchfire_alerts_received",
            "Alerts that others told of, by whether they fire",
            meters.received.clone(),
        );
        registry.register(
            "watchfire_alerts_received_invalid",
            "Alerts that others told of and that were refused",
            meters.invalid.clone(),
        );
        registry.register(
            "watchfire_alerts_suppressed",
            "How often an alert was left out when its group was flushed, by the reason",
            meters.suppressed.clone(),
        );
        registry.register(
            "watchfire_silences",
            "Silences that are kept, by their state",
            meters.silences.clone(),
        );
        registry.register(
            "watchfire_alert_groups",
            "Groups of alerts that are notified together",
            meters.groups.clone(),
        );
        registry.register(
            "watchfire_routed_alerts",
            "Alerts that routing holds",
            meters.alerts.clone(),
        );
        registry.register(
            "watchfire_alertmanager_config_reloads",
            "How often the routing configuration was read anew",
            meters.reloads.clone(),
        );
        registry.register(
            "watchfire_alertmanager_config_reload_failures",
            "How often it could not be, so that the one before stayed in use",
            meters.reload_failures.clone(),
        );
        for by in SuppressedBy::ALL {
            drop(meters.suppressed.get_or_create(&[("reason", by.as_str())]));
        }
        for status in ["firing", "resolved"] {
            drop(meters.received.get_or_create(&[("status", status)]));
        }
        meters
    }

    pub(crate) fn received(&self, firing: bool) {
        let status = if firing { "firing" } else { "resolved" };
        self.received.get_or_create(&[("status", status)]).inc();
    }

    pub(crate) fn invalid(&self) {
        self.invalid.inc();
    }

    pub(crate) fn suppressed(&self, by: SuppressedBy) {
        self.suppressed
            .get_or_create(&[("reason", by.as_str())])
            .inc();
    }

    pub(super) fn hold(&self, held: &Held) {
        self.groups.set(held.groups.len() as i64);
        self.alerts.set(held.alerts.len() as i64);
    }

    pub(super) fn keep(&self, silences: &[KeptSilence], now: Timestamp) {
        for state in SilenceState::ALL {
            let of_state = silences
                .iter()
                .filter(|silence| silence.state(now) == state);
            self.silences
                .get_or_create(&[("state", state.as_str())])
                .set(of_state.count() as i64);
        }
    }
}
