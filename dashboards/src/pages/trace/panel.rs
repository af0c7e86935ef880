//! One span with all that it says, beside the waterfall.

use std::time::Duration;

use serde_json::Value;
use watchfire_schemas::{Attributes, Span, SpanEvent, SpanId, SpanStatus};

use super::find::Needle;
use super::layout::Layout;
use super::rows::Subject;
use super::state::TraceUrl;
use super::times::seconds;
use super::tree::Astray;
use crate::chain;
use crate::figures::{self, When};
use crate::pages::log_view::{FieldView, around, one_line};
use crate::pages::logs;
use crate::query_text::{term, with};
use crate::range::Asked;

/// What is shown before somebody asks for all: characters of a value, attributes, events, links and
/// records.
const LONGEST: usize = 1_000;
const LONGEST_STACK: usize = 6_000;
const MOST: usize = 60;
/// What is shown when somebody has asked for all.
const LONGEST_WHOLE: usize = 4_000_000;
const MOST_WHOLE: usize = 2_000;
/// A filter on a longer value would make a link that no server takes.
const LONGEST_FILTER: usize = 512;

#[derive(Debug)]
pub(crate) struct EventView {
    pub(crate) offset: String,
    pub(crate) name: String,
    pub(crate) attributes: Vec<FieldView>,
    pub(crate) stacktrace: String,
    /// Its exception group.
    pub(crate) group: Option<String>,
}

/// A span of another trace.
#[derive(Debug)]
pub(crate) struct LinkView {
    pub(crate) href: String,
    pub(crate) trace: String,
    pub(crate) span: String,
    pub(crate) attributes: Vec<FieldView>,
}

/// A record of the span.
#[derive(Debug)]
pub(crate) struct LogLine {
    pub(crate) time: When,
    pub(crate) severity: &'static str,
    pub(crate) text: String,
    pub(crate) href: String,
}

#[derive(Debug)]
pub(crate) struct SpanPanel {
    pub(crate) service: String,
    pub(crate) service_href: String,
    pub(crate) name: String,
    pub(crate) is_error: bool,
    pub(crate) status: String,
    /// (name, text, link)
    pub(crate) facts: Vec<(&'static str, String, String)>,
    pub(crate) started: When,
    pub(crate) attributes: Vec<FieldView>,
    pub(crate) resource: Vec<FieldView>,
    pub(crate) events: Vec<EventView>,
    pub(crate) links: Vec<LinkView>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) more_logs: Vec<(&'static str, String)>,
    /// All of what is cut here.
    pub(crate) whole: Option<String>,
    pub(crate) json: String,
    /// The span alone on the time axis.
    pub(crate) zoom: String,
    pub(crate) operation: String,
}

/// Writes what a span says; counts what it had to cut.
struct Teller<'a> {
    url: &'a TraceUrl,
    asked: &'a Asked,
    needle: &'a Needle,
    is_cut: bool,
}

/// `asked` is the range that links to other pages keep.
pub(crate) fn panel(
    layout: &Layout,
    at: usize,
    span: &Span,
    url: &TraceUrl,
    needle: &Needle,
    asked: &Asked,
) -> SpanPanel {
    let mut teller = Teller {
        url,
        asked,
        needle,
        is_cut: false,
    };
    let attributes = teller.fields(&span.attributes);
    let resource = teller.fields(&span.resource);
    let events = teller.few(&span.events);
    let events = events
        .iter()
        .map(|event| teller.event(event, layout))
        .collect();
    let links = teller.few(&span.links);
    let links = links
        .iter()
        .map(|link| LinkView {
            href: chain::trace(asked, &link.trace_id, Some(&link.span_id)),
            trace: link.trace_id.to_string(),
            span: link.span_id.to_string(),
            attributes: teller.fields(&link.attributes),
        })
        .collect();
    let status = match &span.status {
        SpanStatus::Error { message } => teller.text(message, LONGEST),
        SpanStatus::Ok | SpanStatus::Unset => String::new(),
    };
    let (from, to) = (layout.times.start[at], layout.times.end[at]);
    SpanPanel {
        service_href: chain::service(asked, &span.service),
        service: span.service.clone(),
        name: teller.text(&span.name, LONGEST),
        is_error: span.is_error(),
        status,
        facts: facts(layout, at, span, url),
        started: When::dated_millis(span.start),
        logs: lines(layout, at, url, teller.most()),
        more_logs: more_logs(span, asked),
        attributes,
        resource,
        events,
        links,
        whole: teller.is_cut.then(|| url.with("whole", "1") + "#panel"),
        json: url.with("as", "json"),
        zoom: url.changed(|url| url.zoom = Some(widened(from, to))).href(),
        operation: chain::traces(
            asked,
            &format!(
                "{} {}",
                term("service.name", &span.service),
                term("name", &span.name)
            ),
        ),
    }
}

