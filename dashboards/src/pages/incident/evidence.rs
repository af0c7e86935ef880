//! What the time of onset rests on.

use watchfire_alerts::{Incident, OnsetMethod};

use crate::figures;

pub(super) fn evidence(incident: &Incident) -> Vec<(&'static str, String)> {
    let onset = &incident.onset;
    let method = match onset.method {
        OnsetMethod::StepV1 => "change point by CUSUM, a step (version 1)",
        OnsetMethod::RampV1 => "change point by CUSUM, a ramp (version 1)",
        OnsetMethod::StepV2 => "likeliest change of the counts, a step (version 2)",
        OnsetMethod::RampV2 => "likeliest change of the counts, a ramp (version 2)",
        OnsetMethod::RuleFirstTrue => "no signal changed: the first evaluation that was true",
        OnsetMethod::Human => "set by a person",
    };
    let mut rows = vec![
        ("Onset", figures::date_time(onset.at)),
        (
            "Interval",
            format!(
                "{} to {} ({})",
                figures::clock(onset.earliest),
                figures::clock(onset.latest),
                figures::duration(onset.latest.seconds_since(onset.earliest))
            ),
        ),
        ("Method", method.to_owned()),
    ];
    if let Some(evidence) = &onset.evidence {
        let mean = evidence.baseline.iter().sum::<f64>() / evidence.baseline.len().max(1) as f64;
        rows.push(("Signal", evidence.signal.clone()));
        rows.push(("Selector", evidence.selector.clone()));
        rows.push((
            "Expected",
            format!(
                "{} per {} over {} bins, dispersion {}",
                figures::short(mean),
                figures::duration(evidence.bin_seconds),
                evidence.counts.len(),
                figures::short(evidence.dispersion)
            ),
        ));
    }
    if let Some(who) = &onset.set_by {
        rows.push(("Set by", who.clone()));
    }
    if let Some(reason) = &onset.reason {
        rows.push(("Because", reason.clone()));
    }
    rows
}
