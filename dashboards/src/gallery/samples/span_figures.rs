//! What the page of traces is made of: an hour in which one shard of a database became slow.

use std::collections::{BTreeMap, HashMap};

use super::*;

const COLUMNS: usize = traces::COLUMNS;
const ROWS: usize = traces::ROWS;

/// (spans, failed) of a cell: a band of quick spans, a tail, and above it the slow shard.
fn counted(column: usize, row: usize) -> (u64, u64) {
    let place = row as f64;
    let band = 240.0 * (-((place - 9.0) / 2.2).powi(2)).exp();
    let swell = 1.0 + 0.4 * (column as f64 / 9.0).sin();
    let tail = if row > 11 && (column * 7 + row * 13).is_multiple_of(11) {
        2.0
    } else {
        0.0
    };
    let slow = if column > 74 && (15..19).contains(&row) {
        30.0 - (place - 16.5).abs() * 9.0
    } else {
        0.0
    };
    let spans = (band * swell + tail + slow) as u64;
    let failed = match (slow > 0.0, row) {
        (true, 18) => spans,
        (true, _) => spans / 4,
        _ => u64::from((column * 5 + row).is_multiple_of(61) && spans > 20),
    };
    (spans, failed.min(spans))
}

pub(crate) fn scatter(mood: Mood) -> SpanScatter {
    let range = TimeRange {
        start: ago(3600.0),
        end: now(),
    };
    if mood == Mood::Empty {
        return SpanScatter {
            range: Some(range),
            columns: COLUMNS,
            rows: ROWS,
            ..SpanScatter::default()
        };
    }
    let example = (trace()[0].trace_id, span_id(1));
    let cells: Vec<ScatterCell> = (0..COLUMNS * ROWS)
        .filter_map(|at| {
            let (column, row) = (at / ROWS, at % ROWS);
            let (spans, errors) = counted(column, row);
            (spans > 0).then_some(ScatterCell {
                column: column as u32,
                row: row as u32,
                spans,
                errors,
                example,
            })
        })
        .collect();
    SpanScatter {
        range: Some(range),
        durations: (Duration::from_millis(1), Duration::from_secs(5)),
        columns: COLUMNS,
        rows: ROWS,
        outliers: outliers(mood),
        total: cells.iter().map(|cell| cell.spans).sum(),
        partial: mood == Mood::Hostile,
        took: Duration::from_millis(8),
        hints: match mood {
            Mood::Hostile => vec![format!(
                "no span has the field {SCRIPT}; did you mean name?"
            )],
            _ => Vec::new(),
        },
        cells,
    }
}

fn outliers(mood: Mood) -> Vec<SpanOutlier> {
    let outlier = |at: u8| SpanOutlier {
        trace_id: TraceId::from_bytes([at + 1; 16]).unwrap(),
        span_id: span_id(at + 1),
        start: ago(f64::from(at) * 97.0 % 780.0 + 4.0),
        duration: Duration::from_millis(4_600 - u64::from(at) * 110),
        is_error: at % 3 == 1,
        service: name(mood, "content"),
        name: name(mood, "SELECT tiles"),
    };
    (0..24).map(outlier).collect()
}

pub(crate) fn comparison(mood: Mood) -> SpanComparison {
    if mood == Mood::Empty {
        return SpanComparison::default();
    }
    let (all_inside, all_outside) = (1_240_u64, 96_400_u64);
    let difference = |field: &str, value: &str, inside: u64, outside: u64, score: f64| {
        let share = |count: u64, all: u64| count as f64 / all as f64;
        SpanDifference {
            field: name(mood, field),
            value: name(mood, value),
            inside,
            outside,
            inside_share: share(inside, all_inside),
            outside_share: share(outside, all_outside),
            score,
        }
    };
    SpanComparison {
        inside: all_inside,
        outside: all_outside,
        differences: vec![
            difference("db.shard", "7", 1_193, 7_900, 0.86),
            difference("status", "error", 700, 900, 0.51),
            difference("name", "SELECT tiles", 1_080, 34_000, 0.49),
            difference("http.response.status_code", "504", 310, 120, 0.22),
            difference("error.type", "504", 310, 120, 0.22),
            difference("status.message", "statement timeout", 298, 60, 0.21),
            difference("service.version", "2.14.0", 860, 50_100, 0.13),
            difference("host.name", "db-3", 400, 21_000, 0.07),
            difference("client.region", "eu-west", 420, 31_000, 0.004),
        ],
        sampled: Some((1_240, 50_000)),
        partial: false,
        hints: Vec::new(),
    }
}

