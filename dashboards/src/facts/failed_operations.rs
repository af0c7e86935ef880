//! One failed span of each operation: where failures begin first, then the slowest.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use watchfire_schemas::{RecordId, Span, SpanId, SpanStatus, Timestamp, TraceId};

/// Operations shown.
const SHOWN: usize = 6;

/// An operation with fewer failures than this part of the most frequent one comes last.
const RARE: usize = 20;

/// An operation that fails, by its slowest failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FailedOperation {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) trace_id: TraceId,
    /// The span itself; not known of incidents of former times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) span_id: Option<SpanId>,
    pub(crate) at: Timestamp,
    pub(crate) seconds: f64,
    /// What the span says of why.
    pub(crate) error: String,
    /// How often it failed among the spans that were read.
    pub(crate) times: u64,
    /// Whether nothing below it failed in its traces.
    pub(crate) is_origin: bool,
}

pub(super) fn failed_operations(failed: &[(RecordId, Span)]) -> Vec<FailedOperation> {
    let spans = || failed.iter().map(|(_, span)| span);
    let above_a_failure: HashSet<(TraceId, SpanId)> = spans()
        .filter_map(|span| Some((span.trace_id, span.parent_span_id?)))
        .collect();
    let is_origin = |span: &Span| !above_a_failure.contains(&(span.trace_id, span.span_id));
    let mut operations: BTreeMap<(&str, &str), Vec<&Span>> = BTreeMap::new();
    for span in spans() {
        let operation = (span.service.as_str(), span.name.as_str());
        operations.entry(operation).or_default().push(span);
    }
    let mut found: Vec<(bool, &Span, usize)> = operations
        .into_values()
        .filter_map(|failed| {
            let slowest = failed.iter().max_by_key(|span| span.duration())?;
            // Most of its failures decide: a trace may be cut at the edge of what was read.
            let origins = failed.iter().filter(|span| is_origin(span)).count();
            Some((origins * 2 > failed.len(), *slowest, failed.len()))
        })
        .collect();
    // What failed once beside a hundred is no origin of them.
    let most = found.iter().map(|(_, _, times)| *times).max().unwrap_or(0);
    for (origin, _, times) in &mut found {
        *origin &= *times * RARE >= most;
    }
    found.sort_by_key(|(origin, span, times)| {
        std::cmp::Reverse((*origin, *times * RARE >= most, span.duration()))
    });
    found.truncate(SHOWN);
    found
        .into_iter()
        .map(|(is_origin, span, times)| FailedOperation {
            service: span.service.clone(),
            name: span.name.clone(),
            kind: span.kind.as_str().to_owned(),
            trace_id: span.trace_id,
            span_id: Some(span.span_id),
            at: span.start,
            seconds: span.duration().as_secs_f64(),
            error: error_of(span),
            times: times as u64,
            is_origin,
        })
        .collect()
}

/// The exception of a span, or what its status says.
fn error_of(span: &Span) -> String {
    let thrown = span.events.iter().find(|event| event.name == "exception");
    let text = |key: &str| thrown?.attributes.get(key)?.as_str().map(str::to_owned);
    match (text("exception.type"), text("exception.message")) {
        (Some(kind), Some(message)) => format!("{kind}: {message}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => match &span.status {
            SpanStatus::Error { message } => message.clone(),
            SpanStatus::Unset | SpanStatus::Ok => String::new(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};

    #[test]
    fn an_operation_is_told_once_and_the_origin_first() {
        let mut page = samples::span_page(Mood::Full);
        let mut child = page.spans[0].clone();
        child.1.parent_span_id = Some(child.1.span_id);
        child.1.span_id = samples::span_id(99);
        "SELECT places".clone_into(&mut child.1.name);
        let parent = page.spans[0].clone();
        page.spans = vec![parent.clone(), parent, child];
        let operations = failed_operations(&page.spans);
        assert_eq!(operations.len(), 2);
        assert_eq!(operations[0].name, "SELECT places");
        assert!(operations[0].is_origin && !operations[1].is_origin);
        assert_eq!(operations[1].times, 2);
        let often = page.spans[0].clone();
        page.spans.extend(std::iter::repeat_n(often, 40));
        let operations = failed_operations(&page.spans);
        assert!(!operations.iter().any(|operation| operation.is_origin));
        assert_eq!(operations[1].name, "SELECT places");
    }
}
