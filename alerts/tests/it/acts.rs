use std::time::Duration;

use watchfire_alerts::{ActError, HumanAct, IncidentStatus, OnsetSource, TimelineKind};
use watchfire_schemas::{ChangeEvent, ChangeKind};

use crate::house::{House, seconds};
use crate::script::Script;

const RULES: &str = "
groups:
  - name: test
    interval: 1h
    rules:
      - alert: Failing
        expr: exceptions_total{service='content'} > 5
        labels: {severity: critical}
        annotations: {signal: exceptions}
";

async fn failing() -> House {
    let house = House::open(RULES, 3990).await;
    house
        .script
        .add("exceptions_total content", 4000..4100, 2.0);
    house.step_to(4020).await;
    house
}

fn refusal<T: std::fmt::Debug>(result: Result<T, ActError>) -> String {
    match result.unwrap_err() {
        ActError::Refused(reason) => reason,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_human_sets_the_onset_for_good() {
    let house = failing().await;
    let incident = house.incident().await;
    let id = incident.id.as_str();
    let at = |s: u64| Script::START + Duration::from_secs(s);
    let onset = |s: u64, why: &str| HumanAct::SetOnset {
        at: at(s),
        why: why.to_owned(),
    };

    let future = refusal(house.act(id, "ada", onset(9000, "typo")).await);
    assert_eq!(future, "the onset cannot lie in the future");
    let late = refusal(house.act(id, "ada", onset(4015, "typo")).await);
    assert!(
        late.starts_with("the onset cannot come after the detection"),
        "{late}"
    );
    let error = house.act(id, "ada", onset(3950, " ")).await.unwrap_err();
    assert_eq!(error.to_string(), "onset.reason: is required");
    let error = house.act(id, "", onset(3950, "why")).await.unwrap_err();
    assert_eq!(error.to_string(), "who: is required");

    let set = house
        .act(id, "ada", onset(3950, "the deploy log says so"))
        .await
        .unwrap();
    assert_eq!(seconds(set.onset.at), 3950.0);
    house.step_to(4400).await;
    let closed = house.incident().await;
    assert_eq!(closed.status, IncidentStatus::Resolved);
    assert_eq!(closed.onset.source, OnsetSource::Human);
    assert_eq!(closed.onset.set_by.as_deref(), Some("ada"));
    assert_eq!(seconds(closed.onset.at), 3950.0);
    assert!(
        closed
            .timeline
            .iter()
            .any(|e| e.kind == TimelineKind::OnsetSet)
    );
}

#[tokio::test]
async fn humans_acknowledge_note_and_resolve() {
    let house = failing().await;
    house.delivered(1).await;
    let id = house.incident().await.id;
    let act = async |who: &str, act| house.act(&id, who, act).await;
    let taken = act("ada", HumanAct::Acknowledge).await.unwrap();
    assert_eq!(taken.status, IncidentStatus::Acknowledged);
    let again = act("bob", HumanAct::Acknowledge).await.unwrap();
    assert_eq!(again.acknowledged_by.as_deref(), Some("ada"));
    act("ada", HumanAct::Note("rolled back".to_owned()))
        .await
        .unwrap();
    let closed = act("ada", HumanAct::Resolve).await.unwrap();
    assert_eq!(closed.status, IncidentStatus::Resolved);
    refusal(act("ada", HumanAct::Acknowledge).await);
    house.delivered(2).await;
    // The alert still fires; that opens nothing.
    house.step_to(4300).await;
    assert_eq!(house.incidents().await.len(), 1);
    assert_eq!(house.receiver.statuses(), ["firing", "resolved"]);
    let missing = house
        .act("nosuch", "ada", HumanAct::Resolve)
        .await
        .unwrap_err();
    assert_eq!(missing.to_string(), "there is no incident nosuch");
}

#[tokio::test]
async fn changes_around_onset_stand_on_the_incident() {
    let house = House::open(RULES, 3990).await;
    house
        .script
        .add("exceptions_total content", 4000..4100, 2.0);
    for (service, at) in [("content", 3980), ("gateway", 3990), ("content", 1000)] {
        let change = ChangeEvent {
            id: String::new(),
            at: Script::START + Duration::from_secs(at),
            kind: ChangeKind::Deploy,
            service: service.to_owned(),
            summary: "v2".to_owned(),
            version: None,
            author: None,
            link: None,
            attributes: watchfire_schemas::Attributes::new(),
        };
        let kept = house.alerts().record_change(change).await.unwrap();
        assert!(!kept.id.is_empty());
    }
    house.step_to(4020).await;
    let incident = house.incident().await;
    let changes: Vec<&str> = incident
        .changes
        .iter()
        .map(|c| c.service.as_str())
        .collect();
    assert_eq!(changes, ["content", "gateway"]);
    let told = incident
        .timeline
        .iter()
        .filter(|e| e.kind == TimelineKind::Change)
        .count();
    assert_eq!(told, 2);
}