/// Whole microseconds around, for that is what a URL says.
const fn widened(from: i64, to: i64) -> (i64, i64) {
    (from / 1000 * 1000, (to / 1000 + 1) * 1000)
}

impl Teller<'_> {
    fn most(&self) -> usize {
        if self.url.is_whole { MOST_WHOLE } else { MOST }
    }

    fn text(&mut self, text: &str, most: usize) -> String {
        let most = if self.url.is_whole {
            LONGEST_WHOLE
        } else {
            most
        };
        match figures::cut(text, most) {
            (all, true) => all.to_owned(),
            (head, false) => {
                self.is_cut = true;
                format!("{head}… ({} in all)", figures::bytes(text.len() as u64))
            }
        }
    }

    fn few<'a, T>(&mut self, all: &'a [T]) -> &'a [T] {
        let shown = all.len().min(self.most());
        self.is_cut |= shown < all.len();
        &all[..shown]
    }

    fn fields(&mut self, attributes: &Attributes) -> Vec<FieldView> {
        let most = self.most();
        self.is_cut |= attributes.len() > most;
        let shown = attributes.iter().take(most);
        shown.map(|(key, value)| self.field(key, value)).collect()
    }

    fn field(&mut self, key: &str, value: &Value) -> FieldView {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let is_filter = text.len() <= LONGEST_FILTER && !value.is_array() && !value.is_object();
        let clause = term(key, &text);
        let link = |clause: &str| {
            let narrowed = with(&self.url.query, clause);
            if is_filter {
                chain::traces(self.asked, &narrowed)
            } else {
                String::new()
            }
        };
        FieldView {
            only: link(&clause),
            without: link(&format!("-{clause}")),
            column: String::new(),
            is_column: self.needle.is_in(&format!("{key}={text}")),
            value: self.text(&text, LONGEST),
            key: key.to_owned(),
        }
    }

    fn event(&mut self, event: &SpanEvent, layout: &Layout) -> EventView {
        let text = |key: &str| {
            event
                .attributes
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let group = text("exception.group");
        let mut told = event.attributes.clone();
        told.remove("exception.stacktrace");
        told.remove("exception.group");
        let offset = event
            .timestamp
            .nanos()
            .saturating_sub(layout.times.zero.nanos());
        EventView {
            offset: figures::duration(seconds(offset)),
            name: self.text(&event.name, LONGEST),
            stacktrace: self.text(text("exception.stacktrace"), LONGEST_STACK),
            group: (!group.is_empty()).then(|| chain::group(self.asked, group)),
            attributes: self.fields(&told),
        }
    }
}

