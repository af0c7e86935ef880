//! Log records, good and quarantined.

use super::*;
use crate::saved_searches::SavedSearch;

pub(super) const STACK: &str = "TileIndexError: no tile for cell 8a2a1072b59ffff at zoom 14\n    at TileIndex.lookup (src/tiles/index.ts:88:13)\n    at PlaceService.nearby (src/places/service.ts:142:27)\n    at async handler (src/http/routes/places.ts:31:18)\n    at async Server.dispatch (node_modules/fastify/lib/route.js:402:7)";

pub(super) fn record(mood: Mood, at: usize) -> FoundLog {
    let lines = [
        (
            SeverityNumber::ERROR,
            "content",
            "GET /places/nearby failed: no tile for cell 8a2a1072b59ffff",
        ),
        (
            SeverityNumber::WARN,
            "gateway",
            "upstream content answered 500, retry 1 of 2",
        ),
        (
            SeverityNumber::INFO,
            "payments",
            "captured 1840 EUR for order 55d0c2 in 212 ms",
        ),
        (SeverityNumber::INFO, "search", "reindexed 12 documents"),
        (
            SeverityNumber::DEBUG,
            "sync-worker",
            "page 41 of 88, sync_in_progress=true",
        ),
        (SeverityNumber::FATAL, "content", "out of file descriptors"),
        (
            SeverityNumber::TRACE,
            "content",
            "cache lookup places:nearby:8a2a",
        ),
    ];
    let (severity, service, text) = lines[at * 5 % 7];
    let mut record = LogRecord::new(
        ago(1.7 + at as f64 * 3.21),
        severity,
        name(mood, service),
        message(mood, text),
    );
    record.trace_id = Some("4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap());
    record.span_id = Some(span_id((at % 9) as u8 + 1));
    if severity == SeverityNumber::ERROR {
        record.exception = Some(Exception {
            kind: name(mood, "TileIndexError"),
            message: message(mood, "no tile for cell 8a2a1072b59ffff at zoom 14"),
            stacktrace: message(mood, STACK),
        });
        record.exception_group = Some("9f2c1a77e0b4d351".to_owned());
    }
    let attributes = json!({"deployment.environment.name": "demo", "http.request.method": "GET", "http.response.status_code": 500,
        "http.route": "/places/nearby", "service.version": "2.14.0", "tags": ["a", 1], name(mood, "client.region"): name(mood, "eu-west")});
    record.attributes = attributes.as_object().unwrap().clone();
    FoundLog {
        id: RecordId::new(BatchSeq(7701), at),
        record,
    }
}

pub(crate) fn log_page() -> LogPage {
    log_page_of(Mood::Full)
}

pub(crate) fn log_page_of(mood: Mood) -> LogPage {
    let count = match mood {
        Mood::Empty => 0,
        Mood::Full => 24,
        Mood::Hostile => 7,
    };
    LogPage {
        records: (0..count).map(|at| record(mood, at)).collect(),
        total: if count == 0 { 0 } else { 48_213 },
        total_is_exact: mood != Mood::Hostile,
        next: (count > 0).then(|| name(mood, "1e15-3")),
        partial: mood == Mood::Hostile,
        took: Duration::from_micros(4_180),
        explain: Explain {
            splits_total: 9,
            splits_pruned: 6,
            rows_scanned: 51_204,
            tail_records: 2_204,
            pruned_by: PrunedBy {
                time: 5,
                service: 1,
                ..PrunedBy::default()
            },
            clauses: vec![ClausePlan {
                clause: name(mood, "service.name:content"),
                answered_by: AnsweredBy::Term,
                of: name(mood, "service.name"),
                alone: Some(ClauseCount {
                    records: 48_110,
                    took_ms: 1.2,
                }),
            }],
        },
        hints: if mood == Mood::Hostile {
            vec![format!(
                "no record has the field {SCRIPT}; did you mean message?"
            )]
        } else {
            Vec::new()
        },
    }
}

pub(crate) fn logs_found(mood: Mood) -> logs::Found {
    let answer = match mood {
        Mood::Hostile => logs::Answer::Unreadable(2, format!("expected a term, not {SCRIPT}")),
        _ => logs::Answer::Records(log_page_of(mood)),
    };
    logs::Found {
        answer,
        happened: happened(mood),
        side: side(mood),
        saved: saved(mood),
    }
}

pub(crate) fn happened(mood: Mood) -> logs::Happened {
    let step = Duration::from_mins(1);
    if mood == Mood::Empty {
        return logs::Happened {
            step,
            ..logs::Happened::default()
        };
    }
    let bar = |at: usize| {
        let trouble = if at > 52 { 90 } else { 0 };
        HistogramBar {
            start: ago((60 - at) as f64 * 60.0).floor(step),
            counts: [
                wave(at, 6.0, 4.0) as u64,
                wave(at, 40.0, 20.0) as u64,
                wave(at, 420.0, 120.0) as u64,
                wave(at, 22.0, 10.0) as u64 + trouble,
                trouble * 2 + u64::from(at.is_multiple_of(9)),
                u64::from(at == 55) * 9,
            ],
        }
    };
    logs::Happened {
        bars: (0..60).map(bar).collect(),
        bars_are_partial: false,
        step,
        marks: marks(mood),
    }
}

/// What else happened.
pub(crate) fn marks(mood: Mood) -> Marks {
    Marks {
        incidents: incidents_of(mood),
        changes: changes(mood),
    }
}

pub(crate) fn side(mood: Mood) -> logs::SideFound {
    if mood == Mood::Empty {
        return logs::SideFound::default();
    }
    let values = |field: &str, values: &[(&str, u64)]| {
        let value = |(value, count): &(&str, u64)| FieldValue {
            value: name(mood, value),
            count: *count,
        };
        let found = FieldValues {
            values: values.iter().map(value).collect(),
            error: u64::from(mood == Mood::Hostile),
            ..FieldValues::default()
        };
        (name(mood, field), found)
    };
    let field = |field: &str, kind, coverage: f64| FieldSummary {
        name: name(mood, field),
        kind,
        records: (coverage * 48_213.0) as u64,
        coverage,
    };
    logs::SideFound {
        fields: FieldList {
            fields: vec![
                field("service.name", FieldKind::Keyword, 1.0),
                field("message", FieldKind::Text, 1.0),
                field("trace_id", FieldKind::Id, 0.93),
                field("http.route", FieldKind::Keyword, 0.88),
                field("http.response.status_code", FieldKind::Number, 0.88),
                field("exception.type", FieldKind::Keyword, 0.052),
                field("sync_in_progress", FieldKind::Bool, 0.0021),
            ],
            records: 48_213,
            sampled: false,
            partial: mood == Mood::Hostile,
        },
        values: vec![
            values(
                "service.name",
                &[
                    ("content", 31_220),
                    ("gateway", 12_004),
                    ("payments", 3_871),
                    ("search", 1_118),
                ],
            ),
            values(
                "severity",
                &[("INFO", 41_002), ("ERROR", 4_010), ("WARN", 3_201)],
            ),
            values(
                "http.route",
                &[("/places/nearby", 20_114), ("/health", 1_870)],
            ),
        ],
    }
}

fn saved(mood: Mood) -> Vec<SavedSearch> {
    let search = |id, plain: &str, query: &str| SavedSearch {
        id,
        name: name(mood, plain),
        query: name(mood, query),
        columns: vec!["http.route".to_owned()],
        last: "6h".to_owned(),
    };
    match mood {
        Mood::Empty => Vec::new(),
        _ => vec![
            search(1, "Failed payments", "service.name:payments severity:ERROR"),
            search(2, "Tiles", "\"no tile\" service.name:content"),
        ],
    }
}

pub(crate) fn table_found(mood: Mood) -> logs::Found {
    let row = |value: &str, count: u64| vec![json!(name(mood, value)), json!(count)];
    let rows = match mood {
        Mood::Empty => Vec::new(),
        _ => vec![
            row("/places/nearby", 20_114),
            row("/health", 1_870),
            vec![json!(null), json!(311)],
        ],
    };
    let table = LogTable {
        columns: vec![name(mood, "http.route"), "count".to_owned()],
        rows,
        records: 22_295,
        error: 0,
        partial: mood == Mood::Hostile,
        took: Duration::from_millis(7),
        explain: log_page_of(mood).explain,
        hints: Vec::new(),
    };
    logs::Found {
        answer: logs::Answer::Table(table),
        ..logs_found(mood)
    }
}

pub(crate) fn patterns(mood: Mood) -> PatternList {
    if mood == Mood::Empty {
        return PatternList::default();
    }
    let pattern = |id: &str, template: &str, count, before, severity, change| PatternSummary {
        id: name(mood, id),
        template: name(mood, template),
        count,
        count_against: before,
        trend: (0..40)
            .map(|at| wave(at, count as f64 / 40.0, count as f64 / 90.0) as u64)
            .collect(),
        first_seen: ago(3500.0),
        last_seen: ago(2.0),
        services: ["content", "gateway", "search"]
            .map(|service| name(mood, service))
            .to_vec(),
        severity,
        change,
    };
    PatternList {
        patterns: vec![
            pattern(
                "p1",
                "no tile for cell <hex> at zoom <num>",
                1_874,
                0,
                SeverityRange::Error,
                PatternChange::New,
            ),
            pattern(
                "p2",
                "lease of <id> lost to <*>",
                0,
                31,
                SeverityRange::Warn,
                PatternChange::Vanished,
            ),
            pattern(
                "p3",
                "upstream <*> answered <num>, retry <num> of <num>",
                4_120,
                603,
                SeverityRange::Warn,
                PatternChange::Grown,
            ),
            pattern(
                "p4",
                "captured <num> EUR for order <id> in <duration>",
                38_004,
                37_411,
                SeverityRange::Info,
                PatternChange::Steady,
            ),
        ],
        records: 48_213,
        unpatterned: 12,
        partial: mood == Mood::Hostile,
    }
}

pub(crate) fn patterns_found(mood: Mood) -> logs::Found {
    logs::Found {
        answer: logs::Answer::Patterns(patterns(mood)),
        ..logs_found(mood)
    }
}

/// A record, and those around it.
pub(crate) fn surroundings(mood: Mood) -> (FoundLog, LogContext) {
    let near = if mood == Mood::Empty { 0 } else { 5 };
    let context = LogContext {
        before: (near + 1..=2 * near)
            .rev()
            .map(|at| record(mood, at))
            .collect(),
        record: Some(record(mood, near)),
        after: (0..near).rev().map(|at| record(mood, at)).collect(),
        partial: mood == Mood::Hostile,
        hints: match mood {
            Mood::Hostile => vec![format!("the record has no {SCRIPT}")],
            _ => Vec::new(),
        },
    };
    (record(mood, near), context)
}

pub(crate) fn quarantine(mood: Mood) -> LogPage {
    let mut page = log_page_of(mood);
    page.records.truncate(4);
    for found in &mut page.records {
        found.record.message = message(
            mood,
            "{\"timestamp\":\"yesterday\",\"severity\":\"error\",\"msg\":\"payment failed\"}",
        );
        let attributes = json!({"quarantine.reason": "schema", "quarantine.schema": "log_record.v1", "quarantine.path": name(mood, "/timestamp"),
            "quarantine.message": name(mood, "\"yesterday\" is not a \"date-time\""), "quarantine.receiver": "ingest"});
        found.record.attributes = attributes.as_object().unwrap().clone();
    }
    page.total = page.records.len() as u64;
    page
}
