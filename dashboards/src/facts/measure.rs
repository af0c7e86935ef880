//! The series that stand beside an incident: its signal, its traffic, its exceptions.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchfire_alerts::Incident;
use watchfire_schemas::{TimeRange, Timestamp};
use watchfire_tsdb::QueryError;

use super::Neighbour;
use crate::range::round_step;
use crate::{Console, ask, query_text};

/// Exception groups that are drawn apart; the others are one.
pub(crate) const APART: usize = 3;

/// What was measured in the window of an incident.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// "server errors of content".
    pub(crate) signal: String,
    /// Counts per bin, by the start of the bin.
    pub(crate) counts: Vec<(Timestamp, f64)>,
    /// The expected count of each bin.
    pub(crate) baseline: Vec<(Timestamp, f64)>,
    pub(crate) exceptions: Vec<(Timestamp, f64)>,
    /// Of those, the first groups of the incident by themselves: type, and a count a bin.
    #[serde(default)]
    pub(crate) exception_groups: Vec<(String, Vec<f64>)>,
    /// Requests of the same services, good and bad.
    pub(crate) requests: Vec<(Timestamp, f64)>,
    /// Those among them that failed.
    #[serde(default)]
    pub(crate) failed: Vec<(Timestamp, f64)>,
    pub(crate) bin_seconds: f64,
}

/// What a failure came to, from its onset to its recovery or to now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Impact {
    /// Of which service: of the incident's own the one nearest to the users. Empty for all.
    #[serde(default)]
    pub(crate) service: String,
    pub(crate) requests: u64,
    pub(crate) failed: u64,
    /// The share that failed in the window before the onset.
    pub(crate) failed_before: Option<f64>,
    pub(crate) seconds: f64,
}

impl Impact {
    /// The share of requests that failed; none without requests.
    pub(crate) fn failed_share(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.failed as f64 / self.requests as f64)
    }
}

impl Measured {
    /// What came of it for the users: a failure deep inside is counted once, where it is felt.
    pub(super) fn impact(
        &self,
        incident: &Incident,
        neighbours: &[Neighbour],
        end: Timestamp,
    ) -> Impact {
        let all = self.impact_of_all(incident, end);
        let Some(felt) = Neighbour::nearest_to_users(neighbours) else {
            return all;
        };
        Impact {
            service: felt.service.clone(),
            requests: felt.requests,
            failed: felt.failed.min(felt.requests),
            ..all
        }
    }

    fn impact_of_all(&self, incident: &Incident, end: Timestamp) -> Impact {
        let onset = incident.onset.at;
        let bin = Duration::from_secs_f64(self.bin_seconds.max(0.0));
        let sum = |points: &[(Timestamp, f64)], from: Timestamp, to: Timestamp| -> f64 {
            let within = points.iter().filter(|(at, _)| from < *at + bin && *at < to);
            within.map(|(_, value)| value).sum()
        };
        let requests = sum(&self.requests, onset, end);
        let before = sum(&self.requests, Timestamp::MIN, onset - bin);
        let failed_before = sum(&self.failed, Timestamp::MIN, onset - bin);
        Impact {
            service: String::new(),
            requests: requests.round() as u64,
            failed: sum(&self.failed, onset, end).min(requests).round() as u64,
            failed_before: (before >= 1.0).then(|| failed_before / before),
            seconds: end.seconds_since(onset).max(0.0),
        }
    }
}

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
    let failed = requests.replace('{', "{status=\"STATUS_CODE_ERROR\",");
    let mut selectors = vec![selector, exceptions, requests, failed];
    let groups = incident.exceptions.iter().take(APART);
    selectors.extend(
        groups
            .clone()
            .map(|one| crate::pages::exceptions::selector(&one.group)),
    );
    let mut found = ask::trends(console, selectors, start, bin, bins)
        .await?
        .into_iter();
    let mut next = || -> Vec<(Timestamp, f64)> {
        let counts = found.next().unwrap_or_default().into_iter().enumerate();
        counts
            .map(|(index, count)| (start + bin * index as u32, count))
            .collect()
    };
    let (counts, exceptions, requests, failed) = (next(), next(), next(), next());
    let exception_groups = groups
        .map(|one| one.kind.clone())
        .zip(found)
        .collect::<Vec<_>>();
    Ok(Measured {
        signal,
        counts,
        exceptions,
        exception_groups,
        requests,
        failed,
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

/// `service.name:(a or b)`; empty if the incident names no service.
pub(crate) fn of_services(incident: &Incident) -> String {
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
pub(crate) fn service_matcher(incident: &Incident) -> String {
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
