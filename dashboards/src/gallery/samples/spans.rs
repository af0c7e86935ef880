//! Traces.

use super::*;

/// id, parent's id, service, name, kind, start and end in milliseconds, failed
type SpanSketch = (u8, u8, &'static str, &'static str, SpanKind, f64, f64, bool);

pub(crate) fn span_id(n: u8) -> SpanId {
    SpanId::from_bytes([0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, n]).unwrap()
}

pub(crate) fn trace() -> Vec<Span> {
    trace_of(Mood::Full)
}

#[expect(clippy::too_many_lines, reason = "sample data, written out")]
pub(crate) fn trace_of(mood: Mood) -> Vec<Span> {
    let rows: [SpanSketch; 9] = [
        (
            1,
            0,
            "gateway",
            "GET /places/nearby",
            SpanKind::Server,
            0.0,
            812.0,
            true,
        ),
        (
            2,
            1,
            "gateway",
            "authorize",
            SpanKind::Internal,
            2.0,
            9.0,
            false,
        ),
        (
            3,
            1,
            "gateway",
            "GET content",
            SpanKind::Client,
            12.0,
            804.0,
            true,
        ),
        (
            4,
            3,
            "content",
            "GET /places/nearby",
            SpanKind::Server,
            15.0,
            800.0,
            true,
        ),
        (
            5,
            4,
            "content",
            "TileIndex.lookup",
            SpanKind::Internal,
            21.0,
            640.0,
            true,
        ),
        (
            6,
            5,
            "content",
            "SELECT tiles",
            SpanKind::Client,
            30.0,
            610.0,
            false,
        ),
        (
            7,
            4,
            "content",
            "render",
            SpanKind::Internal,
            645.0,
            795.0,
            false,
        ),
        (
            8,
            99,
            "search",
            "suggest",
            SpanKind::Consumer,
            300.0,
            420.0,
            false,
        ),
        (
            9,
            8,
            "search",
            "rank",
            SpanKind::Internal,
            310.0,
            400.0,
            false,
        ),
    ];
    if mood == Mood::Empty {
        return Vec::new();
    }
    let start = ago(95.0);
    let span = |(id, parent, service, operation, kind, from, to, is_error): SpanSketch| {
        Span {
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap(),
        span_id: span_id(id),
        parent_span_id: (parent > 0).then(|| span_id(parent)),
        trace_state: String::new(),
        name: message(mood, operation),
        kind,
        start: start + Duration::from_secs_f64(from / 1e3),
        end: start + Duration::from_secs_f64(to / 1e3),
        status: if is_error { SpanStatus::Error { message: message(mood, "no tile for cell") } } else { SpanStatus::Unset },
        service: name(mood, service),
        resource: json!({"service.version": "2.14.0"}).as_object().unwrap().clone(),
        scope: String::new(),
        attributes: json!({"http.route": "/places/nearby", "http.response.status_code": 500, name(mood, "peer"): name(mood, "10.0.4.17")}).as_object().unwrap().clone(),
        events: if id == 5 { vec![SpanEvent {
            timestamp: start + Duration::from_millis(639),
            name: "exception".to_owned(),
            attributes: json!({"exception.type": "TileIndexError", "exception.message": name(mood, "no tile"), "exception.stacktrace": message(mood, STACK), "exception.group": "9f2c1a77e0b4d351"}).as_object().unwrap().clone(),
        }] } else { Vec::new() },
        links: Vec::new(),
    }
    };
    rows.into_iter().map(span).collect()
}

pub(crate) fn span_page(mood: Mood) -> SpanPage {
    let template = trace_of(mood).into_iter().nth(3);
    let spans = (0..12_u8).filter_map(|at| {
        let mut span = template.clone()?;
        span.trace_id = TraceId::from_bytes([at + 1; 16])?;
        span.start = ago(f64::from(at) * 31.0 + 4.0);
        span.end = span.start + Duration::from_millis(90 + u64::from(at) * 97 % 700);
        if at % 4 == 1 {
            span.status = SpanStatus::Unset;
        }
        Some((RecordId::new(BatchSeq(9), usize::from(at)), span))
    });
    let spans: Vec<_> = spans.collect();
    SpanPage {
        total: spans.len() as u64 * 37,
        total_is_exact: true,
        next: None,
        partial: false,
        took: Duration::from_micros(2_300),
        hints: Vec::new(),
        spans,
    }
}

