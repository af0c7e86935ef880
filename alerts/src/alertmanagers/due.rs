use watchfire_schemas::Timestamp;

use super::RESEND;
use crate::{AlertInstance, AlertState};

/// Whether an alert is to be told at `now`: as soon as it fires, as soon as it is over, and from time
/// to time between and after.
pub(super) fn is_due(alert: &AlertInstance, last: Option<Timestamp>, now: Timestamp) -> bool {
    if alert.state == AlertState::Pending {
        return false;
    }
    let Some(last) = last else {
        return true;
    };
    let is_over_since = alert.resolved_at.is_some_and(|over| over > last);
    is_over_since || last + RESEND < now
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use watchfire_schemas::LabelSet;

    use super::*;

    #[test]
    fn alerts_are_told_as_prometheus_tells_them() {
        let second = Timestamp::from_secs;
        let check = |state, over: Option<i64>, last: Option<i64>, now, expected| {
            let alert = AlertInstance {
                rule: "A".to_owned(),
                labels: LabelSet::default(),
                annotations: LabelSet::default(),
                state,
                value: 1.0,
                active_at: second(0),
                fired_at: Some(second(0)),
                kept_since: None,
                resolved_at: over.map(second),
            };
            let told = is_due(&alert, last.map(second), second(now));
            assert_eq!(told, expected, "{state:?} {over:?} {last:?} {now}");
        };
        check(AlertState::Pending, None, None, 10, false);
        check(AlertState::Firing, None, None, 10, true);
        check(AlertState::Firing, None, Some(10), 70, false);
        check(AlertState::Firing, None, Some(10), 71, true);
        check(AlertState::Inactive, Some(80), Some(71), 80, true);
        check(AlertState::Inactive, Some(80), Some(80), 100, false);
        check(AlertState::Inactive, Some(80), Some(80), 141, true);
        assert_eq!(RESEND, Duration::from_mins(1));
    }
}
