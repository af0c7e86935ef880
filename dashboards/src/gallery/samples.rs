//! Sample data: a busy evening, an empty house, and input from somebody who means harm.

use std::time::Duration;

use serde_json::json;
use watchfire_alerts::*;
use watchfire_logsearch::*;
use watchfire_schemas::*;
use watchfire_tsdb::{InstantSample, QueryValue, RangeSeries, TsdbStats};

use crate::ask::ServiceRed;
use crate::console::{DiskUse, InboxEntry, IngestReport};
use crate::pages::incident::{Measured, TellingLogs};
use crate::pages::overview::lately;
use crate::pages::{exception, incident, logs, status};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Full,
    Empty,
    Hostile,
}

pub(crate) const SCRIPT: &str = "<script>alert(1)</script>";

pub(crate) fn now() -> Timestamp {
    "2026-11-22T03:14:07.25Z".parse().unwrap()
}

/// So many seconds before now.
fn ago(seconds: f64) -> Timestamp {
    now() - Duration::from_secs_f64(seconds)
}

/// A name that closes every bracket it could stand in, or the plain one.
fn name(mood: Mood, plain: &str) -> String {
    match mood {
        Mood::Hostile => format!("{plain}\"'><img src=x onerror=alert(1)>{SCRIPT}\u{202e}gnp.exe"),
        _ => plain.to_owned(),
    }
}

fn message(mood: Mood, plain: &str) -> String {
    match mood {
        Mood::Hostile => format!(
            "{} مرحبا بالعالم {} {}",
            name(mood, plain),
            "x".repeat(10_000),
            "\n".repeat(50)
        ),
        _ => plain.to_owned(),
    }
}

pub(crate) fn query(mood: Mood) -> String {
    match mood {
        Mood::Full => {
            "service.name:content -http.route:/health severity:(ERROR or WARN)".to_owned()
        }
        Mood::Empty => String::new(),
        Mood::Hostile => format!("\"{SCRIPT}\" message:\"<img src=x onerror=alert(1)>\""),
    }
}

/// A wave with noise that is the same each time.
fn wave(at: usize, base: f64, swing: f64) -> f64 {
    let noise = ((at * 7919 % 101) as f64 / 101.0 - 0.5) * swing;
    (base + (at as f64 / 9.0).sin() * swing * 0.6 + noise).max(0.0)
}

fn points(value: impl Fn(usize) -> f64) -> Vec<(Timestamp, f64)> {
    (0..61)
        .map(|at| (ago((60 - at) as f64 * 60.0), value(at)))
        .collect()
}

pub(crate) fn red(mood: Mood) -> Vec<ServiceRed> {
    let service = |plain: &str, base: f64, failing: bool, p99: f64| ServiceRed {
        name: name(mood, plain),
        rate: points(|at| wave(at, base, base / 5.0)),
        errors: points(|at| match at {
            at if failing && at > 52 => wave(at, base * 0.3, base * 0.1),
            at if at % 17 == 3 => base * 0.004,
            _ => 0.0,
        }),
        p50: points(|at| wave(at, p99 / 9.0, p99 / 60.0)),
        p99: points(|at| wave(at, p99, p99 / 4.0) * if failing && at > 52 { 3.2 } else { 1.0 }),
        error_logs: points(|at| if failing && at > 52 { 4.1 } else { 0.0 }),
    };
    match mood {
        Mood::Empty => Vec::new(),
        _ => vec![
            service("content", 212.0, true, 0.34),
            service("gateway", 248.0, false, 0.41),
            service("payments", 14.0, false, 0.62),
            service("search", 61.0, false, 0.088),
            service("sync-worker", 0.7, false, 2.4),
        ],
    }
}

pub(crate) fn changes(mood: Mood) -> Vec<ChangeEvent> {
    let change =
        |id: &str, at, kind, service: &str, summary: &str, version: Option<&str>| ChangeEvent {
            id: id.to_owned(),
            at,
            kind,
            service: name(mood, service),
            summary: name(mood, summary),
            version: version.map(str::to_owned),
            author: Some(name(mood, "deploy-bot")),
            link: Some(
                if mood == Mood::Hostile {
                    "javascript:alert(1)"
                } else {
                    "https://ci.example.com/run/8812"
                }
                .to_owned(),
            ),
            attributes: Attributes::new(),
        };
    match mood {
        Mood::Empty => Vec::new(),
        _ => vec![
            change(
                "c1",
                ago(521.0),
                ChangeKind::Deploy,
                "content",
                "places: new tile index",
                Some("2.14.0"),
            ),
            change(
                "c2",
                ago(1500.0),
                ChangeKind::Flag,
                "gateway",
                "http2 to upstreams 10 % → 50 %",
                None,
            ),
        ],
    }
}