type Fact = (&'static str, String, String);

fn facts(layout: &Layout, at: usize, span: &Span, url: &TraceUrl) -> Vec<Fact> {
    let time = |nanos: i64| figures::duration(seconds(nanos));
    let critical = layout.path.segments.iter().filter(|part| part.span == at);
    let critical: i64 = critical.map(|part| part.to - part.from).sum();
    let plain = |name, text| (name, text, String::new());
    let mut facts = vec![
        plain("Begins", format!("+{}", time(layout.times.start[at]))),
        plain("Duration", time(layout.times.duration(at))),
        plain("Of its own", time(layout.self_times[at])),
    ];
    if critical > 0 {
        facts.push(plain("On the critical path", time(critical)));
    }
    let shift = layout.clocks.shift[at];
    if url.is_adjusted && shift != 0 {
        let sign = if shift < 0 { "−" } else { "+" };
        facts.push(plain(
            "Moved by",
            format!("{sign}{}", time(shift.saturating_abs())),
        ));
    }
    facts.push(plain("Kind", span.kind.as_str().to_owned()));
    facts.push(parent(layout, at, url));
    facts.push(plain(
        "Below it",
        figures::count(layout.tree.below[at] as u64),
    ));
    facts.push(plain("Span id", span.span_id.to_string()));
    if !span.scope.is_empty() {
        facts.push(plain(
            "Library",
            figures::cut(&span.scope, LONGEST).0.to_owned(),
        ));
    }
    if !span.trace_state.is_empty() {
        facts.push(plain(
            "tracestate",
            figures::cut(&span.trace_state, LONGEST).0.to_owned(),
        ));
    }
    facts
}

fn parent(layout: &Layout, at: usize, url: &TraceUrl) -> Fact {
    let link = |id: SpanId| {
        let chosen = url.changed(|url| (url.span, url.record, url.log) = (Some(id), None, None));
        chosen.href()
    };
    match (layout.tree.parent[at], layout.tree.astray[at]) {
        (Some(parent), _) => {
            let name = figures::cut(layout.name(parent), 80).0;
            let name = if name.is_empty() { "(no name)" } else { name };
            (
                "Parent",
                name.to_owned(),
                link(layout.spans()[parent].span_id),
            )
        }
        (None, Some(Astray::MissingParent(id))) => (
            "Parent",
            format!("{id}, which has not arrived"),
            String::new(),
        ),
        (None, Some(Astray::Ring)) => (
            "Parent",
            "a span below it: a ring".to_owned(),
            String::new(),
        ),
        (None, None) => ("Parent", "none: a root".to_owned(), String::new()),
    }
}

/// The records of the span, in time order.
fn lines(layout: &Layout, at: usize, url: &TraceUrl, most: usize) -> Vec<LogLine> {
    let own = layout
        .logs
        .iter()
        .enumerate()
        .filter(|(_, place)| place.span == Some(at));
    own.take(most)
        .map(|(index, _)| {
            let found = &layout.records[index];
            let chosen = url.changed(|url| {
                (url.span, url.record, url.log) = (None, None, Some(found.id));
            });
            LogLine {
                time: When::millis(found.record.timestamp),
                severity: found.record.severity.as_str(),
                text: one_line(&found.record.message),
                href: chosen.href(),
            }
        })
        .collect()
}

fn more_logs(span: &Span, asked: &Asked) -> Vec<(&'static str, String)> {
    let minute = Duration::from_mins(1);
    let mut near = around(span.start, minute);
    near.range.end = span.end + minute;
    let service = term("service.name", &span.service);
    vec![
        (
            "of this span",
            logs::href(&term("span_id", &span.span_id.to_string()), asked),
        ),
        (
            "of this trace",
            logs::href(&term("trace_id", &span.trace_id.to_string()), &near),
        ),
        ("of the service, ±1 min", logs::href(&service, &near)),
    ]
}

/// What the panel shows, by the URL: a span, or a log record.
pub(crate) fn chosen(layout: &Layout, url: &TraceUrl) -> Option<Subject> {
    if let Some(id) = url.log {
        let log = layout.records.iter().position(|found| found.id == id);
        return log.map(Subject::Log);
    }
    let id = url.span?;
    let spans = layout.spans();
    let exact = spans
        .iter()
        .position(|span| span.span_id == id && Some(span.id) == url.record);
    let span = exact.or_else(|| spans.iter().position(|span| span.span_id == id));
    span.map(Subject::Span)
}
