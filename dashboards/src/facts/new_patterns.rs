//! Log patterns that are new or far more frequent than in the hour before.

use serde::{Deserialize, Serialize};
use watchfire_alerts::Incident;
use watchfire_logsearch::{PatternChange, PatternSearch, PatternSummary, QueryError};
use watchfire_schemas::{TimeRange, Timestamp};

use super::{baseline, of_services};
use crate::{Console, ask};

const READ: usize = 60;
const SHOWN: usize = 8;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct NewPattern {
    pub(crate) id: String,
    pub(crate) template: String,
    pub(crate) severity: String,
    pub(crate) services: Vec<String>,
    pub(crate) count: u64,
    /// In the hour before.
    pub(crate) count_before: u64,
    /// Times its rate before; none if it is new.
    pub(crate) ratio: Option<f64>,
    pub(crate) first_seen: Timestamp,
}

pub(super) async fn new_patterns(
    console: &Console,
    incident: &Incident,
    trouble: TimeRange,
) -> Result<Vec<NewPattern>, QueryError> {
    let before = baseline(incident);
    let search = PatternSearch {
        query: of_services(incident),
        range: trouble,
        against: Some(before),
        limit: READ,
        buckets: 1,
        deadline: ask::DEADLINE,
    };
    let found = console.events.log_patterns(search).await?;
    let lengths = (length(trouble), length(before));
    Ok(ranked(found.patterns, lengths))
}

fn length(range: TimeRange) -> f64 {
    range.end.seconds_since(range.start).max(1.0)
}

/// The gravest first, what is new before what has grown, then the most frequent.
fn ranked(patterns: Vec<PatternSummary>, (now, before): (f64, f64)) -> Vec<NewPattern> {
    let telling = |change| matches!(change, PatternChange::New | PatternChange::Grown);
    let mut found: Vec<PatternSummary> = patterns
        .into_iter()
        .filter(|pattern| telling(pattern.change))
        .collect();
    found.sort_by_key(|pattern| {
        let is_new = pattern.change == PatternChange::New;
        std::cmp::Reverse((pattern.severity, is_new, pattern.count))
    });
    let told = found.into_iter().take(SHOWN).map(|pattern| {
        let rate_before = pattern.count_against as f64 / before;
        NewPattern {
            ratio: (pattern.count_against > 0).then(|| pattern.count as f64 / now / rate_before),
            id: pattern.id,
            template: pattern.template,
            severity: pattern.severity.as_str().to_owned(),
            services: pattern.services,
            count: pattern.count,
            count_before: pattern.count_against,
            first_seen: pattern.first_seen,
        }
    });
    told.collect()
}