fn labels(mood: Mood) -> LabelSet {
    LabelSet::new([
        ("service".to_owned(), name(mood, "content")),
        ("severity".to_owned(), "critical".to_owned()),
    ])
}

fn alert(mood: Mood) -> AlertInstance {
    AlertInstance {
        rule: name(mood, "HighErrorRatio"),
        labels: labels(mood),
        annotations: LabelSet::new([(
            "summary".to_owned(),
            name(mood, "31 % of requests to content fail"),
        )]),
        state: AlertState::Firing,
        value: 0.312,
        active_at: ago(466.0),
        fired_at: Some(ago(451.0)),
        resolved_at: None,
    }
}

fn onset() -> Onset {
    let counts: Vec<f64> = (0..120)
        .map(|at| {
            if at < 90 {
                f64::from(u8::from(at % 13 == 0))
            } else {
                wave(at, 61.0, 18.0)
            }
        })
        .collect();
    Onset {
        at: ago(487.0),
        earliest: ago(497.0),
        latest: ago(477.0),
        source: OnsetSource::Estimated,
        method: OnsetMethod::StepV1,
        evidence: Some(OnsetEvidence {
            signal: "server errors of content".to_owned(),
            selector: "traces_span_metrics_calls_total{kind=\"SPAN_KIND_SERVER\",service=\"content\",status=\"STATUS_CODE_ERROR\"}".to_owned(),
            start: ago(1387.0),
            bin_seconds: 10.0,
            baseline: vec![0.08; 120],
            counts,
            dispersion: 1.3,
        }),
        set_by: None,
        reason: None,
    }
}

#[expect(clippy::too_many_lines, reason = "sample data, written out")]
pub(crate) fn incident(mood: Mood) -> Incident {
    let exception = |group: &str, kind: &str, text: &str, count, ratio, is_new, is_regressed| {
        IncidentException {
            group: group.to_owned(),
            kind: name(mood, kind),
            message: message(mood, text),
            service: name(mood, "content"),
            count,
            ratio,
            is_new,
            is_regressed,
        }
    };
    let entry = |at, kind, text: &str, actor: Option<&str>| TimelineEntry {
        at,
        kind,
        text: name(mood, text),
        actor: actor.map(str::to_owned),
    };
    let phase = |phase: &str, from: f64, to: f64| Phase {
        name: phase.to_owned(),
        from: ago(from),
        to: ago(to),
        seconds: from - to,
    };
    let is_empty = mood == Mood::Empty;
    Incident {
        id: if mood == Mood::Hostile {
            "../x?a=1&<b>"
        } else {
            "20261122-7f3a"
        }
        .to_owned(),
        title: message(mood, "content fails 31 % of requests"),
        severity: AlertSeverity::Critical,
        status: IncidentStatus::Triggered,
        services: if is_empty {
            Vec::new()
        } else {
            vec![name(mood, "content"), name(mood, "gateway")]
        },
        onset: onset(),
        detected_at: ago(451.0),
        notified_at: (!is_empty).then(|| ago(444.0)),
        acknowledged_at: None,
        acknowledged_by: None,
        recovered_at: None,
        resolved_at: None,
        times: ResponseTimes {
            ttd_seconds: Some(36.0),
            tta_seconds: None,
            ttr_seconds: None,
        },
        phases: if is_empty {
            Vec::new()
        } else {
            vec![
                phase("data_delay", 487.0, 485.2),
                phase("evaluation", 485.2, 466.0),
                phase("hold", 466.0, 451.0),
                phase("grouping", 451.0, 446.0),
                phase("delivery", 446.0, 444.0),
                phase("human", 444.0, 0.0),
            ]
        },
        alerts: if is_empty {
            Vec::new()
        } else {
            vec![alert(mood)]
        },
        exceptions: if is_empty {
            Vec::new()
        } else {
            vec![
                exception(
                    "9f2c1a77e0b4d351",
                    "TileIndexError",
                    "no tile for cell 8a2a1072b59ffff at zoom 14",
                    1874,
                    None,
                    true,
                    false,
                ),
                exception(
                    "51aa02c94e77bd10",
                    "UpstreamTimeout",
                    "content did not answer within 2 s",
                    603,
                    Some(41.2),
                    false,
                    true,
                ),
                exception(
                    "0be7734fd2219a6c",
                    "PoolExhausted",
                    "no connection within 500 ms (20 in use)",
                    88,
                    Some(6.4),
                    false,
                    false,
                ),
            ]
        },
        changes: changes(mood).into_iter().take(1).collect(),
        timeline: if is_empty {
            Vec::new()
        } else {
            vec![
                entry(
                    ago(521.0),
                    TimelineKind::Change,
                    "deploy of content 2.14.0",
                    Some("deploy-bot"),
                ),
                entry(
                    ago(487.0),
                    TimelineKind::Onset,
                    "server errors of content leave their baseline",
                    None,
                ),
                entry(
                    ago(466.0),
                    TimelineKind::AlertPending,
                    "HighErrorRatio pending at 0.27",
                    Some("HighErrorRatio"),
                ),
                entry(
                    ago(451.0),
                    TimelineKind::Detected,
                    "HighErrorRatio firing at 0.31",
                    Some("HighErrorRatio"),
                ),
                entry(
                    ago(444.0),
                    TimelineKind::Notified,
                    "pagerduty accepted the trigger (HTTP 202)",
                    Some("pagerduty"),
                ),
                entry(
                    ago(130.0),
                    TimelineKind::Note,
                    "Looks like the new tile index; rolling back.",
                    Some("Mira"),
                ),
            ]
        },
        runbook: Some(
            if mood == Mood::Hostile {
                "javascript:alert(1)"
            } else {
                "https://runbooks.example.com/content/errors"
            }
            .to_owned(),
        ),
    }
}

