//! The log records that explain: one of each kind, exceptions first, then in the order in which
//! they were first said. The newest twenty lines of an outage are twenty times the same.

use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_alerts::Incident;
use watchfire_logsearch::{FoundLog, LogPage, QueryError};
use watchfire_schemas::{RecordId, TimeRange};

use crate::pages::log_view::{LogContext, LogView, log_view};
use crate::{Console, ask};

/// Records read of the first moments, and of the newest.
const OF_ONSET: usize = 400;
const NEWEST: usize = 200;
/// Kinds shown.
const SHOWN: usize = 10;

/// What was read: the first moments, then the newest of the whole window.
#[derive(Debug, Clone, Default)]
pub(crate) struct TellingLogs {
    pub(crate) records: Vec<FoundLog>,
    /// Records of the window, read or not.
    pub(crate) total: u64,
}

pub(super) async fn ask(
    console: &Console,
    incident: &Incident,
    query: &str,
    window: TimeRange,
) -> Result<TellingLogs, QueryError> {
    let began = incident.onset.earliest;
    let known = incident.onset.latest.max(incident.detected_at);
    let first_moments = TimeRange {
        start: began - Duration::from_secs(5),
        end: known.min(began + Duration::from_mins(2)) + Duration::from_secs(15),
    };
    let (onset, newest) = tokio::try_join!(
        ask::logs(console, query, first_moments, OF_ONSET, None),
        ask::logs(console, query, window, NEWEST, None),
    )?;
    Ok(join(onset, newest))
}

fn join(onset: LogPage, newest: LogPage) -> TellingLogs {
    let records: BTreeMap<RecordId, FoundLog> = onset
        .records
        .into_iter()
        .chain(newest.records)
        .map(|found| (found.id, found))
        .collect();
    TellingLogs {
        records: records.into_values().collect(),
        total: newest.total,
    }
}

/// One record of each kind, with how often it was read.
pub(super) fn telling(found: &TellingLogs, context: &LogContext<'_>) -> Vec<LogView> {
    let mut records: Vec<&FoundLog> = found.records.iter().collect();
    records.sort_by_key(|found| (found.record.timestamp, found.id));
    let mut kinds: BTreeMap<String, (usize, &FoundLog, usize)> = BTreeMap::new();
    for (at, found) in records.iter().enumerate() {
        let kind = kinds.entry(kind_of(found)).or_insert((at, found, 0));
        kind.2 += 1;
    }
    let mut kinds: Vec<(usize, &FoundLog, usize)> = kinds.into_values().collect();
    kinds.sort_by_key(|(at, found, _)| {
        let severity = std::cmp::Reverse(found.record.severity);
        (found.record.exception.is_none(), severity, *at)
    });
    kinds
        .into_iter()
        .take(SHOWN)
        .map(|(_, found, times)| {
            let mut view = log_view(found, context);
            if times > 1 {
                view.times = format!("×{times}");
            }
            if let Some(exception) = &view.exception {
                view.line = format!("{exception} ({})", view.line);
            }
            view
        })
        .collect()
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
