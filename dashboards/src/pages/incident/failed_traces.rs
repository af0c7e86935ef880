//! One failed span of each operation: where failures begin first, then the slowest.

use std::collections::{BTreeMap, HashSet};

use watchfire_logsearch::SpanPage;
use watchfire_schemas::{Span, SpanId, Timestamp, TraceId};

use crate::figures;
use crate::pages::traces::{SpanRow, span_row};

/// Operations shown.
const SHOWN: usize = 6;

/// An operation with fewer failures than this part of the most frequent one comes last.
const RARE: usize = 20;

/// An operation that fails, by its slowest failure.
#[derive(Debug)]
pub(crate) struct FailedOperation {
    pub(crate) sample: SpanRow,
    pub(crate) times: String,
    /// Whether nothing below it failed in its traces.
    pub(crate) is_origin: bool,
}

pub(super) fn failed_operations(page: &SpanPage, now: Timestamp) -> Vec<FailedOperation> {
    let spans = || page.spans.iter().map(|(_, span)| span);
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
    let longest = found
        .iter()
        .map(|(_, span, _)| span.duration().as_secs_f64())
        .fold(0.0, f64::max);
    found
        .into_iter()
        .map(|(is_origin, span, times)| FailedOperation {
            sample: span_row(span, longest, now),
            times: figures::count(times as u64),
            is_origin,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood, now};

    #[test]
    fn an_operation_is_told_once_and_the_origin_first() {
        let mut page = samples::span_page(Mood::Full);
        let mut child = page.spans[0].clone();
        child.1.parent_span_id = Some(child.1.span_id);
        child.1.span_id = samples::span_id(99);
        "SELECT places".clone_into(&mut child.1.name);
        let parent = page.spans[0].clone();
        page.spans = vec![parent.clone(), parent, child];
        let operations = failed_operations(&page, now());
        assert_eq!(operations.len(), 2);
        assert_eq!(operations[0].sample.name, "SELECT places");
        assert!(operations[0].is_origin && !operations[1].is_origin);
        assert_eq!(operations[1].times, "2");
        let often = page.spans[0].clone();
        page.spans.extend(std::iter::repeat_n(often, 40));
        let operations = failed_operations(&page, now());
        assert!(!operations.iter().any(|operation| operation.is_origin));
        assert_eq!(operations[1].sample.name, "SELECT places");
    }
}