pub(crate) fn resolved_incident() -> Incident {
    Incident {
        id: "20261122-6b01".to_owned(),
        status: IncidentStatus::Resolved,
        acknowledged_at: Some(ago(390.0)),
        acknowledged_by: Some("Mira".to_owned()),
        recovered_at: Some(ago(140.0)),
        resolved_at: Some(ago(20.0)),
        times: ResponseTimes {
            ttd_seconds: Some(36.0),
            tta_seconds: Some(54.0),
            ttr_seconds: Some(347.0),
        },
        ..incident(Mood::Full)
    }
}

pub(crate) fn incidents() -> Vec<Incident> {
    vec![incident(Mood::Full), resolved_incident()]
}

pub(crate) fn incidents_of(mood: Mood) -> Vec<Incident> {
    match mood {
        Mood::Empty => Vec::new(),
        _ => vec![incident(mood)],
    }
}

pub(crate) fn lately(mood: Mood) -> lately::Found {
    if mood == Mood::Empty {
        return lately::Found::default();
    }
    let mut incidents = vec![incident(mood), resolved_incident()];
    incidents.extend(past_incidents());
    lately::Found {
        incidents,
        groups: groups_of(mood).0,
        changes: changes(mood),
        intake: lately::Intake {
            logs_per_second: 41.3,
            spans_per_second: 88.0,
            quarantined: 24.0,
            dropped: 0,
            newest: Some(ago(0.4)),
        },
    }
}

/// Two weeks of incidents.
pub(crate) fn past_incidents() -> Vec<Incident> {
    let titles = [
        "payments latency above 1 s",
        "search fails 12 % of requests",
        "sync-worker has stopped",
        "gateway refuses connections",
    ];
    let past = |at: usize| {
        let began = ago(40_000.0 + at as f64 * 61_000.0);
        let seconds = |base: f64| base * 2_f64.powf(wave(at, 1.5, 3.0));
        let (ttd, tta, ttr) = (seconds(11.0), seconds(40.0), seconds(300.0));
        let after = |seconds: f64| began + Duration::from_secs_f64(seconds);
        Incident {
            id: format!("20261108-{at:04x}"),
            title: titles[at % 4].to_owned(),
            severity: [
                AlertSeverity::Error,
                AlertSeverity::Critical,
                AlertSeverity::Warning,
            ][at % 3],
            services: vec![titles[at % 4].split(' ').next().unwrap().to_owned()],
            onset: Onset {
                at: began,
                earliest: began,
                latest: began,
                ..onset()
            },
            detected_at: after(ttd),
            notified_at: Some(after(ttd + 6.0)),
            acknowledged_at: Some(after(ttd + 6.0 + tta)),
            recovered_at: Some(after(ttr)),
            resolved_at: Some(after(ttr + 120.0)),
            times: ResponseTimes {
                ttd_seconds: Some(ttd),
                tta_seconds: Some(tta),
                ttr_seconds: Some(ttr),
            },
            ..resolved_incident()
        }
    };
    (0..19).map(past).collect()
}

