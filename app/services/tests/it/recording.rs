//! The recording that the past of messages, reminders, recruitment and payments is told from
//! (`src/history/recording.json`): how it is made, and that it still looks as the live services do.
//!
//! `RECORD_HISTORY=1 cargo test -p watchfire-services --test it recording` makes it anew, in two minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use watchfire_schemas::{
    Attributes, LogRecord, SeverityNumber, Span, SpanKind, SpanStatus, TimeRange, Timestamp,
    TraceId,
};
use watchfire_services::ServiceName;

use crate::history::span_shapes;
use crate::stage::{Emitted, Stage};

/// Those whose past is recorded, and the gateway before them.
const SERVICES: [ServiceName; 5] = [
    ServiceName::Messages,
    ServiceName::Reminders,
    ServiceName::Recruitment,
    ServiceName::Payments,
    ServiceName::Gateway,
];
/// The demonstration's.
const TRAFFIC: f64 = 8.0;
const SECONDS: f64 = 150.0;
/// What the start makes, and what does not end before the end, is left out.
const EDGE: Duration = Duration::from_secs(12);
/// What comes less often is no part of the usual.
const FEWEST: usize = 4;
/// How long live services may take to show all that is recorded.
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test]
async fn the_recording_looks_as_the_services_do() {
    if std::env::var_os("RECORD_HISTORY").is_some() {
        record().await;
    }
    let recorded = recorded_shapes();
    assert!(recorded.len() > 20, "{recorded:#?}");
    // The more visitors, the sooner each of their ways is seen.
    let mut stage = Stage::of(&SERVICES, 8.0 * TRAFFIC).await;
    let end = tokio::time::Instant::now() + PATIENCE;
    let mut missing = recorded;
    while !missing.is_empty() && tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let seen = span_shapes(&stage.emitted_so_far());
        missing.retain(|shape| !seen.contains(shape));
    }
    stage.strike().await;
    assert!(missing.is_empty(), "only told: {missing:#?}");
}

/// What the past tells of the recorded services.
fn recorded_shapes() -> BTreeSet<Vec<String>> {
    let range = TimeRange::last(Duration::from_mins(20), Timestamp::from_secs(1_795_000_000));
    let mut told = Emitted::default();
    watchfire_services::history(range, TRAFFIC, 3).for_each(|batch| told.take(batch));
    let names = SERVICES.map(|service| service.to_string());
    let behind =
        |name: &str| name != "gateway" && names.iter().any(|own| name.starts_with(own.as_str()));
    let theirs: BTreeSet<TraceId> = told
        .spans
        .iter()
        .filter(|span| behind(&span.service))
        .map(|span| span.trace_id)
        .collect();
    told.spans.retain(|span| theirs.contains(&span.trace_id));
    span_shapes(&told)
}

async fn record() {
    let stage = Stage::of(&SERVICES, TRAFFIC).await;
    tokio::time::sleep(Duration::from_secs_f64(SECONDS)).await;
    let emitted = stage.strike().await;
    let mut kinds: BTreeMap<String, Vec<Story>> = BTreeMap::new();
    for story in stories(emitted) {
        kinds.entry(story.kind()).or_default().push(story);
    }
    let seconds = SECONDS - 2.0 * EDGE.as_secs_f64();
    let mut recorded = Vec::new();
    for (_, mut alike) in kinds.into_iter().filter(|(_, alike)| alike.len() >= FEWEST) {
        alike.sort_by_key(Story::lasted);
        let rate = alike.len() as f64 / seconds / TRAFFIC;
        recorded.push(alike.swap_remove(alike.len() / 2).told(rate));
    }
    let lines: Vec<String> = recorded.iter().map(Value::to_string).collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/history/recording.json");
    std::fs::write(path, format!("[\n{}\n]\n", lines.join(",\n"))).expect("it can be written");
}

/// A trace and those that it is linked to: spans with parents before children, and their lines.
struct Story {
    spans: Vec<Span>,
    lines: Vec<LogRecord>,
}

/// The whole and healthy ones of all that was emitted.
fn stories(emitted: Emitted) -> Vec<Story> {
    let first = emitted.spans.iter().map(|span| span.start).min();
    let last = emitted.spans.iter().map(|span| span.end).max();
    let (Some(first), Some(last)) = (first, last) else {
        return Vec::new();
    };
    let mut heads: BTreeMap<TraceId, TraceId> = BTreeMap::new();
    for span in &emitted.spans {
        for link in &span.links {
            heads.insert(link.trace_id, span.trace_id);
        }
    }
    let head = |of: TraceId| heads.get(&of).copied().unwrap_or(of);
    let mut stories: BTreeMap<TraceId, Story> = BTreeMap::new();
    for span in emitted.spans {
        let story = stories.entry(head(span.trace_id)).or_insert(Story {
            spans: Vec::new(),
            lines: Vec::new(),
        });
        story.spans.push(span);
    }
    for record in emitted.logs {
        let story = record
            .trace_id
            .and_then(|trace| stories.get_mut(&head(trace)));
        if let Some(story) = story {
            story.lines.push(record);
        }
    }
    let usual = |story: &Story| {
        let begun = story.begun();
        story.is_asked_for() && story.is_healthy() && first + EDGE < begun && begun + EDGE < last
    };
    let ordered = stories.into_values().filter_map(Story::in_order);
    ordered.filter(usual).collect()
}