fn outline(spans: &[Span]) -> TraceOutline {
    let mut outline = TraceOutline {
        total: spans.len() as u64,
        ..TraceOutline::default()
    };
    let index = |known: &mut Vec<String>, text: &str| {
        let at = known.iter().position(|other| other == text);
        let at = at.unwrap_or_else(|| {
            known.push(text.to_owned());
            known.len() - 1
        });
        u32::try_from(at).unwrap()
    };
    for (at, span) in spans.iter().enumerate() {
        let service = index(&mut outline.services, &span.service);
        let name = index(&mut outline.names, &span.name);
        outline.spans.push(SpanOutline {
            id: RecordId::new(BatchSeq(3), at),
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            service,
            name,
            kind: span.kind,
            start: span.start,
            end: span.end,
            is_error: span.is_error(),
        });
    }
    outline
}

/// With the span that raised the exception chosen.
pub(crate) fn trace_found(mood: Mood) -> trace::Found {
    let spans = trace_of(mood);
    let mut found = without_panel(mood);
    found.panel = spans.into_iter().enumerate().nth(4);
    found.matches = trace::Matches {
        spans: (0..found.layout.outline.spans.len())
            .skip(4)
            .take(2)
            .collect(),
        unread: 12,
    };
    found
}

pub(crate) fn without_panel(mood: Mood) -> trace::Found {
    let spans = trace_of(mood);
    let mut records = if mood == Mood::Empty {
        Vec::new()
    } else {
        log_page_of(mood).records
    };
    records.truncate(6);
    for (at, found) in records.iter_mut().enumerate() {
        found.record.timestamp = ago(95.0) + Duration::from_millis(25 + at as u64 * 110);
        found.record.span_id = Some(span_id(u8::try_from(at).unwrap() + 3));
    }
    let layout = trace::Layout::of(outline(&spans), records, false);
    let asked = crate::range::Asked::absolute(TimeRange::last(Duration::from_mins(5), now()));
    let mut found = trace::Found::new(layout, asked);
    let touched = incidents_of(mood).into_iter().take(1);
    found.incidents = touched
        .map(|incident| trace::IncidentLink {
            href: format!("/incidents/{}", incident.id),
            title: incident.title,
            severity: incident.severity.as_str(),
        })
        .collect();
    found
}

/// A request that asked the database once for each of its rows, in many services, with clocks that
/// disagree, a parent that is missing and an id that was used twice.
pub(crate) fn large_trace_found() -> trace::Found {
    let template = trace_of(Mood::Full);
    let (start, id) = (template[0].start, |n: u64| {
        SpanId::from_bytes(n.to_be_bytes())
    });
    let mut spans = template[..4].to_vec();
    for n in 0..3_000_u64 {
        let mut span = template[5].clone();
        let branch = n % 30;
        span.span_id = id(1_000_000 + n).unwrap();
        span.parent_span_id = if n < 30 {
            Some(span_id(4))
        } else {
            id(1_000_000 + branch)
        };
        span.service = [
            "content", "search", "tiles", "users", "prices", "mail", "media", "geo", "cache",
            "queue",
        ][(branch % 10) as usize]
            .to_owned();
        span.name = match n {
            0..30 => format!("GET /part/{branch}"),
            n if branch < 2 => format!("{} {n}", ["render", "merge"][branch as usize]),
            _ => "SELECT orders WHERE id = ?".to_owned(),
        };
        let begins = if n < 30 { 16 + branch } else { 20 + n / 30 * 7 };
        span.start = start + Duration::from_millis(begins);
        span.end = span.start + Duration::from_millis(if n < 30 { 770 } else { 2 + n % 5 });
        span.status = if n == 1234 || n == 2501 {
            SpanStatus::Error {
                message: "timeout".to_owned(),
            }
        } else {
            SpanStatus::Unset
        };
        spans.push(span);
    }
    let mut twin = spans[2000].clone();
    twin.end = twin.end + Duration::from_millis(1);
    spans.push(twin);
    let mut lost = spans[40].clone();
    (lost.span_id, lost.parent_span_id) = (id(7).unwrap(), id(6));
    spans.push(lost);
    spans[3].end = spans[2].end + Duration::from_millis(118);
    spans[3].start = spans[2].start + Duration::from_millis(130);
    spans[3].kind = SpanKind::Server;
    spans.sort_by_key(|span| span.start);
    let layout = trace::Layout::of(outline(&spans), Vec::new(), false);
    let asked = crate::range::Asked::absolute(TimeRange::last(Duration::from_mins(5), now()));
    trace::Found::new(layout, asked)
}
