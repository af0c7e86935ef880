//! Traces for tests, written as a line: `id parent service start end`, in milliseconds; `!` after
//! the end says that the span failed.

use watchfire_logsearch::SpanOutline;
use watchfire_schemas::{BatchSeq, RecordId, SpanId, SpanKind, Timestamp};

pub(crate) fn id(n: u64) -> SpanId {
    SpanId::from_bytes(n.to_be_bytes()).expect("zero is no id")
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_795_327_047_000 + ms)
}

/// Id and parent (0 is none), service, start and end in milliseconds.
pub(crate) fn span(n: u64, parent: u64, service: u32, start: i64, end: i64) -> SpanOutline {
    SpanOutline {
        id: RecordId::new(BatchSeq(1), n as usize),
        span_id: id(n),
        parent_span_id: (parent > 0).then(|| id(parent)),
        service,
        name: service,
        kind: SpanKind::Internal,
        start: at(start),
        end: at(end),
        is_error: false,
    }
}

/// Services are single letters, from `a`.
pub(crate) fn spans_in(text: &str) -> Vec<SpanOutline> {
    let mut spans: Vec<SpanOutline> = text.split(';').map(|line| one(line.trim())).collect();
    for (index, span) in spans.iter_mut().enumerate() {
        span.id = RecordId::new(BatchSeq(2), index);
    }
    spans
}

fn one(line: &str) -> SpanOutline {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |text: &str| text.trim_end_matches('!').parse::<i64>().expect(text);
    let service = u32::from(words[2].as_bytes()[0] - b'a');
    SpanOutline {
        is_error: words[4].ends_with('!'),
        ..span(
            number(words[0]) as u64,
            number(words[1]) as u64,
            service,
            number(words[3]),
            number(words[4]),
        )
    }
}
