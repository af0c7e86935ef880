//! The series that stand beside an incident: its signal, its traffic, its exceptions.

use std::time::Duration;

use watchfire_alerts::Incident;
use watchfire_schemas::{TimeRange, Timestamp};
use watchfire_tsdb::QueryError;

use super::axis::Measured;
use crate::range::round_step;
use crate::{Console, ask, query_text};

/// The signal that gave the onset, or failed requests where a rule alone did, with the exceptions
/// and the requests of the same services.
pub(super) async fn measure(
    console: &Console,
    incident: &Incident,
    window: TimeRange,
) -> Result<Measured, QueryError> {
    let bin = round_step(window.end.since(window.start), 150).max(Duration::from_secs(5));
    let start = window.start.floor(bin);
    let bins = (window.end.since(start).as_secs() / bin.as_secs()) as usize + 1;
    let of_services = service_matcher(incident);
    let (signal, selector) = match &incident.onset.evidence {
        Some(evidence) => (evidence.signal.clone(), evidence.selector.clone()),
        None => (
            "failed requests".to_owned(),
            format!(
                "traces_span_metrics_calls_total{{kind=\"SPAN_KIND_SERVER\",status=\"STATUS_CODE_ERROR\"{of_services}}}"
            ),
        ),
    };
    let exceptions = match of_services.trim_start_matches(',') {
        "" => "exceptions_total".to_owned(),
        matcher => format!("exceptions_total{{{matcher}}}"),
    };
    let requests =
        format!("traces_span_metrics_calls_total{{kind=\"SPAN_KIND_SERVER\"{of_services}}}");
    let selectors = vec![selector, exceptions, requests];
    let mut found = ask::trends(console, selectors, start, bin, bins)
        .await?
        .into_iter();
    let mut next = || -> Vec<(Timestamp, f64)> {
        let counts = found.next().unwrap_or_default().into_iter().enumerate();
        counts
            .map(|(index, count)| (start + bin * index as u32, count))
            .collect()
    };
    Ok(Measured {
        signal,
        counts: next(),
        exceptions: next(),
        requests: next(),
        baseline: baseline(incident, bin),
        bin_seconds: bin.as_secs_f64(),
    })
}

/// The expected counts as the estimate used them, per bin of this chart.
fn baseline(incident: &Incident, bin: Duration) -> Vec<(Timestamp, f64)> {
    let Some(evidence) = &incident.onset.evidence else {
        return Vec::new();
    };
    if evidence.bin_seconds <= 0.0 || !evidence.bin_seconds.is_finite() {
        return Vec::new();
    }
    let per_bin = bin.as_secs_f64() / evidence.bin_seconds;
    let width = Duration::from_secs_f64(evidence.bin_seconds);
    let at = |index: usize| evidence.start + width * index as u32;
    let expected = evidence.baseline.iter().enumerate();
    expected
        .map(|(index, expected)| (at(index), expected * per_bin))
        .collect()
}

pub(super) async fn group_trends(
    console: &Console,
    incident: &Incident,
    window: TimeRange,
) -> Result<Vec<Vec<f64>>, QueryError> {
    const BINS: u32 = 40;
    let bin = window.end.since(window.start) / BINS;
    let selectors = incident
        .exceptions
        .iter()
        .map(|exception| crate::pages::exceptions::selector(&exception.group))
        .collect();
    ask::trends(console, selectors, window.start, bin, BINS as usize).await
}

/// `service.name:(a or b)`; empty if the incident names no service.
pub(super) fn of_services(incident: &Incident) -> String {
    let names: Vec<String> = incident
        .services
        .iter()
        .map(|service| {
            let clause = query_text::term("s", service);
            clause.trim_start_matches("s:").to_owned()
        })
        .collect();
    match names.as_slice() {
        [] => String::new(),
        [one] => format!("service.name:{one}"),
        many => format!("service.name:({})", many.join(" or ")),
    }
}

/// `,service=~"a|b"`; empty if the incident names no service.
fn service_matcher(incident: &Incident) -> String {
    if incident.services.is_empty() {
        return String::new();
    }
    let quoted = incident.services.iter().map(|service| {
        let mut out = String::new();
        for c in service.chars() {
            if !c.is_alphanumeric() && !matches!(c, '_' | '-') {
                out.push('\\');
            }
            out.push(c);
        }
        out
    });
    let pattern = quoted.collect::<Vec<_>>().join("|");
    format!(",service=~{pattern:?}")
}
