//! From incidents of the real evaluation to response times, series and `/metrics`.

use std::time::Duration;

use watchfire_alerts::{CauseKind, Grouping, HumanAct, Measure, Reading, Scope, WarningKind};
use watchfire_schemas::{Sample, TimeRange, Timestamp};

use crate::house::House;
use crate::script::Script;

const RULES: &str = "
groups:
  - name: test
    interval: 1h
    rules:
      - alert: Failing
        expr: exceptions_total{service='content'} > 5
        labels: {severity: critical, team: maps}
        annotations: {signal: exceptions}
";

fn all() -> Scope {
    Scope::all(TimeRange::ALL)
}

/// Two failures: one of 100 seconds that is over, one that goes on.
async fn two_failures() -> House {
    let house = House::open(RULES, 3990).await;
    house
        .script
        .add("exceptions_total content", 4000..4100, 2.0);
    house.step_to(4020).await;
    house.delivered(1).await;
    house.step_to(4400).await;
    house
        .script
        .add("exceptions_total content", 6000..6300, 2.0);
    house.step_to(6040).await;
    house.delivered(3).await;
    house
}

/// What was written of response times: metric, second since the start, value.
fn recorded(house: &House) -> Vec<(String, f64, f64)> {
    let written = house.script.take_written().into_iter();
    written
        .filter(|(series, ..)| series.starts_with("watchfire_incident_"))
        .filter(|(_, _, value)| value.to_bits() != Sample::STALE.to_bits())
        .collect()
}

#[tokio::test]
async fn response_times_are_those_of_the_incidents() {
    let house = two_failures().await;
    let incidents = house.incidents().await;
    assert_eq!(incidents.len(), 2);
    let told = house
        .alerts()
        .reliability(&all(), Some(Grouping::Team))
        .await
        .unwrap();
    assert_eq!((told.all.incidents, told.all.open), (2, 1));
    assert_eq!(told.groups[0].key.as_deref(), Some("maps"));
    // Newest first there, earliest onset first here.
    for (incident, measured) in incidents.iter().rev().zip(&told.incidents) {
        assert_eq!(incident.id, measured.id);
        let ttd = incident.times.ttd_seconds.map(Reading::Over).unwrap();
        assert_eq!(measured.reading(Measure::Detect), ttd);
        let phases: f64 = measured.phases.iter().map(|phase| phase.seconds).sum();
        let whole: f64 = incident.phases.iter().map(|phase| phase.seconds).sum();
        assert!((phases - whole).abs() < 1e-9);
    }
    let ttr = told.all.ttr;
    assert_eq!((ttr.n, ttr.censored, ttr.running), (1, 1, 1));
    assert_eq!(ttr.median, incidents[1].times.ttr_seconds);
    // Nobody acknowledged the first before it was over.
    assert_eq!(
        (told.all.tta.n, told.all.tta.censored, told.all.tta.running),
        (0, 2, 1)
    );
    let later = TimeRange {
        start: Script::START + Duration::from_secs(5000),
        end: Timestamp::MAX,
    };
    let later = house
        .alerts()
        .reliability(&Scope::all(later), None)
        .await
        .unwrap();
    assert_eq!(later.all.incidents, 1);
}

#[tokio::test]
async fn what_humans_change_is_seen_at_once() {
    let house = two_failures().await;
    let alerts = house.alerts();
    let id = house.incidents().await[0].id.clone();
    let before = alerts.reliability(&all(), None).await.unwrap();
    house.act(&id, "ada", HumanAct::Acknowledge).await.unwrap();
    let began = Script::START + Duration::from_secs(5900);
    let set = HumanAct::SetOnset {
        at: began,
        why: "the deploy log".to_owned(),
    };
    house.act(&id, "ada", set).await.unwrap();
    let after = alerts.reliability(&all(), None).await.unwrap();
    assert_eq!((before.all.tta.n, after.all.tta.n), (0, 1));
    let newest = after.incidents.last().unwrap();
    assert_eq!(newest.onset_at, began);
    assert!(after.all.ttd.p90 > before.all.ttd.p90);

    let cause = |kind| HumanAct::SetCause {
        kind,
        text: "seen in the log".to_owned(),
    };
    house
        .act(&id, "ada", cause(CauseKind::Capacity))
        .await
        .unwrap();
    let by_cause = alerts
        .reliability(&all(), Some(Grouping::Cause))
        .await
        .unwrap();
    let mut keys: Vec<_> = by_cause
        .groups
        .iter()
        .filter_map(|group| group.key.as_deref())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["capacity", "no cause"]);
    house
        .act(&id, "ada", cause(CauseKind::FalseAlarm))
        .await
        .unwrap();
    let without = alerts.reliability(&all(), None).await.unwrap();
    assert_eq!(without.all.incidents, 1);
    assert!(
        without
            .warnings
            .iter()
            .any(|told| told.kind == WarningKind::FalseAlarms)
    );
}

#[tokio::test]
async fn what_was_merged_counts_once() {
    let house = two_failures().await;
    let incidents = house.incidents().await;
    house
        .act(&incidents[1].id, "ada", HumanAct::Reopen)
        .await
        .unwrap();
    let into = HumanAct::Merge {
        into: incidents[1].id.clone(),
    };
    house.act(&incidents[0].id, "ada", into).await.unwrap();
    let told = house.alerts().reliability(&all(), None).await.unwrap();
    assert_eq!(told.all.incidents, 1);
    assert_eq!(told.incidents[0].id, incidents[1].id);
}

#[tokio::test]
async fn a_resolved_incident_is_recorded_once() {
    let mut house = two_failures().await;
    let incident = house.incidents().await.pop().unwrap();
    let resolved = incident.resolved_at.unwrap().seconds_since(Script::START);
    // The task looks every few seconds, and at once after a start.
    house.restart().await;
    let mut written = Vec::new();
    for _ in 0..1200 {
        written.extend(recorded(&house));
        if !written.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let of = |name: &str| -> Vec<(f64, f64)> {
        let named = written
            .iter()
            .filter(|(series, ..)| series.starts_with(name));
        named.map(|(_, at, value)| (*at, *value)).collect()
    };
    let count = of("watchfire_incident_ttd_seconds_count{");
    assert_eq!(count, [(resolved - 15.0, 0.0), (resolved, 1.0)]);
    let last = of("watchfire_incident_last_ttr_seconds{");
    assert_eq!(last, [(resolved, incident.times.ttr_seconds.unwrap())]);
    assert!(
        of("watchfire_incident_tta_seconds").is_empty(),
        "nobody acknowledged"
    );

    // A later start writes nothing again, and goes on counting where it was.
    house.restart().await;
    let id = house.incidents().await[0].id.clone();
    house.act(&id, "ada", HumanAct::Resolve).await.unwrap();
    let mut written = Vec::new();
    for _ in 0..1200 {
        written.extend(recorded(&house));
        if !written.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let counts = written
        .iter()
        .filter(|(series, ..)| series.starts_with("watchfire_incident_ttd_seconds_count{"));
    let counts: Vec<f64> = counts.map(|(_, _, value)| *value).collect();
    assert_eq!(counts, [2.0]);
}
