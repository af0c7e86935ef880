//! What the time of onset rests on.

use std::time::Duration;

use watchfire_alerts::{Incident, OnsetMethod};
use watchfire_schemas::{TimeRange, Timestamp};

use crate::charts::{Svg, TimePlot};
use crate::figures;

/// The series that gave the onset, what was to be expected, the interval and the chosen point.
pub(super) fn drawn(incident: &Incident) -> Option<Svg> {
    let onset = &incident.onset;
    let evidence = onset.evidence.as_ref()?;
    if !(evidence.bin_seconds > 0.0 && evidence.bin_seconds.is_finite()) {
        return None;
    }
    let width = Duration::from_secs_f64(evidence.bin_seconds);
    let points = |values: &[f64]| -> Vec<(Timestamp, f64)> {
        let at = |index: usize| evidence.start + width * index as u32;
        let values = values.iter().enumerate();
        values.map(|(index, value)| (at(index), *value)).collect()
    };
    let (counts, baseline) = (points(&evidence.counts), points(&evidence.baseline));
    let all = evidence.counts.iter().chain(&evidence.baseline);
    let most = all.copied().filter(|v| v.is_finite()).fold(1.0, f64::max);
    let range = TimeRange {
        start: evidence.start,
        end: counts.last()?.0 + width,
    };
    let mut plot = TimePlot::new(range, 110, most, "");
    let band = format!(
        "interval: {} to {}",
        figures::clock(onset.earliest),
        figures::clock(onset.latest)
    );
    plot.band(onset.earliest, onset.latest, "onset", &band);
    plot.line("expected", "baseline", &baseline, 1.0);
    plot.line(&evidence.signal, "errors", &counts, 1.0);
    let chosen = format!("onset {}", figures::clock(onset.at));
    plot.flag(onset.at, "chosen", &chosen);
    let label = format!(
        "{} in bins of {}, what was to be expected, and the onset",
        evidence.signal,
        figures::duration(evidence.bin_seconds)
    );
    Some(plot.finish(&label))
}

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