pub(crate) fn groups_of_spans(mood: Mood) -> SpanGroups {
    if mood == Mood::Empty {
        return SpanGroups::default();
    }
    let group = |(at, (service, operation)): (usize, (&str, &str))| {
        let spans = 41_000 / (at as u64 + 1);
        let p50 = Duration::from_micros(2_400 + at as u64 * 3_700 % 23_000);
        SpanGroup {
            values: vec![name(mood, service), name(mood, operation)],
            spans,
            errors: if at % 3 == 2 { spans / 40 } else { 0 },
            p50,
            p95: p50 * 6,
            p99: p50 * 19,
            max: p50 * 70,
            total: p50 * u32::try_from(spans).unwrap() * 2,
        }
    };
    let operations = [
        ("gateway", "GET /tiles"),
        ("content", "TileIndex.lookup"),
        ("content", "SELECT tiles"),
        ("gateway", "authorize"),
        ("search", "suggest"),
        ("content", "render"),
        ("search", "rank"),
        ("billing", "POST /orders"),
        ("billing", "capture"),
        ("content", "GET /places/nearby"),
        ("mailer", "send"),
    ];
    let groups: Vec<SpanGroup> = operations.into_iter().enumerate().map(group).collect();
    SpanGroups {
        total: groups.iter().map(|group| group.spans).sum::<u64>() + 410,
        errors: groups.iter().map(|group| group.errors).sum(),
        others: 410,
        partial: mood == Mood::Hostile,
        took: Duration::from_millis(9),
        hints: Vec::new(),
        groups,
    }
}

/// Traces of a page with what is known of them: one with its root, one without, one not known.
pub(crate) fn traces_listed(mood: Mood) -> (Vec<traces::Match>, HashMap<TraceId, TraceOutline>) {
    let found = spans_found(mood);
    (found.listed().0, found.outlines)
}

fn outline(spans: &[Span], without_root: bool) -> TraceOutline {
    let place = |texts: &mut Vec<String>, text: &String| {
        let at = texts.iter().position(|other| other == text);
        at.unwrap_or_else(|| {
            texts.push(text.clone());
            texts.len() - 1
        }) as u32
    };
    let (mut services, mut names) = (Vec::new(), Vec::new());
    let outlined = spans.iter().enumerate().map(|(at, span)| SpanOutline {
        id: RecordId::new(BatchSeq(9), at),
        span_id: span.span_id,
        parent_span_id: span
            .parent_span_id
            .or_else(|| without_root.then(|| span_id(99))),
        service: place(&mut services, &span.service),
        name: place(&mut names, &span.name),
        kind: span.kind,
        start: span.start,
        end: span.end,
        is_error: span.is_error(),
    });
    TraceOutline {
        spans: outlined.collect(),
        total: spans.len() as u64,
        partial: false,
        services,
        names,
    }
}

pub(crate) fn spans_found(mood: Mood) -> traces::Found {
    let page = span_page(mood);
    let spans = trace_of(mood);
    let outlines = page
        .spans
        .iter()
        .enumerate()
        .filter_map(|(at, (_, span))| match at {
            2 => None,
            at => Some((span.trace_id, outline(&spans, at == 1))),
        });
    let outlines: BTreeMap<_, _> = outlines.collect();
    let services = [("content", 41_200), ("gateway", 40_100), ("search", 9_800)];
    traces::Found {
        outlines: outlines.into_iter().collect(),
        answer: traces::Answer::Newest(page),
        scatter: Some(scatter(mood)),
        groups: Some(groups_of_spans(mood)),
        comparison: Some(traces::Comparison::Found(comparison(mood))),
        services: FieldValues {
            values: match mood {
                Mood::Empty => Vec::new(),
                _ => services
                    .map(|(value, count)| FieldValue {
                        value: name(mood, value),
                        count,
                    })
                    .to_vec(),
            },
            ..FieldValues::default()
        },
        marks: marks(mood),
        // One trace is not known, whatever the patience.
        is_patient: true,
    }
}
