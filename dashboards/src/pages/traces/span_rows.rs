//! A span as a row that leads to its trace, for pages that list a few.

use watchfire_schemas::{Span, Timestamp};

use crate::charts::{Svg, bar};
use crate::figures::{self, When};
use crate::url;

#[derive(Debug, Clone)]
pub(crate) struct SpanRow {
    pub(crate) href: String,
    pub(crate) at: When,
    pub(crate) name: String,
    pub(crate) duration: String,
    pub(crate) bar: Svg,
    pub(crate) is_error: bool,
}

/// `longest` seconds fill the bar.
pub(crate) fn span_row(span: &Span, longest: f64, now: Timestamp) -> SpanRow {
    let seconds = span.duration().as_secs_f64();
    let share = seconds / longest.max(1e-9) * 100.0;
    SpanRow {
        href: url::link(
            &format!("/traces/{}", span.trace_id),
            &[("span", &span.span_id.to_string())],
        ),
        at: When::clock(span.start, now),
        name: span.name.clone(),
        duration: figures::duration(seconds),
        bar: bar(0.0, share, if span.is_error() { "bad" } else { "ok" }),
        is_error: span.is_error(),
    }
}