#[expect(clippy::too_many_lines, reason = "sample data, written out")]
pub(crate) fn incident_context(mood: Mood) -> incident::Context {
    if mood == Mood::Empty {
        return incident::Context::default();
    }
    let series = |value: &dyn Fn(f64) -> f64| -> Vec<(Timestamp, f64)> {
        (0..70)
            .map(|at| {
                let age = 700.0 - f64::from(at) * 10.0;
                (ago(age), value(age))
            })
            .collect()
    };
    let fails = |age: f64| {
        if age > 487.0 {
            f64::from(u8::from((age as u32).is_multiple_of(130)))
        } else {
            wave(age as usize / 10, 61.0, 18.0)
        }
    };
    let delivery =
        |id, destination: &str, kind: &str, state, status, attempts, error: Option<&str>| {
            Delivery {
                id,
                incident: "20261122-7f3a".to_owned(),
                destination: name(mood, destination),
                kind: kind.to_owned(),
                action: "trigger".to_owned(),
                state,
                attempts,
                queued_at: ago(446.0),
                last_attempt_at: Some(ago(444.0)),
                delivered_at: (state == DeliveryState::Delivered).then(|| ago(444.0)),
                http_status: status,
                error: error.map(str::to_owned),
            }
        };
    incident::Context {
        measured: Measured {
            signal: name(mood, "server errors of content"),
            counts: series(&fails),
            baseline: series(&|_| 0.8),
            exceptions: series(&|age| {
                if age > 487.0 {
                    0.0
                } else {
                    wave(age as usize / 7, 30.0, 9.0)
                }
            }),
            requests: series(&|age| wave(age as usize / 11, 140.0, 12.0)),
            bin_seconds: 10.0,
        },
        changes: changes(mood),
        deliveries: vec![
            delivery(
                1,
                "pagerduty",
                "pagerduty",
                DeliveryState::Delivered,
                Some(202),
                1,
                None,
            ),
            delivery(
                2,
                "slack #ops",
                "slack",
                DeliveryState::Delivered,
                Some(200),
                2,
                None,
            ),
            delivery(
                3,
                "statuspage hook",
                "webhook",
                DeliveryState::Dead,
                Some(410),
                1,
                Some("gone: the endpoint was removed"),
            ),
        ],
        logs: TellingLogs {
            records: log_page_of(mood).records,
            total: 1996,
        },
        traces: Some(span_page(mood)),
        trends: (0..3)
            .map(|row| {
                (0..40)
                    .map(|at| {
                        if at < 14 + row {
                            0.0
                        } else {
                            wave(at, 20.0, 9.0)
                        }
                    })
                    .collect()
            })
            .collect(),
        who: name(mood, "Mira"),
    }
}

const STACK: &str = "TileIndexError: no tile for cell 8a2a1072b59ffff at zoom 14\n    at TileIndex.lookup (src/tiles/index.ts:88:13)\n    at PlaceService.nearby (src/places/service.ts:142:27)\n    at async handler (src/http/routes/places.ts:31:18)\n    at async Server.dispatch (node_modules/fastify/lib/route.js:402:7)";

