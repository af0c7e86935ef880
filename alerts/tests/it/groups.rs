use std::time::Duration;

use watchfire_alerts::GroupStatus;
use watchfire_schemas::{ExceptionSeen, Origin};

use crate::house::House;
use crate::script::Script;

const RULES: &str = "
groups:
  - name: test
    interval: 1h
    rules:
      - alert: Surge
        expr: exceptions_total{service='content'} > 20
        labels: {severity: error}
        annotations: {signal: exceptions}
";

fn seen(group: &str, at: u64) -> ExceptionSeen {
    ExceptionSeen {
        group: group.to_owned(),
        service: "content".to_owned(),
        kind: "TimeoutError".to_owned(),
        message: format!("{group} took too long"),
        culprit: "places::find".to_owned(),
        at: Script::START + Duration::from_secs(at),
        release: Some("v1".to_owned()),
        environment: None,
        trace_id: None,
        span_id: None,
        origin: Origin::Log,
        hashes: watchfire_schemas::ExceptionHashes::default(),
        user: None,
    }
}

#[tokio::test]
async fn an_incident_ranks_exceptions_by_change() {
    let house = House::open(RULES, 3990).await;
    house.script.add("log_records_total content", 0..4100, 5.0);
    house
        .script
        .add("exceptions_total service=", 4000..4100, 3.0);
    house
        .script
        .add("exceptions_total group=\"usual\"", 0..4100, 1.0);
    house
        .script
        .add("exceptions_total group=\"fresh\"", 4000..4100, 2.0);
    let alerts = house.alerts();
    alerts
        .exceptions_seen(vec![
            seen("usual", 100),
            seen("usual", 4010),
            seen("fresh", 4001),
        ])
        .await
        .unwrap();
    house.step_to(4030).await;
    let incident = house.incident().await;
    let ranked: Vec<(&str, bool)> = incident
        .exceptions
        .iter()
        .map(|e| (e.group.as_str(), e.is_new))
        .collect();
    assert_eq!(ranked, [("fresh", true), ("usual", false)]);
    let usual = incident.exceptions[1].ratio.unwrap();
    assert!((0.5..1.5).contains(&usual), "{usual}");
}

#[tokio::test]
async fn groups_are_resolved_and_regress() {
    let mut house = House::open(RULES, 500).await;
    let batch = vec![seen("a", 100), seen("a", 400), seen("b", 300)];
    house.alerts().exceptions_seen(batch.clone()).await.unwrap();
    let resolved = house
        .alerts()
        .set_group(
            "a",
            Some(GroupStatus::Resolved),
            Some(Some("ada".to_owned())),
            "ada",
        )
        .await
        .unwrap();
    assert_eq!(
        (resolved.status, resolved.assignee.as_deref()),
        (GroupStatus::Resolved, Some("ada"))
    );
    house.restart().await;

    // A replay is no regression; what comes later is.
    house.alerts().exceptions_seen(batch).await.unwrap();
    let same = house.alerts().exception_group("a").await.unwrap().unwrap();
    assert_eq!(
        (same.status, same.regressed_at),
        (GroupStatus::Resolved, None)
    );
    house
        .alerts()
        .exceptions_seen(vec![seen("a", 600)])
        .await
        .unwrap();
    let back = house.alerts().exception_group("a").await.unwrap().unwrap();
    assert_eq!(back.status, GroupStatus::Open);
    assert_eq!(
        back.regressed_at,
        Some(Script::START + Duration::from_mins(10))
    );

    let open = house
        .alerts()
        .exception_groups(Some("content"), Some(GroupStatus::Open), 10)
        .await
        .unwrap();
    let ids: Vec<&str> = open.iter().map(|g| g.id.as_str()).collect();
    assert_eq!(ids, ["a", "b"]);
    assert!(
        house
            .alerts()
            .set_group("c", None, None, "ada")
            .await
            .is_err()
    );
}
