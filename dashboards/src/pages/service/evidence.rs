//! Single things that tell: exceptions, errors logged, slow traces.

use watchfire_alerts::ExceptionGroup;
use watchfire_logsearch::{LogPage, SpanPage};
use watchfire_schemas::{Span, Timestamp};

use crate::figures::{self, When};
use crate::pages::log_view::one_line;
use crate::pages::traces::{SpanRow, span_row};
use crate::url;

/// Rows of each list.
pub(super) const MOST: usize = 6;

#[derive(Debug)]
pub(crate) struct ExceptionRow {
    pub(crate) href: String,
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) status: &'static str,
    pub(crate) count: String,
    pub(crate) last: When,
}

#[derive(Debug)]
pub(crate) struct ErrorLine {
    pub(crate) href: String,
    pub(crate) at: When,
    pub(crate) severity: &'static str,
    pub(crate) message: String,
}

/// Groups with how often they happened.
pub(super) fn exceptions(groups: &[(ExceptionGroup, f64)], now: Timestamp) -> Vec<ExceptionRow> {
    let row = |(group, count): &(ExceptionGroup, f64)| ExceptionRow {
        href: format!("/exceptions/{}", url::encode(&group.id)),
        kind: group.kind.clone(),
        message: one_line(&group.message),
        status: group.status.as_str(),
        count: figures::count(count.max(0.0).round() as u64),
        last: When::ago(group.last_seen, now),
    };
    groups.iter().take(MOST).map(row).collect()
}

pub(super) fn errors(page: &LogPage, now: Timestamp) -> Vec<ErrorLine> {
    let line = |found: &watchfire_logsearch::FoundLog| ErrorLine {
        href: url::link("/logs", &[("id", &found.id.to_string())]),
        at: When::ago(found.record.timestamp, now),
        severity: found.record.severity.range().as_str(),
        message: one_line(&found.record.message),
    };
    page.records.iter().take(MOST).map(line).collect()
}

/// The slowest of the requests that were read, one a trace.
pub(super) fn slowest(page: &SpanPage, now: Timestamp) -> Vec<SpanRow> {
    let mut spans: Vec<&Span> = page.spans.iter().map(|(_, span)| span).collect();
    spans.sort_by_key(|span| std::cmp::Reverse(span.duration()));
    let mut seen = std::collections::BTreeSet::new();
    spans.retain(|span| seen.insert(span.trace_id.to_string()));
    let longest = spans
        .first()
        .map_or(0.0, |span| span.duration().as_secs_f64());
    spans
        .into_iter()
        .take(MOST)
        .map(|span| span_row(span, longest, now))
        .collect()
}
