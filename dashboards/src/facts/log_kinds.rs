//! The log records that explain: one of each kind, exceptions first, then in the order in which
//! they were first said. The newest twenty lines of an outage are twenty times the same.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchfire_alerts::Incident;
use watchfire_logsearch::{FoundLog, QueryError};
use watchfire_schemas::{RecordId, TimeRange, Timestamp, TraceId};

use super::of_services;
use crate::pages::log_view::one_line;
use crate::{Console, ask};

/// Records read of the first moments, and of the newest.
const OF_ONSET: usize = 300;
const NEWEST: usize = 200;
/// Kinds shown.
const SHOWN: usize = 10;

/// What the logs of an incident are asked for.
pub(crate) fn query(incident: &Incident) -> String {
    let services = of_services(incident);
    format!("{services} severity:(WARN or ERROR or FATAL)")
        .trim()
        .to_owned()
}

/// One kind of record, by the first of its kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LogKind {
    pub(crate) id: String,
    pub(crate) at: Timestamp,
    pub(crate) severity: String,
    pub(crate) service: String,
    /// One line, the exception first.
    pub(crate) line: String,
    /// How often it was read.
    pub(crate) times: u64,
    pub(crate) trace_id: Option<TraceId>,
}

/// The first moments, then the newest of the whole time of trouble.
pub(super) async fn read(
    console: &Console,
    incident: &Incident,
    trouble: TimeRange,
) -> Result<Vec<FoundLog>, QueryError> {
    let query = query(incident);
    let began = incident.onset.earliest;
    let known = incident.onset.latest.max(incident.detected_at);
    let first_moments = TimeRange {
        start: trouble.start,
        end: known.min(began + Duration::from_mins(2)) + Duration::from_secs(15),
    };
    let (onset, newest) = tokio::try_join!(
        ask::logs(console, &query, first_moments, OF_ONSET, None),
        ask::logs(console, &query, trouble, NEWEST, None),
    )?;
    let records: BTreeMap<RecordId, FoundLog> = onset
        .records
        .into_iter()
        .chain(newest.records)
        .map(|found| (found.id, found))
        .collect();
    Ok(records.into_values().collect())
}

/// One of each kind: exceptions first, then the gravest, in the order in which they were said.
pub(super) fn kinds(read: &[FoundLog]) -> Vec<LogKind> {
    let mut records: Vec<&FoundLog> = read.iter().collect();
    records.sort_by_key(|found| (found.record.timestamp, found.id));
    let mut kinds: BTreeMap<String, (usize, &FoundLog, u64)> = BTreeMap::new();
    for (at, found) in records.iter().enumerate() {
        let kind = kinds.entry(kind_of(found)).or_insert((at, found, 0));
        kind.2 += 1;
    }
    let mut kinds: Vec<(usize, &FoundLog, u64)> = kinds.into_values().collect();
    kinds.sort_by_key(|(at, found, _)| {
        let severity = std::cmp::Reverse(found.record.severity);
        (found.record.exception.is_none(), severity, *at)
    });
    let told = kinds.into_iter().take(SHOWN);
    told.map(|(_, found, times)| log_kind(found, times))
        .collect()
}

fn log_kind(found: &FoundLog, times: u64) -> LogKind {
    let record = &found.record;
    let message = one_line(&record.message);
    let line = match &record.exception {
        Some(thrown) => format!("{}: {} ({message})", thrown.kind, one_line(&thrown.message)),
        None => message,
    };
    LogKind {
        id: found.id.to_string(),
        at: record.timestamp,
        severity: record.severity.range().as_str().to_owned(),
        service: record.service.clone(),
        line,
        times,
        trace_id: record.trace_id,
    }
}

/// Two records are of one kind if they differ in names and numbers only.
fn kind_of(found: &FoundLog) -> String {
    let record = &found.record;
    let what = match (&record.exception_group, &record.pattern_id) {
        (Some(group), _) => group.clone(),
        (None, Some(pattern)) => pattern.clone(),
        (None, None) => template(&record.message),
    };
    format!("{} {} {what}", record.service, record.severity.as_str())
}

/// A message without what varies: paths, ids and long numbers. A status code stays.
fn template(message: &str) -> String {
    let words = message.split_whitespace().take(40).map(|word| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        match word {
            word if word.contains('/') => "/",
            word if digits > 3 || (digits > 0 && digits < word.len()) => "#",
            word => word,
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_differ_in_names_and_numbers_are_one_kind() {
        let cases = [
            (
                "request for /places/a failed",
                "request for /places/b failed",
                true,
            ),
            ("GET /a answered 503", "GET /b/c answered 503", true),
            ("GET /a answered 503", "GET /a answered 504", false),
            ("took 15ms", "took 1ms", true),
            ("user 123456 left", "user 99123 left", true),
            ("the pool is empty", "the pool is full", false),
        ];
        for (a, b, expected) in cases {
            assert_eq!(template(a) == template(b), expected, "{a} | {b}");
        }
    }
}
