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
        spans,
    }
}