impl Story {
    fn begun(&self) -> Timestamp {
        let starts = self.spans.iter().map(|span| span.start);
        starts.min().expect("it has a span")
    }

    fn lasted(&self) -> Duration {
        let ends = self.spans.iter().map(|span| span.end);
        ends.max().expect("it has a span").since(self.begun())
    }

    /// Not a look of a worker for what there is to do: each is a span, and tells nothing of the past.
    fn is_asked_for(&self) -> bool {
        self.spans[0].kind != SpanKind::Client
    }

    fn is_healthy(&self) -> bool {
        let failed = |span: &Span| matches!(span.status, SpanStatus::Error { .. });
        let usual = |line: &LogRecord| line.severity == SeverityNumber::INFO;
        !self.spans.iter().any(failed) && self.lines.iter().all(usual)
    }

    /// None if it is not whole.
    fn in_order(mut self) -> Option<Self> {
        self.spans.sort_by_key(|span| span.start);
        let mut ordered: Vec<Span> = Vec::new();
        while !self.spans.is_empty() {
            let is_known = |span: &Span| {
                span.parent_span_id
                    .is_none_or(|parent| ordered.iter().any(|known| known.span_id == parent))
            };
            let next = self.spans.iter().position(is_known)?;
            ordered.push(self.spans.remove(next));
        }
        self.spans = ordered;
        self.lines.sort_by_key(|line| line.timestamp);
        Some(self)
    }

    fn kind(&self) -> String {
        let mut names: Vec<String> = self
            .spans
            .iter()
            .map(|span| format!("{} {} {}", span.service, span.kind.as_str(), span.name))
            .collect();
        names.sort();
        names.join("\n")
    }

    fn told(self, rate: f64) -> Value {
        let begun = self.begun();
        let micros = |at: Timestamp| at.since(begun).as_micros() as u64;
        let mut ids = Vec::new();
        let mut traces: Vec<TraceId> = Vec::new();
        let place = |id| self.spans.iter().position(|span| span.span_id == id);
        let mut spans = Vec::new();
        for span in &self.spans {
            let trace = traces.iter().position(|known| *known == span.trace_id);
            let trace = trace.unwrap_or_else(|| {
                traces.push(span.trace_id);
                traces.len() - 1
            });
            let links: Vec<usize> = span
                .links
                .iter()
                .filter_map(|link| place(link.span_id))
                .collect();
            spans.push(json!({
                "service": span.service, "name": span.name, "kind": span.kind, "trace": trace,
                "parent": span.parent_span_id.and_then(place),
                "start": micros(span.start), "takes": span.end.since(span.start).as_micros() as u64,
                "attributes": masked(&span.attributes, &Attributes::new(), &mut ids), "links": links,
            }));
        }
        let mut lines = Vec::new();
        for line in &self.lines {
            let Some(span) = line.span_id.and_then(place) else {
                continue;
            };
            let resource = &self.spans[span].resource;
            let mut attributes = masked(&line.attributes, resource, &mut ids);
            let target = attributes.remove("log.target");
            lines.push(json!({
                "span": span, "at": micros(line.timestamp), "target": target,
                "message": mask(&line.message, &mut ids), "attributes": attributes,
            }));
        }
        json!({ "rate": (rate * 1e6).round() / 1e6, "traces": traces.len(), "ids": ids.len(), "spans": spans, "lines": lines })
    }
}

/// Without what the resource says, and with places instead of ids.
fn masked(attributes: &Attributes, resource: &Attributes, ids: &mut Vec<String>) -> Attributes {
    let own = attributes
        .iter()
        .filter(|(key, _)| !resource.contains_key(*key));
    let masked = own.map(|(key, value)| {
        let value = match value {
            Value::String(text) => mask(text, ids).into(),
            other => other.clone(),
        };
        (key.clone(), value)
    });
    masked.collect()
}

/// `{{3}}` instead of an id of 32 digits, `{{-3}}` if it is written with hyphens; tokens of a
/// synchronisation, too.
fn mask(text: &str, ids: &mut Vec<String>) -> String {
    let mut known = |id: &str| {
        let id = id.replace('-', "");
        ids.iter().position(|one| *one == id).unwrap_or_else(|| {
            ids.push(id);
            ids.len() - 1
        })
    };
    if let Some(token) = text.strip_prefix("token=") {
        return format!("token={{{{{}}}}}", known(token));
    }
    let mut masked = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let is_of_id = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c) || c == '-';
        let length = rest.find(|c| !is_of_id(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(length);
        let hyphens = run.matches('-').count();
        let shown = match (run.len(), hyphens) {
            (32, 0) => format!("{{{{{}}}}}", known(run)),
            (36, 4) => format!("{{{{-{}}}}}", known(run)),
            _ => run.to_owned(),
        };
        masked += &shown;
        let next = after.find(is_of_id).unwrap_or(after.len());
        masked += &after[..next];
        rest = &after[next..];
    }
    masked
}
