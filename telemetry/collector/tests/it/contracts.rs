//! Contracts of teams: what becomes of what breaks them, and what a replay makes of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use watchfire_collector::QuarantineReplay;
use watchfire_schemas::{
    ReplayReport, ReplayRequest, ReplayState, SchemaVersion, TimeRange, Timestamp, contract_keys,
};

use crate::stage::{NOW, Stage};

fn line(n: i64, event: &str, order: &Value) -> String {
    let at = Timestamp::from_secs(NOW - 60 + n);
    json!({"timestamp": at, "severity": "INFO", "service": {"name": "shop"},
        "message": format!("order {n}"), "event_name": event, "order": order})
    .to_string()
}

fn register(stage: &Stage, definition: Value) {
    let definition = serde_json::from_value(definition).expect("the stage is sound");
    stage
        .contracts
        .register(definition)
        .expect("the stage is sound");
}

/// A schema for an event of the same name as its policy.
fn schema(policy: &str, id_type: &str) -> Value {
    json!({"name": policy, "event_name": policy, "policy": policy, "schema": {
        "properties": {"order": {"properties": {"id": {"type": id_type}}}}}})
}

async fn replay(replay: &QuarantineReplay, schema: &str, dry_run: bool) -> ReplayReport {
    let request = ReplayRequest {
        schema: Some(schema.to_owned()),
        service: Some("shop".to_owned()),
        path: None,
        range: TimeRange::ALL,
        dry_run,
    };
    let id = replay.start(request).expect("the stage is sound");
    loop {
        let report = replay.report(id).expect("the stage is sound");
        if report.state != ReplayState::Running {
            return report;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn counts(report: &ReplayReport) -> [u64; 4] {
    assert_eq!(report.state, ReplayState::Done, "{report:?}");
    [
        report.examined,
        report.replayed,
        report.already_replayed,
        report.still_failing,
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_policy_counts_and_only_some_keep() {
    let stage = Stage::new().await;
    for policy in ["warn", "quarantine", "reject"] {
        register(&stage, schema(policy, "integer"));
    }
    let lines: Vec<String> = ["warn", "quarantine", "reject", "other"]
        .iter()
        .flat_map(|event| {
            [json!({"id": 1}), json!({"id": "1"})].map(|order| line(1, event, &order))
        })
        .collect();
    let answer = stage.lines(&lines).await;
    let counts =
        ["accepted", "quarantined", "rejected"].map(|key| answer[key].as_u64().unwrap_or_default());
    assert_eq!(counts, [6, 1, 1]);
    assert_eq!(answer["errors"][1]["line"], 6);
    assert_eq!(answer["errors"][1]["path"], "/order/id");
    assert_eq!(answer["errors"][1]["schema"], "reject.v1");
    for policy in ["warn", "quarantine", "reject"] {
        let series = format!("schema_violations_total{{schema=\"{policy}.v1\",service=\"shop\"}}");
        assert!((stage.value(&series) - 1.0).abs() < 1e-9, "{policy}");
    }
    let marked = stage.logs("watchfire.contract.schema:warn.v1").await;
    assert_eq!(marked.len(), 1);
    assert_eq!(marked[0].attributes[contract_keys::PATH], "/order/id");
    stage.collector.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_after_a_fix_becomes_a_record_once() {
    let stage = Stage::new().await;
    register(&stage, schema("quarantine", "integer"));
    let mut lines: Vec<String> = (0..450)
        .map(|n| line(n % 60, "quarantine", &json!({"id": "text"})))
        .collect();
    lines.push(line(0, "quarantine", &json!({"id": null})));
    let answer = stage.lines(&lines).await;
    assert_eq!(answer["quarantined"], 451);
    let replays = stage.collector.quarantine_replay(Arc::clone(&stage.events));
    let report = replay(&replays, "quarantine.v1", false).await;
    assert_eq!(counts(&report), [451, 0, 0, 451]);
    assert_eq!(report.failures[0].path, "/order/id");

    register(&stage, schema("quarantine", "string"));
    let report = replay(&replays, "quarantine", true).await;
    assert_eq!(counts(&report), [451, 450, 0, 1]);
    assert!(stage.logs("").await.is_empty(), "a dry run takes nothing");
    let report = replay(&replays, "quarantine.v1", false).await;
    assert_eq!(counts(&report), [451, 450, 0, 1]);
    let report = replay(&replays, "quarantine.v1", false).await;
    assert_eq!(counts(&report), [451, 0, 450, 1]);

    let logs = stage.logs("").await;
    assert_eq!(logs.len(), 450);
    assert!(
        logs.iter()
            .all(|log| log.timestamp < Timestamp::from_secs(NOW))
    );
    assert!(logs[0].attributes.contains_key(contract_keys::REPLAY_OF));
    assert_eq!(
        stage.quarantine("").await.len(),
        451,
        "the quarantine stays"
    );
    // With the second version gone, the first judges again.
    let version = SchemaVersion::new("2");
    stage.contracts.remove("quarantine", &version).unwrap();
    let report = replay(&replays, "quarantine.v2", false).await;
    assert_eq!(counts(&report), [0, 0, 0, 0]);
    stage.collector.close().await;
    let stopped = replays.start(ReplayRequest {
        schema: None,
        service: None,
        path: None,
        range: TimeRange::ALL,
        dry_run: false,
    });
    assert!(stopped.is_err());
}
