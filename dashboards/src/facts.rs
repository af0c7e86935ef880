//! What is known of an incident beside the incident itself, asked of all stores at once: plain data
//! that the page shows, the export writes, and that is kept when the incident ends, so that its
//! page outlives the telemetry.

mod blast_radius;
mod candidates;
mod exception_details;
mod exemplars;
mod failed_operations;
mod keeper;
mod latency;
mod log_kinds;
mod measure;
mod neighbours;
mod new_patterns;
mod quality;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchfire_alerts::Incident;
use watchfire_schemas::{TimeRange, Timestamp};

use crate::{Console, ask};

pub(crate) use blast_radius::Overrepresented;
pub(crate) use candidates::{Candidate, VersionRate};
pub(crate) use exception_details::ExceptionDetail;
pub(crate) use exemplars::ExemplarTrace;
pub(crate) use failed_operations::FailedOperation;
pub use keeper::keep_incident_facts;
pub(crate) use latency::Latency;
pub(crate) use log_kinds::{LogKind, query as log_query};
pub(crate) use measure::{Impact, Measured, of_services, service_matcher};
pub(crate) use neighbours::Neighbour;
pub(crate) use new_patterns::NewPattern;

/// What an incident is held against.
const BASELINE: Duration = Duration::from_hours(1);
/// How long before onset a change is a candidate.
const CANDIDATE_BEFORE: Duration = Duration::from_mins(30);
/// Failed spans read.
const FAILED_SPANS: usize = 300;

/// All of it. What could not be read is empty, and named.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) measured: Measured,
    pub(crate) impact: Impact,
    pub(crate) latency: Option<Latency>,
    /// In the order of the incident's exceptions.
    pub(crate) exceptions: Vec<ExceptionDetail>,
    pub(crate) blast_radius: Vec<Overrepresented>,
    pub(crate) new_patterns: Vec<NewPattern>,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) exemplars: Vec<ExemplarTrace>,
    pub(crate) failed_operations: Vec<FailedOperation>,
    pub(crate) logs: Vec<LogKind>,
    pub(crate) neighbours: Vec<Neighbour>,
    /// What is to be known of the data itself: late, missing, dropped.
    pub(crate) quality: Vec<String>,
    /// What could not be read, and why.
    pub(crate) unread: Vec<String>,
}

/// The window that is shown: a good part of the quiet before, all of the trouble.
pub(crate) fn window(incident: &Incident, now: Timestamp) -> TimeRange {
    let over = end(incident).unwrap_or(now);
    let began = incident.onset.earliest.min(incident.detected_at);
    let length = over.since(began).max(Duration::from_mins(2));
    let lead = (length / 3).clamp(Duration::from_mins(2), Duration::from_mins(30));
    TimeRange {
        start: began - lead,
        end: (over + length / 12).min(now.max(over)),
    }
}

/// From the onset to the recovery, or to now.
pub(crate) fn trouble(incident: &Incident, now: Timestamp) -> TimeRange {
    let over = incident.recovered_at.or(incident.resolved_at);
    let start = incident.onset.earliest - Duration::from_secs(5);
    TimeRange {
        start,
        end: over.unwrap_or(now).max(start + Duration::from_secs(10)),
    }
}

fn end(incident: &Incident) -> Option<Timestamp> {
    incident.resolved_at.or(incident.recovered_at)
}

/// The hour before the onset.
fn baseline(incident: &Incident) -> TimeRange {
    let end = incident.onset.earliest - Duration::from_secs(5);
    TimeRange {
        start: end - BASELINE,
        end,
    }
}

/// What was kept when the incident ended, or else what the stores say now.
pub(crate) async fn of(console: &Console, incident: &Incident, now: Timestamp) -> Facts {
    if incident.resolved_at.is_some()
        && let Ok(Some((_, kept))) = console.alerts.incident_facts(&incident.id).await
        && let Ok(facts) = serde_json::from_value(kept)
    {
        return facts;
    }
    gathered(console, incident, now).await
}

/// Asks everything, at once; each question under the deadline of a page.
pub(crate) async fn gathered(console: &Console, incident: &Incident, now: Timestamp) -> Facts {
    let window = window(incident, now);
    let trouble = trouble(incident, now);
    let services = of_services(incident);
    let failing = format!("{services} status:error");
    let (measured, latency, patterns, exemplars, failed, logs, usual, neighbours, details) = tokio::join!(
        measure::measure(console, incident, window),
        latency::latency(console, incident, window),
        new_patterns::new_patterns(console, incident, trouble),
        exemplars::exemplars(console, incident, trouble),
        ask::spans(console, failing.trim(), trouble, FAILED_SPANS, None),
        log_kinds::read(console, incident, trouble),
        blast_radius::usual(console, incident),
        neighbours::neighbours(console, incident, trouble.end),
        exception_details::details(console, incident, window),
    );
    let mut facts = Facts::default();
    let measured = facts.take("the signal", measured);
    facts.latency = facts.take("latency", latency);
    facts.new_patterns = facts.take("log patterns", patterns);
    facts.exemplars = facts.take("exemplars", exemplars);
    let failed = facts.take("traces", failed.map(Some));
    let read = facts.take("logs", logs);
    let usual = facts.take("the usual traffic", usual);
    facts.neighbours = facts.take("the service graph", neighbours);
    facts.exceptions = facts.take("exception groups", details);
    let candidates = candidates::candidates(console, incident, trouble, &facts.neighbours);
    let candidates = candidates.await;
    facts.candidates = facts.take("changes", candidates);
    facts.impact = measured.impact(incident, &facts.neighbours, trouble.end);
    let failed = failed.map_or_else(Vec::new, |page| page.spans);
    facts.failed_operations = failed_operations::failed_operations(&failed);
    facts.blast_radius = blast_radius::blast_radius(&failed, &read, &usual);
    let quality = quality::quality(console, incident, trouble, &read, &measured);
    facts.quality = quality.await;
    facts.logs = log_kinds::kinds(&read);
    facts.measured = measured;
    facts
}

impl Facts {
    fn take<T: Default, E: std::fmt::Display>(&mut self, what: &str, answer: Result<T, E>) -> T {
        answer.unwrap_or_else(|error| {
            tracing::warn!(what, %error, "{what} of an incident could not be read");
            self.unread
                .push(format!("{what} could not be read: {error}"));
            T::default()
        })
    }
}
