use std::time::Duration;

use watchfire_schemas::Timestamp;

use crate::{ExceptionGroup, IncidentException, SignalError, Signals};

/// What an incident's exceptions are held against.
const BEFORE: Duration = Duration::from_hours(1);
/// Clocks differ: a group is new if it was first seen this shortly before onset.
const SKEW: Duration = Duration::from_mins(1);
const SHOWN: usize = 20;

/// The groups as they behaved since onset, held against the hour before: what is new or back
/// first, then what changed most beyond chance. Groups that did not occur since are left out.
pub(crate) async fn ranked(
    signals: &dyn Signals,
    groups: Vec<ExceptionGroup>,
    onset: Timestamp,
    now: Timestamp,
) -> Result<Vec<IncidentException>, SignalError> {
    let since = now.since(onset).max(Duration::from_secs(1));
    let mut found = Vec::new();
    for group in groups {
        let selector = group.selector();
        let total = |bins: Vec<f64>| bins.into_iter().sum::<f64>();
        let after = total(signals.increments(&selector, now - since, since, 1).await?);
        if after < 1.0 {
            continue;
        }
        let start = now - since - BEFORE;
        let before = total(signals.increments(&selector, start, BEFORE, 1).await?);
        let usual = before * since.as_secs_f64() / BEFORE.as_secs_f64();
        let exception = IncidentException {
            is_new: group.first_seen + SKEW >= onset && before < 1.0,
            is_regressed: group.regressed_at.is_some_and(|at| at + SKEW >= onset),
            count: after.round() as u64,
            ratio: (before >= 1.0).then(|| after / usual),
            group: group.id,
            kind: group.kind,
            message: group.message,
            service: group.service,
        };
        found.push((surprise(after, usual), exception));
    }
    let fresh = |e: &IncidentException| e.is_new || e.is_regressed;
    found.sort_by(|(a, x), (b, y)| fresh(y).cmp(&fresh(x)).then(b.total_cmp(a)));
    Ok(found.into_iter().take(SHOWN).map(|(_, e)| e).collect())
}

/// Log-likelihood of the count at its own rate over the usual one.
fn surprise(count: f64, usual: f64) -> f64 {
    let usual = usual.max(0.1);
    if count <= usual {
        return 0.0;
    }
    count * (count / usual).ln() - (count - usual)
}
