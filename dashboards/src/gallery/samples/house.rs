//! The state of the house itself.

use super::*;

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
        expired_records: 31_000,
        evicted_records: 0,
        late_records: 12,
        future_records: 0,
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
            limited: vec![("operation".to_owned(), 1_204)],
            wal_bytes: 88 << 20,
            memory_used: 61 << 20,
            memory_budget: 1 << 30,
            batches_behind: 212,
            dead_letters: 0,
        },
        disk: vec![
            disk("write-ahead log", 88 << 20),
            disk("log splits", 412 << 20),
            disk("span splits", 230 << 20),
            disk("metrics", 31 << 20),
            disk("database", 2 << 20),
        ],
        disk_limit: DiskLimit {
            used: 763 << 20,
            allowed: 80 << 30,
            free: 99 << 30,
            is_short: false,
        },
        datasets: vec![
            ("logs", dataset(9, 1_204_117, 412 << 20)),
            ("quarantine", dataset(1, 41, 20_112)),
            ("spans", dataset(7, 2_400_118, 230 << 20)),
        ],
        series: series_found(mood),
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

fn series_found(mood: Mood) -> status::series::SeriesFound {
    let down = LabelSet::metric(
        "up",
        [
            ("job", name(mood, "shop")),
            ("instance", "10.0.0.7:80".to_owned()),
        ],
    );
    status::series::SeriesFound {
        stats: TsdbStats {
            head_series: 840_000,
            max_series: 1_000_000,
            head_samples: 441_002,
            blocks: 3,
            block_bytes: 31 << 20,
            block_samples: 22_000_000,
            refused_samples: 12,
            memory_bytes: 200 << 20,
            max_memory: 512 << 20,
            ..TsdbStats::default()
        },
        cardinality: TsdbCardinality {
            values_by_label: vec![
                (name(mood, "user_id"), 700_000),
                ("instance".to_owned(), 40),
            ],
            series_by_metric: vec![(name(mood, "requests_total"), 800_000)],
            series_by_pair: vec![(name(mood, "job=shop"), 800_000)],
            ..TsdbCardinality::default()
        },
        refused: vec![
            ("too_old", "it is older than the retention", 12),
            ("no_name", "no name", 0),
        ],
        rate: Some(4_200.0),
        targets: 14,
        down: vec![down],
    }
}
