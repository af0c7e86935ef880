//! The series that tell of alerts: `ALERTS` and `ALERTS_FOR_STATE`, as Prometheus writes them.

use watchfire_schemas::LabelSet;

use crate::AlertState;
use crate::alert_state::AlertStates;

/// Both series of each alert that is pending or firing, with their values.
pub(crate) fn series_of(states: &AlertStates) -> Vec<(LabelSet, f64)> {
    let alerts = states.values().map(|tracked| &tracked.alert);
    alerts
        .filter_map(|alert| {
            let state = match alert.state {
                AlertState::Inactive => return None,
                AlertState::Pending => "pending",
                AlertState::Firing => "firing",
            };
            let named = |metric: &str| alert.labels.with(LabelSet::NAME, metric);
            let since = alert.active_at.nanos().div_euclid(1_000_000_000);
            Some([
                (named("ALERTS").with("alertstate", state), 1.0),
                (named("ALERTS_FOR_STATE"), since as f64),
            ])
        })
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::Timestamp;

    use super::*;
    use crate::AlertInstance;
    use crate::alert_state::TrackedAlert;

    #[test]
    fn active_alerts_are_told_as_series() {
        let alert = |job: &str, state| {
            let labels = LabelSet::new([("alertname", "Down"), ("job", job)]);
            let alert = AlertInstance {
                rule: "Down".to_owned(),
                labels: labels.clone(),
                annotations: LabelSet::default(),
                state,
                value: 5.0,
                active_at: Timestamp::from_millis(12_900),
                fired_at: None,
                kept_since: None,
                resolved_at: None,
            };
            (labels, TrackedAlert { alert })
        };
        let states = AlertStates::from([
            alert("a", AlertState::Firing),
            alert("b", AlertState::Inactive),
            alert("c", AlertState::Pending),
        ]);
        let told: Vec<String> = series_of(&states)
            .into_iter()
            .map(|(labels, value)| format!("{labels} {value}"))
            .collect();
        assert_eq!(
            told,
            [
                "ALERTS{alertname=\"Down\", alertstate=\"firing\", job=\"a\"} 1",
                "ALERTS_FOR_STATE{alertname=\"Down\", job=\"a\"} 12",
                "ALERTS{alertname=\"Down\", alertstate=\"pending\", job=\"c\"} 1",
                "ALERTS_FOR_STATE{alertname=\"Down\", job=\"c\"} 12",
            ]
        );
    }
}
