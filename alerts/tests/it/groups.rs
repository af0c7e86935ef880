use std::time::Duration;

use watchfire_alerts::{GroupAct, GroupEvent, GroupStatus, IgnoredUntil, ResolveIn};
use watchfire_schemas::{ExceptionHashes, ExceptionSeen, Origin};

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
        hashes: ExceptionHashes::default(),
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

fn of_release(group: &str, at: u64, release: &str) -> ExceptionSeen {
    ExceptionSeen {
        release: Some(release.to_owned()),
        ..seen(group, at)
    }
}

#[tokio::test]
async fn a_group_that_is_resolved_in_a_release_comes_back_only_in_one_that_is_as_new() {
    let house = House::open(RULES, 500).await;
    let alerts = house.alerts();
    let first = vec![of_release("a", 100, "1.2.0"), of_release("b", 110, "1.3.0")];
    alerts.exceptions_seen(first).await.unwrap();
    let next = vec![GroupAct::Resolve(ResolveIn::NextRelease)];
    alerts.act_on_group("a", "ada", next).await.unwrap();
    let old = vec![of_release("a", 600, "1.2.0"), of_release("a", 700, "1.3.0")];
    alerts.exceptions_seen(old).await.unwrap();
    let group = alerts.exception_group("a").await.unwrap().unwrap();
    assert_eq!(group.status, GroupStatus::Resolved);
    alerts
        .exceptions_seen(vec![of_release("a", 800, "1.3.1")])
        .await
        .unwrap();
    let group = alerts.exception_group("a").await.unwrap().unwrap();
    assert_eq!(group.status, GroupStatus::Open);
    assert_eq!(group.triage.regressed_in.as_deref(), Some("1.3.1"));
    let log = alerts.exception_group_log("a", 10).await.unwrap();
    let kinds: Vec<GroupEvent> = log.iter().map(|entry| entry.kind).collect();
    assert!(kinds.contains(&GroupEvent::Regressed), "{kinds:?}");
    let releases = alerts.exception_group_releases(&group).await.unwrap();
    let releases: Vec<&str> = releases.iter().map(|r| r.release.as_str()).collect();
    assert_eq!(releases, ["1.3.1", "1.3.0", "1.2.0"]);
    let counted = house.script.take_written().into_iter();
    let changes: Vec<String> = counted
        .map(|(series, _, _)| series)
        .filter(|series| series.starts_with("exception_groups_changed_total"))
        .collect();
    assert_eq!(changes.len(), 3, "{changes:?}");
    assert!(
        changes
            .iter()
            .any(|series| series.contains("change=\"regressed\""))
    );
}

#[tokio::test]
async fn what_was_merged_is_one_group_until_it_is_split_again() {
    let house = House::open(RULES, 500).await;
    let alerts = house.alerts();
    let all = vec![seen("a", 100), seen("b", 300), seen("c", 200)];
    alerts.exceptions_seen(all).await.unwrap();
    let before = alerts.exception_group("b").await.unwrap().unwrap();
    let merge = |into: &'static str, other: &str| {
        let acts = vec![GroupAct::Merge(vec![other.to_owned()])];
        async move { alerts.act_on_group(into, "ada", acts).await }
    };
    merge("b", "c").await.unwrap();
    let merged = merge("a", "b").await.unwrap();
    assert_eq!(merged.triage.members, ["b", "c"]);
    assert_eq!(merged.last_seen, before.last_seen);
    assert_eq!(merged.selector(), "exceptions_total{group=~\"a|b|c\"}");
    assert_eq!(
        alerts.exception_groups(None, None, 9).await.unwrap().len(),
        1
    );
    assert!(
        merge("c", "a").await.is_err(),
        "it is of this group already"
    );

    // What happens to a part, happens to the group.
    let resolve = vec![GroupAct::Resolve(ResolveIn::Now)];
    alerts.act_on_group("c", "ada", resolve).await.unwrap();
    alerts.exceptions_seen(vec![seen("c", 600)]).await.unwrap();
    let back = alerts.exception_group("a").await.unwrap().unwrap();
    assert_eq!(back.status, GroupStatus::Open);
    assert!(back.regressed_at.is_some());

    let split = vec![GroupAct::Split(vec!["b".to_owned()])];
    let left = alerts.act_on_group("a", "ada", split).await.unwrap();
    assert!(left.triage.members.is_empty());
    let again = alerts.exception_group("b").await.unwrap().unwrap();
    assert_eq!(again.triage.members, ["c"]);
    assert_eq!(again.first_seen, seen("c", 200).at);
    assert_eq!(again.regressed_at, None);
}

#[tokio::test]
async fn one_hash_in_common_joins() {
    let house = House::open(RULES, 500).await;
    let alerts = house.alerts();
    let of = |group: &str, app: &str, at| ExceptionSeen {
        hashes: ExceptionHashes {
            app: Some(app.to_owned()),
            system: Some("all".to_owned()),
            ..ExceptionHashes::default()
        },
        ..seen(group, at)
    };
    alerts
        .exceptions_seen(vec![of("a", "1", 100), of("b", "2", 200)])
        .await
        .unwrap();
    let joined = alerts.exception_group("b").await.unwrap().unwrap();
    assert_eq!(
        (joined.id.as_str(), joined.triage.members),
        ("a", vec!["b".to_owned()])
    );
    let split = vec![GroupAct::Split(vec!["b".to_owned()])];
    alerts.act_on_group("a", "ada", split).await.unwrap();
    alerts
        .exceptions_seen(vec![of("b", "2", 300)])
        .await
        .unwrap();
    assert_eq!(alerts.exception_group("b").await.unwrap().unwrap().id, "b");
}

#[tokio::test]
async fn an_ignored_group_is_heard_of_again() {
    let house = House::open(RULES, 4000).await;
    house
        .script
        .add("exceptions_total{group=\"a\"}", 4000..4100, 1.0);
    house
        .script
        .add("exceptions_total{group=\"b\"}", 0..4000, 0.1);
    house
        .script
        .add("exceptions_total{group=\"b\"}", 4000..4100, 60.0);
    let alerts = house.alerts();
    alerts
        .exceptions_seen(vec![seen("a", 100), seen("b", 100)])
        .await
        .unwrap();
    let until = IgnoredUntil {
        count: Some(40),
        ..IgnoredUntil::default()
    };
    alerts
        .act_on_group("a", "ada", vec![GroupAct::Ignore(until)])
        .await
        .unwrap();
    alerts
        .act_on_group("b", "ada", vec![GroupAct::Archive])
        .await
        .unwrap();
    alerts
        .exceptions_seen(vec![seen("a", 4001), seen("b", 4001)])
        .await
        .unwrap();
    alerts.look_after_groups().await.unwrap();
    for id in ["a", "b"] {
        let group = alerts.exception_group(id).await.unwrap().unwrap();
        assert_ne!(group.status, GroupStatus::Open, "{id} too early");
    }
    house.step_to(4100).await;
    let alerts = house.alerts();
    alerts.look_after_groups().await.unwrap();
    for id in ["a", "b"] {
        let group = alerts.exception_group(id).await.unwrap().unwrap();
        assert_eq!(group.status, GroupStatus::Open, "{id}");
        assert!(group.triage.escalated_at.is_some(), "{id}");
    }
}
