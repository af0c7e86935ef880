//! Response times over many incidents.

use std::collections::BTreeMap;

use crate::incident::{IncidentRecord, pages};
use crate::response_times::{response_times, summarize};
use crate::{ReliabilityReport, ResponseSummary, ResponseTimes};

/// By what incidents are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    Service,
    Severity,
}

impl Grouping {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "service" => Some(Self::Service),
            "severity" => Some(Self::Severity),
            _ => None,
        }
    }
}

/// One report of all incidents, or one for each value of the grouping. An incident of several
/// services counts for each. Incidents that are warnings only are left out: nobody was to be woken
/// for them, and how soon a warning came says nothing of how soon failures are found. By severity
/// they stand on their own.
pub(crate) fn reports(
    incidents: &[IncidentRecord],
    by: Option<Grouping>,
) -> Vec<ReliabilityReport> {
    let mut groups: BTreeMap<Option<String>, Vec<&IncidentRecord>> = BTreeMap::new();
    if by.is_none() {
        groups.insert(None, Vec::new());
    }
    for incident in incidents {
        if by != Some(Grouping::Severity) && !pages(incident.severity) {
            continue;
        }
        let keys = match by {
            None => vec![None],
            Some(Grouping::Severity) => vec![Some(incident.severity.to_string())],
            Some(Grouping::Service) => incident.body.services.iter().cloned().map(Some).collect(),
        };
        for key in keys {
            groups.entry(key).or_default().push(incident);
        }
    }
    groups
        .into_iter()
        .map(|(key, incidents)| report(key, &incidents))
        .collect()
}

fn report(key: Option<String>, incidents: &[&IncidentRecord]) -> ReliabilityReport {
    let times: Vec<(ResponseTimes, bool)> = incidents
        .iter()
        .map(|incident| {
            (
                response_times(&incident.moments()),
                incident.notified_at.is_some(),
            )
        })
        .collect();
    let of = |time: fn(&ResponseTimes) -> Option<f64>,
              running: &dyn Fn(bool) -> bool|
     -> ResponseSummary {
        let over: Vec<f64> = times.iter().filter_map(|(t, _)| time(t)).collect();
        let censored = times
            .iter()
            .filter(|(t, notified)| time(t).is_none() && running(*notified))
            .count();
        summarize(over, censored)
    };
    ReliabilityReport {
        key,
        incidents: incidents.len(),
        ttd: of(|t| t.ttd_seconds, &|_| true),
        // Nobody can acknowledge what was never paged.
        tta: of(|t| t.tta_seconds, &|notified| notified),
        ttr: of(|t| t.ttr_seconds, &|_| true),
    }
}
