//! What the store of groups knows of an incident's exceptions, and how they lie in time.

use serde::{Deserialize, Serialize};
use watchfire_alerts::Incident;
use watchfire_schemas::{TimeRange, Timestamp, TraceId};
use watchfire_tsdb::QueryError;

use crate::pages::exceptions::selector;
use crate::{Console, ask};

const BINS: u32 = 40;

/// One exception group beside its place in the incident.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExceptionDetail {
    pub(crate) group: String,
    /// Where it is thrown: the top frame of the application.
    pub(crate) culprit: String,
    pub(crate) first_seen: Option<Timestamp>,
    /// The release in which it was first seen.
    pub(crate) first_release: Option<String>,
    pub(crate) last_trace: Option<TraceId>,
    /// Counts over the window.
    pub(crate) trend: Vec<f64>,
    /// How much likelier its count is at a rate of its own than at that of before, natural log.
    pub(crate) surprise: f64,
}

/// In the order of the incident's exceptions.
pub(super) async fn details(
    console: &Console,
    incident: &Incident,
    window: TimeRange,
) -> Result<Vec<ExceptionDetail>, QueryError> {
    let bin = window.end.since(window.start) / BINS;
    let groups = || incident.exceptions.iter().map(|one| one.group.as_str());
    let selectors = groups().map(selector).collect();
    let known = groups().map(|id| console.alerts.exception_group(id));
    let (trends, known) = tokio::join!(
        ask::trends(console, selectors, window.start, bin, BINS as usize),
        futures_util::future::join_all(known),
    );
    let trends = trends?;
    let details = incident.exceptions.iter().zip(known).zip(trends);
    Ok(details
        .map(|((exception, known), trend)| {
            // A group that cannot be read is shown by what the incident itself knows of it.
            let known = known.ok().flatten();
            ExceptionDetail {
                group: exception.group.clone(),
                culprit: known
                    .as_ref()
                    .map_or_else(String::new, |k| k.culprit.clone()),
                first_seen: known.as_ref().map(|k| k.first_seen),
                first_release: known.as_ref().and_then(|k| k.releases.first().cloned()),
                last_trace: known.and_then(|k| k.last_trace),
                surprise: surprise(exception.count as f64, exception.ratio),
                trend,
            }
        })
        .collect())
}

/// The log-likelihood of a count over what its ratio says was usual.
fn surprise(count: f64, ratio: Option<f64>) -> f64 {
    let usual = ratio
        .filter(|ratio| ratio.is_finite() && *ratio > 0.0)
        .map_or(0.1, |ratio| (count / ratio).max(0.1));
    if count <= usual {
        return 0.0;
    }
    count * (count / usual).ln() - (count - usual)
}
