//! What was found, one row a trace: the longest span that matches, and what is known of its trace.

use std::collections::HashMap;

use watchfire_logsearch::{SpanOutlier, SpanPage, TraceOutline};
use watchfire_schemas::{Span, SpanId, SpanStatus, Timestamp, TraceId};

use super::state::TracesUrl;
use crate::chain;
use crate::charts::{Svg, bar};
use crate::figures::{self, When};
use crate::pages::log_view::one_line;

/// Spans read for a page, and traces shown of them.
pub(super) const PAGE: usize = 200;
pub(super) const ROWS: usize = 20;
/// Services named in a row.
const SERVICES: usize = 4;
/// What is known of the traces of a page: of each all its spans, or nothing.
pub(super) type Outlines = HashMap<TraceId, TraceOutline>;

/// Of a trace the span that found it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Match {
    pub(crate) trace_id: TraceId,
    span_id: SpanId,
    start: Timestamp,
    seconds: f64,
    service: String,
    name: String,
    is_error: bool,
    error: String,
    /// How many spans of the trace match, of those that were read.
    spans: usize,
    failed: usize,
}

/// One trace.
#[derive(Debug, Clone)]
pub(crate) struct TraceRow {
    pub(crate) href: String,
    pub(crate) at: When,
    /// The root's, or, where the root is not known, that of the span that matches.
    pub(crate) name: String,
    pub(crate) service: String,
    /// Why `name` is not the root's.
    pub(crate) no_root: &'static str,
    /// The span that matches, if it is not the root: (service, name).
    pub(crate) matched: Option<(String, String)>,
    pub(crate) error: String,
    pub(crate) services: Vec<String>,
    pub(crate) more_services: usize,
    /// `3 of 9`.
    pub(crate) spans: String,
    /// Empty where nothing failed.
    pub(crate) failed: String,
    pub(crate) duration: String,
    pub(crate) bar: Svg,
}

/// The traces of a page of spans, newest first: at most [`ROWS`]. Says as well how many
/// spans that took.
pub(super) fn newest(page: &SpanPage) -> (Vec<Match>, usize) {
    let mut found: Vec<Match> = Vec::new();
    let mut taken = 0;
    for (_, span) in &page.spans {
        let is_full = found.len() == ROWS;
        match found
            .iter_mut()
            .find(|other| other.trace_id == span.trace_id)
        {
            Some(other) => other.add(span),
            None if is_full => break,
            None => found.push(Match::of(span)),
        }
        taken += 1;
    }
    (found, taken)
}

/// The traces of the slowest spans. The store tells as many of the slowest as it was asked for, and
/// besides the slowest that failed: of all these only the first `most` are surely the slowest.
pub(super) fn slowest(outliers: &[SpanOutlier], most: usize) -> Vec<Match> {
    let mut found: Vec<Match> = Vec::new();
    for outlier in outliers.iter().take(most) {
        match found
            .iter_mut()
            .find(|other| other.trace_id == outlier.trace_id)
        {
            Some(other) => {
                other.spans += 1;
                other.failed += usize::from(outlier.is_error);
            }
            None => found.push(Match {
                trace_id: outlier.trace_id,
                span_id: outlier.span_id,
                start: outlier.start,
                seconds: outlier.duration.as_secs_f64(),
                service: outlier.service.clone(),
                name: outlier.name.clone(),
                is_error: outlier.is_error,
                error: String::new(),
                spans: 1,
                failed: usize::from(outlier.is_error),
            }),
        }
    }
    found.truncate(ROWS);
    found
}

impl Match {
    fn of(span: &Span) -> Self {
        let error = match &span.status {
            SpanStatus::Error { message } => one_line(message),
            _ => String::new(),
        };
        Self {
            trace_id: span.trace_id,
            span_id: span.span_id,
            start: span.start,
            seconds: span.duration().as_secs_f64(),
            service: span.service.clone(),
            name: span.name.clone(),
            is_error: span.is_error(),
            error,
            spans: 1,
            failed: usize::from(span.is_error()),
        }
    }

    /// One more span of the same trace; the longest of all is the one that is shown.
    fn add(&mut self, span: &Span) {
        let (spans, failed) = (self.spans + 1, self.failed + usize::from(span.is_error()));
        if span.duration().as_secs_f64() > self.seconds {
            *self = Self::of(span);
        }
        (self.spans, self.failed) = (spans, failed);
    }
}

pub(super) fn rows(
    found: &[Match],
    outlines: &Outlines,
    now: Timestamp,
    url: &TracesUrl,
) -> Vec<TraceRow> {
    let longest = found.iter().map(|one| one.seconds).fold(1e-9, f64::max);
    let row = |one| row(one, outlines.get(&one.trace_id), longest, now, url);
    found.iter().map(row).collect()
}