fn record(mood: Mood, at: usize) -> FoundLog {
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

pub(crate) fn span_id(n: u8) -> SpanId {
    SpanId::from_bytes([0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, n]).unwrap()
}

/// id, parent's id, service, name, kind, start and end in milliseconds, failed
type SpanSketch = (u8, u8, &'static str, &'static str, SpanKind, f64, f64, bool);

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

pub(crate) fn vector(mood: Mood) -> QueryValue {
    let sample = |series: RangeSeries| InstantSample {
        sample: *series.samples.last().unwrap(),
        labels: series.labels,
    };
    QueryValue::Vector(matrix(mood).into_iter().map(sample).collect())
}

pub(crate) fn matrix(mood: Mood) -> Vec<RangeSeries> {
    let series = |service: ServiceRed| RangeSeries {
        labels: LabelSet::new([("service".to_owned(), service.name)]),
        samples: service
            .rate
            .iter()
            .map(|(at, v)| Sample {
                t: at.millis(),
                v: *v,
            })
            .collect(),
    };
    red(mood).into_iter().map(series).collect()
}

pub(crate) fn groups() -> Vec<ExceptionGroup> {
    groups_of(Mood::Full).0
}

#[expect(clippy::too_many_lines, reason = "sample data, written out")]
pub(crate) fn groups_of(mood: Mood) -> (Vec<ExceptionGroup>, Vec<Vec<f64>>) {
    let group = |id: &str,
                 kind: &str,
                 text: &str,
                 culprit: &str,
                 service: &str,
                 first: f64,
                 regressed: Option<f64>| ExceptionGroup {
        id: id.to_owned(),
        kind: name(mood, kind),
        message: message(mood, text),
        culprit: name(mood, culprit),
        service: name(mood, service),
        status: GroupStatus::Open,
        assignee: regressed.map(|_| name(mood, "Mira")),
        first_seen: ago(first),
        last_seen: ago(3.0),
        releases: vec![name(mood, "2.13.2"), "2.14.0".to_owned()],
        regressed_at: regressed.map(ago),
        last_trace: Some("4bf92f3577b34da6a3ce929d0e0e4736".parse().unwrap()),
    };
    if mood == Mood::Empty {
        return (Vec::new(), Vec::new());
    }
    let groups = vec![
        group(
            "9f2c1a77e0b4d351",
            "TileIndexError",
            "no tile for cell 8a2a1072b59ffff at zoom 14",
            "TileIndex.lookup",
            "content",
            487.0,
            None,
        ),
        group(
            "51aa02c94e77bd10",
            "UpstreamTimeout",
            "content did not answer within 2 s",
            "gateway::proxy::forward",
            "gateway",
            900_000.0,
            Some(480.0),
        ),
        group(
            "0be7734fd2219a6c",
            "PoolExhausted",
            "no connection within 500 ms (20 in use)",
            "Pool.acquire",
            "content",
            400_000.0,
            None,
        ),
        group(
            "77c0d1aa33e9f802",
            "CardDeclined",
            "issuer said: insufficient funds",
            "payments::capture",
            "payments",
            2_000_000.0,
            None,
        ),
    ];
    let trends = (0..4_usize).map(|row| {
        (0..40)
            .map(|at| {
                if row < 2 && at < 34 {
                    0.0
                } else {
                    wave(at + row, 40.0 / (row + 1) as f64, 12.0).round()
                }
            })
            .collect()
    });
    (groups, trends.collect())
}

pub(crate) fn exception_context(mood: Mood, start: Timestamp) -> exception::Context {
    let mut logs = log_page_of(mood);
    logs.records
        .retain(|found| found.record.exception.is_some());
    exception::Context {
        start,
        bin: Duration::from_mins(1),
        trend: (0..60)
            .map(|at| if at < 52 { 0.0 } else { wave(at, 30.0, 12.0) })
            .collect(),
        logs: Some(logs),
        trace: Vec::new(),
        who: name(mood, "Mira"),
    }
}

pub(crate) fn reports(mood: Mood) -> Vec<ReliabilityReport> {
    let summary = |median: f64| ResponseSummary {
        n: 19,
        censored: 1,
        median: Some(median),
        p90: Some(median * 3.4),
        geometric_mean: Some(median * 1.1),
        interval: Some((median * 0.7, median * 1.7)),
    };
    let report = |key: Option<&str>, incidents| ReliabilityReport {
        key: key.map(|key| name(mood, key)),
        incidents,
        ttd: summary(31.0),
        tta: summary(118.0),
        ttr: summary(870.0),
    };
    match mood {
        Mood::Empty => Vec::new(),
        _ => vec![
            report(None, 20),
            report(Some("payments"), 6),
            report(Some("content"), 5),
            report(Some("search"), 5),
        ],
    }
}

pub(crate) fn rules(mood: Mood) -> (Vec<RuleStatus>, Vec<AlertInstance>) {
    let rule = |rule: &str, expr: &str, state, summary: &str| RuleStatus {
        group: "default".to_owned(),
        name: name(mood, rule),
        expr: expr.to_owned(),
        hold_seconds: 15.0,
        keep_firing_seconds: 60.0,
        labels: labels(mood),
        annotations: LabelSet::new([("summary".to_owned(), name(mood, summary))]),
        state,
        last_evaluation: Some(ago(4.0)),
        evaluation_seconds: 0.0031,
        last_error: (mood == Mood::Hostile).then(|| name(mood, "parse error")),
        alerts: Vec::new(),
    };
    match mood {
        Mood::Empty => (Vec::new(), Vec::new()),
        _ => (
            vec![
                rule(
                    "HighLatency",
                    "histogram_quantile(0.99, sum by (service, le)(rate(traces_span_metrics_duration_seconds_bucket{kind=\"SPAN_KIND_SERVER\"}[1m]))) > 1",
                    AlertState::Inactive,
                    "p99 above 1 s",
                ),
                rule(
                    "HighErrorRatio",
                    "sum by (service)(rate(traces_span_metrics_calls_total{kind=\"SPAN_KIND_SERVER\",status=\"STATUS_CODE_ERROR\"}[1m])) / sum by (service)(rate(traces_span_metrics_calls_total{kind=\"SPAN_KIND_SERVER\"}[1m])) > 0.05",
                    AlertState::Firing,
                    "more than 5 % of requests fail",
                ),
                rule(
                    "NewException",
                    "sum by (service, group)(increase(exceptions_total[1m])) > 5",
                    AlertState::Pending,
                    "an exception that was not there before",
                ),
            ],
            vec![alert(mood)],
        ),
    }
}

#[expect(clippy::too_many_lines, reason = "sample data, written out")]
pub(crate) fn status_found(mood: Mood) -> status::Found {
    if mood == Mood::Empty {
        return status::Found {
            version: "0.1.0",
            ..status::Found::default()
        };
    }
    let source = |receiver: &str, signal: &str, service: &str, n, last| {
        (
            receiver.to_owned(),
            signal.to_owned(),
            name(mood, service),
            n,
            ago(last),
        )
    };
    let dataset = |splits, records, bytes| DatasetStats {
        splits,
        split_records: records,
        split_bytes: bytes,
        tail_records: 2204,
        tail_bytes: 811_232,
    };
    let disk = |what: &str, bytes| DiskUse {
        what: what.to_owned(),
        bytes,
    };
    status::Found {
        ingest: IngestReport {
            sources: vec![
                source("in_process", "logs", "content", 812_004, 0.4),
                source("in_process", "traces", "content", 2_400_118, 0.4),
                source("otlp_grpc", "logs", "payments", 31_009, 312.0),
                source("ingest", "logs", "cron", 1_204, 44.0),
            ],
            drops: vec![
                ("schema".to_owned(), 37),
                ("not_json".to_owned(), 4),
                ("overload".to_owned(), 0),
            ],
            wal_bytes: 88 << 20,
            memory_used: 61 << 20,
            memory_budget: 1 << 30,
            batches_behind: 212,
        },
        disk: vec![
            disk("write-ahead log", 88 << 20),
            disk("log splits", 412 << 20),
            disk("span splits", 230 << 20),
            disk("metrics", 31 << 20),
            disk("database", 2 << 20),
        ],
        datasets: vec![
            ("logs", dataset(9, 1_204_117, 412 << 20)),
            ("quarantine", dataset(1, 41, 20_112)),
            ("spans", dataset(7, 2_400_118, 230 << 20)),
        ],
        series: TsdbStats {
            head_series: 1_840,
            head_samples: 441_002,
            blocks: 3,
            block_bytes: 31 << 20,
            refused_samples: 0,
        },
        destinations: vec![
            DestinationStatus {
                name: name(mood, "pagerduty"),
                kind: "pagerduty".to_owned(),
                queued: 0,
                delivered: 14,
                dead: 0,
                last_success_at: Some(ago(444.0)),
                last_error: None,
                breaker_open: false,
            },
            DestinationStatus {
                name: "statuspage hook".to_owned(),
                kind: "webhook".to_owned(),
                queued: 3,
                delivered: 9,
                dead: 1,
                last_success_at: None,
                last_error: Some(name(mood, "410 gone")),
                breaker_open: true,
            },
        ],
        inbox: vec![InboxEntry {
            at: ago(444.0),
            path: "/pagerduty/v2/enqueue".to_owned(),
            body: json!({"event_action": "trigger", "dedup_key": "20261122-7f3a",
            "payload": {"summary": message(mood, "content fails 31 % of requests"), "severity": "critical", "source": "content"}}),
        }],
        quarantine_rate: 0.4,
        version: "0.1.0",
        started_at: ago(7_300.0),
    }
}
