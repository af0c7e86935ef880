use watchfire_alerts::{
    AlertState, HumanAct, IncidentStatus, OnsetMethod, OnsetSource, TimelineKind,
};
use watchfire_schemas::AlertSeverity;

use crate::house::{House, seconds};

const RULES: &str = "
groups:
  - name: test
    interval: 1h
    rules:
      - alert: Failing
        expr: traces_span_metrics_calls_total{service='content',status='STATUS_CODE_ERROR'} > 20
        for: 5s
        labels: {severity: error}
        annotations:
          summary: '{{ $labels.service }}: {{ $value }} errors'
          signal: errors
";
const ERRORS: &str = "traces_span_metrics_calls_total STATUS_CODE_ERROR content";
const CALLS: &str = "traces_span_metrics_calls_total content";

const FAILS: usize = 4002;
const MENDED: usize = 4100;

/// Five requests a second, of which all fail for a while.
async fn failing() -> House {
    let house = House::open(RULES, 3980).await;
    house.script.add(CALLS, 0..6000, 5.0);
    house.script.add(ERRORS, FAILS..MENDED, 5.0);
    house
}

fn statuses(house: &House) -> Vec<String> {
    house.receiver.statuses()
}

#[tokio::test]
async fn a_failure_is_timed_from_onset_to_resolve_and_paged_once() {
    scripted_failure(false).await;
}

#[tokio::test]
async fn restarts_at_every_stage_change_nothing() {
    scripted_failure(true).await;
}

async fn scripted_failure(restarts: bool) {
    let mut house = failing().await;
    let pause = async |house: &mut House| {
        if restarts {
            house.restart().await;
        }
    };
    // 4005: 15 errors in the window; 4010: 40, true; 4015: held for 5 s, fires.
    house.step_to(4010).await;
    let pending: Vec<AlertState> = house
        .alerts()
        .active_alerts()
        .iter()
        .map(|a| a.state)
        .collect();
    assert_eq!(pending, [AlertState::Pending]);
    assert!(house.incidents().await.is_empty());
    pause(&mut house).await;

    house.step_to(4015).await;
    let opened = house.incident().await;
    assert_eq!(opened.status, IncidentStatus::Triggered);
    assert_eq!(seconds(opened.detected_at), 4015.0);
    pause(&mut house).await;

    house.step_to(4020).await;
    house.delivered(1).await;
    pause(&mut house).await;

    house.step_to(4040).await;
    let paged = house.incident().await;
    assert_eq!(seconds(paged.notified_at.unwrap()), 4020.0);
    assert_eq!(paged.title, "content: 75 errors");
    house
        .act(&paged.id, "ada", HumanAct::Acknowledge)
        .await
        .unwrap();
    pause(&mut house).await;

    house.step_to(4170).await;
    let recovered = house.incident().await;
    assert_eq!(
        recovered.status,
        IncidentStatus::Recovered,
        "{recovered:#?}"
    );
    assert_eq!(statuses(&house), ["firing"]);
    pause(&mut house).await;

    house.step_to(4200).await;
    house.delivered(2).await;
    pause(&mut house).await;
    house.step_to(4300).await;
    check_resolved(&house).await;
}

async fn check_resolved(house: &House) {
    let incident = house.incident().await;
    assert_eq!(incident.status, IncidentStatus::Resolved);
    assert_eq!(incident.severity, AlertSeverity::Error);
    assert_eq!(incident.services, ["content"]);
    let onset = &incident.onset;
    let fails = FAILS as f64;
    assert_eq!(
        (onset.source, onset.method),
        (OnsetSource::Estimated, OnsetMethod::StepV2)
    );
    assert!((seconds(onset.at) - fails).abs() <= 2.0, "{onset:?}");
    assert!(
        seconds(onset.earliest) <= fails && fails <= seconds(onset.latest),
        "{onset:?}"
    );
    assert!(
        onset
            .evidence
            .as_ref()
            .unwrap()
            .signal
            .starts_with("server errors of content")
    );
    let recovered = seconds(incident.recovered_at.unwrap());
    assert!((recovered - MENDED as f64).abs() <= 10.0, "{recovered}");
    assert!((incident.times.ttd_seconds.unwrap() - 13.0).abs() <= 2.0);
    assert!((incident.times.ttr_seconds.unwrap() - 98.0).abs() <= 12.0);
    assert_eq!(incident.times.tta_seconds, Some(20.0));
    assert_eq!(incident.acknowledged_by.as_deref(), Some("ada"));
    let phases: Vec<&str> = incident.phases.iter().map(|p| p.name.as_str()).collect();
    let expected = [
        "data_delay",
        "evaluation",
        "hold",
        "grouping",
        "delivery",
        "human",
        "repair",
    ];
    assert_eq!(phases, expected);
    let kinds: Vec<TimelineKind> = incident.timeline.iter().map(|e| e.kind).collect();
    let expected = [
        TimelineKind::Onset,
        TimelineKind::AlertPending,
        TimelineKind::Detected,
        TimelineKind::AlertFiring,
        TimelineKind::Notified,
        TimelineKind::Acknowledged,
        TimelineKind::Recovered,
        TimelineKind::AlertResolved,
        TimelineKind::Resolved,
        TimelineKind::Notified,
    ];
    assert_eq!(kinds, expected, "{:#?}", incident.timeline);
    assert_eq!(statuses(house), ["firing", "resolved"]);
    let first = &house.receiver.bodies()[0];
    assert_eq!(first["alerts"][0]["labels"]["service"], "content");
}

#[tokio::test]
async fn what_fails_again_before_its_end_is_the_same_incident() {
    let house = failing().await;
    house.script.add(ERRORS, 4172..4240, 5.0);
    house.step_to(4170).await;
    assert_eq!(house.incident().await.status, IncidentStatus::Recovered);
    house.step_to(4195).await;
    let reopened = house.incident().await;
    assert_eq!(reopened.status, IncidentStatus::Triggered);
    assert_eq!(reopened.recovered_at, None);
    house.step_to(4400).await;
    house.delivered(2).await;
    let incident = house.incident().await;
    assert_eq!(incident.status, IncidentStatus::Resolved);
    let recovered = seconds(incident.recovered_at.unwrap());
    assert!((recovered - 4240.0).abs() <= 10.0, "{recovered}");
    assert_eq!(statuses(&house), ["firing", "resolved"]);
}

#[tokio::test]
async fn what_fails_after_its_end_is_another_incident() {
    let house = failing().await;
    house.script.add(ERRORS, 4500..4560, 5.0);
    house.step_to(4700).await;
    house.delivered(4).await;
    let incidents = house.incidents().await;
    assert_eq!(incidents.len(), 2);
    let onset = &incidents[0].onset;
    assert!(
        (seconds(onset.at) - 4500.0).abs() <= 2.0,
        "{onset:?}, {:#?}",
        incidents[0].timeline
    );
    assert_eq!(
        statuses(&house),
        ["firing", "resolved", "firing", "resolved"]
    );
}

#[tokio::test]
async fn a_telemetry_that_does_not_answer_changes_no_state() {
    let house = failing().await;
    house.step_to(4020).await;
    house.script.set_broken(true);
    house.step_to(4060).await;
    let rule = house.alerts().rules().remove(0);
    assert_eq!(rule.state, AlertState::Firing);
    assert_eq!(
        rule.last_error.as_deref(),
        Some("the telemetry does not answer")
    );
    house.script.set_broken(false);
    house.step_to(4300).await;
    house.delivered(2).await;
    assert_eq!(house.incident().await.status, IncidentStatus::Resolved);
}