fn row(
    one: &Match,
    outline: Option<&TraceOutline>,
    longest: f64,
    now: Timestamp,
    url: &TracesUrl,
) -> TraceRow {
    let root = outline.and_then(root);
    let is_root = root.is_some_and(|(id, ..)| id == one.span_id);
    let (service, name) = root.map_or((&one.service, &one.name), |(_, service, name)| {
        (service, name)
    });
    let mut services: Vec<String> =
        outline.map_or_else(Vec::new, |outline| outline.services.clone());
    services.retain(|other| other != service);
    let more_services = services.len().saturating_sub(SERVICES);
    services.truncate(SERVICES);
    let failed = outline.map_or(one.failed, |outline| {
        outline.spans.iter().filter(|span| span.is_error).count()
    });
    TraceRow {
        href: chain::trace(&url.asked, &one.trace_id, Some(&one.span_id)),
        at: When::clock(one.start, now),
        name: cut(name, 120),
        service: cut(service, 60),
        no_root: match (outline, root) {
            (Some(_), None) => "root missing",
            _ => "",
        },
        matched: (root.is_some() && !is_root).then(|| (cut(&one.service, 60), cut(&one.name, 120))),
        error: cut(&one.error, 160),
        services: services.iter().map(|service| cut(service, 40)).collect(),
        more_services,
        spans: match outline {
            Some(outline) => format!("{} of {}", one.spans, figures::count(outline.total)),
            None => one.spans.to_string(),
        },
        failed: if failed == 0 {
            String::new()
        } else {
            figures::count(failed as u64)
        },
        duration: figures::duration(one.seconds),
        bar: bar(
            0.0,
            one.seconds / longest * 100.0,
            if one.is_error { "bad" } else { "ok" },
        ),
    }
}

/// The earliest span without a parent: its id, service and name.
fn root(outline: &TraceOutline) -> Option<(SpanId, &String, &String)> {
    let root = outline
        .spans
        .iter()
        .find(|span| span.parent_span_id.is_none())?;
    let service = outline.services.get(root.service as usize)?;
    let name = outline.names.get(root.name as usize)?;
    Some((root.span_id, service, name))
}

fn cut(text: &str, most: usize) -> String {
    match figures::cut(text, most) {
        (cut, false) => format!("{cut}…"),
        (all, true) => all.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples::{self, Mood};
    use crate::params::Params;

    #[test]
    fn a_trace_is_one_row_by_its_longest_span() {
        let spans = samples::trace();
        let ids = samples::span_page(Mood::Full);
        let id = ids.spans[0].0;
        let page = SpanPage {
            spans: spans.iter().rev().map(|span| (id, span.clone())).collect(),
            ..ids
        };
        let (found, taken) = newest(&page);
        assert_eq!((found.len(), taken), (1, spans.len()));
        assert_eq!(found[0].span_id, samples::span_id(1));
        assert_eq!((found[0].spans, found[0].failed), (9, 4));
    }

    #[test]
    fn a_page_has_so_many_traces_and_the_next_begins_after_them() {
        let mut page = samples::span_page(Mood::Full);
        let (id, span) = page.spans[0].clone();
        page.spans = (0..40_u8)
            .map(|at| {
                let mut span = span.clone();
                span.trace_id = TraceId::from_bytes([at / 2 + 1; 16]).unwrap();
                if at >= 30 {
                    span.trace_id = TraceId::from_bytes([at + 100; 16]).unwrap();
                }
                (id, span)
            })
            .collect();
        let (first, taken) = newest(&page);
        // Fifteen of two spans each, then five of one.
        assert_eq!((first.len(), taken), (ROWS, 35));
        page.spans.drain(..taken);
        let (rest, taken) = newest(&page);
        assert_eq!((rest.len(), taken), (5, 5));
    }

    #[test]
    fn the_row_names_the_root_and_what_it_does_not_know() {
        let now = samples::now();
        let url = TracesUrl::from_params(&Params::parse("last=1h"), now).unwrap();
        let (found, outlines) = samples::traces_listed(Mood::Full);
        let rows = rows(&found, &outlines, now, &url);
        assert_eq!(rows[0].name, "GET /places/nearby");
        assert_eq!(rows[0].matched.as_ref().unwrap().0, "content");
        assert_eq!(rows[0].services, ["content", "search"]);
        assert_eq!(rows[0].spans, "1 of 9");
        assert!(rows[0].href.ends_with("&last=1h") && rows[0].href.contains("?span="));
        assert_eq!(rows[1].no_root, "root missing");
        assert!(rows[2].services.is_empty() && rows[2].spans == "1");
    }

    #[test]
    fn only_what_is_surely_slowest_is_listed() {
        let outliers = samples::scatter(Mood::Full).outliers;
        let found = slowest(&outliers, 3);
        assert!(found.len() <= 3 && !found.is_empty());
        assert!(found.is_sorted_by(|a, b| a.seconds >= b.seconds));
    }
}
