//! Log records, good and quarantined.

use super::*;

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
            ..Explain::default()
        },
        hints: if mood == Mood::Hostile {
            vec![format!("unknown field {SCRIPT}: did you mean message?")]
        } else {
            Vec::new()
        },
    }
}

pub(crate) fn logs_found(mood: Mood) -> logs::Found {
    if mood == Mood::Empty {
        return logs::Found {
            page: Some(log_page_of(mood)),
            step: Duration::from_mins(1),
            ..logs::Found::default()
        };
    }
    let bar = |at: usize| {
        let trouble = if at > 52 { 90 } else { 0 };
        HistogramBar {
            start: ago((60 - at) as f64 * 60.0).floor(Duration::from_mins(1)),
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
    let value = |value: &str, count| FieldValue {
        value: name(mood, value),
        count,
    };
    logs::Found {
        page: Some(log_page_of(mood)),
        bars: (0..60).map(bar).collect(),
        facets: vec![
            (
                "service.name",
                vec![
                    value("content", 31_220),
                    value("gateway", 12_004),
                    value("payments", 3_871),
                    value("search", 1_118),
                ],
            ),
            (
                "severity",
                vec![
                    value("INFO", 41_002),
                    value("ERROR", 4_010),
                    value("WARN", 3_201),
                ],
            ),
            (
                "exception.type",
                vec![
                    value("TileIndexError", 1_874),
                    value("UpstreamTimeout", 603),
                ],
            ),
            ("http.route", Vec::new()),
        ],
        step: Duration::from_mins(1),
        error: (mood == Mood::Hostile).then(|| (2, format!("expected a term, not {SCRIPT}"))),
    }
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
