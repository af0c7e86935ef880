//! Single things that tell: exceptions, errors logged, slow traces.

use watchfire_alerts::ExceptionGroup;
use watchfire_logsearch::{LogPage, SpanPage};
use watchfire_schemas::Span;

use crate::chain;
use crate::figures::{self, When};
use crate::pages::log_view::one_line;
use crate::pages::traces::{SpanRow, span_row};
use crate::range::Asked;

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
pub(super) fn exceptions(groups: &[(ExceptionGroup, f64)], asked: &Asked) -> Vec<ExceptionRow> {
    let row = |(group, count): &(ExceptionGroup, f64)| ExceptionRow {
        href: chain::group(asked, &group.id),
        kind: group.kind.clone(),
        message: one_line(&group.message),
        status: group.status.as_str(),
        count: figures::count(count.max(0.0).round() as u64),
        last: When::ago(group.last_seen, asked.range.end),
    };
    groups.iter().take(MOST).map(row).collect()
}

pub(super) fn errors(page: &LogPage, asked: &Asked) -> Vec<ErrorLine> {
    let line = |found: &watchfire_logsearch::FoundLog| ErrorLine {
        href: chain::record(asked, &found.id.to_string()),
        at: When::ago(found.record.timestamp, asked.range.end),
        severity: found.record.severity.range().as_str(),
        message: one_line(&found.record.message),
    };
    page.records.iter().take(MOST).map(line).collect()
}

/// The slowest of the requests that were read, one a trace.
pub(super) fn slowest(page: &SpanPage, asked: &Asked) -> Vec<SpanRow> {
    let mut spans: Vec<&Span> = page.spans.iter().map(|(_, span)| span).collect();
    spans.sort_by_key(|span| std::cmp::Reverse(span.duration()));
    rows(spans, asked)
}

/// The newest of those that failed, one a trace.
pub(super) fn failed(page: &SpanPage, asked: &Asked) -> Vec<SpanRow> {
    rows(page.spans.iter().map(|(_, span)| span).collect(), asked)
}

fn rows(mut spans: Vec<&Span>, asked: &Asked) -> Vec<SpanRow> {
    let mut seen = std::collections::BTreeSet::new();
    spans.retain(|span| seen.insert(span.trace_id.to_string()));
    spans.truncate(MOST);
    let seconds = spans.iter().map(|span| span.duration().as_secs_f64());
    let longest = seconds.fold(0.0, f64::max);
    let row = |span: &Span| SpanRow {
        href: chain::trace(asked, &span.trace_id, Some(&span.span_id)),
        ..span_row(span, longest, asked.range.end)
    };
    spans.into_iter().map(row).collect()
}
