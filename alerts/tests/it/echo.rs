use watchfire_alerts::{AlertState, IncidentStatus};

use crate::house::{House, seconds};

const ERRORS: &str = "traces_span_metrics_calls_total STATUS_CODE_ERROR content";
const CALLS: &str = "traces_span_metrics_calls_total content";

/// A rule that sees a failure at once, or one that sees it late and long after it is over.
fn rule(name: &str, window: u64, hold: u64) -> String {
    format!(
        "
      - alert: {name}
        expr: increase(traces_span_metrics_calls_total{{service='content',status='STATUS_CODE_ERROR'}}[{window}s]) > 20
        for: {hold}s
        labels: {{severity: error}}
        annotations: {{summary: it fails, signal: errors}}"
    )
}

/// Requests fail from 4002 to 4100; recovery is certain at 4160, the incident ends at 4190.
async fn failing(rules: &[String]) -> House {
    let rules = format!(
        "groups:\n  - name: test\n    interval: 1h\n    rules:{}",
        rules.concat()
    );
    let house = House::open(&rules, 3980).await;
    house.script.add(CALLS, 0..6000, 5.0);
    house.script.add(ERRORS, 4002..4100, 5.0);
    house
}

#[tokio::test]
async fn a_rule_that_sees_what_is_over_opens_no_second_incident() {
    // The slow rule would fire at 4210, of what ended at 4100.
    let house = failing(&[rule("Fast", 15, 5), rule("Slow", 300, 200)]).await;
    house.step_to(4205).await;
    assert_eq!(house.incident().await.status, IncidentStatus::Resolved);
    house.step_to(4500).await;
    house.delivered(2).await;
    house.incident().await;
    assert_eq!(house.receiver.statuses(), ["firing", "resolved"]);
}

#[tokio::test]
async fn an_echo_does_not_reopen_what_has_recovered() {
    // The slow rule fires at 4175, between recovery and the end.
    let house = failing(&[rule("Fast", 15, 5), rule("Slow", 300, 165)]).await;
    house.step_to(4180).await;
    assert_eq!(house.incident().await.status, IncidentStatus::Recovered);
    house.step_to(4205).await;
    let incident = house.incident().await;
    assert_eq!(incident.status, IncidentStatus::Resolved);
    assert!(seconds(incident.recovered_at.unwrap()) <= 4110.0);
}

#[tokio::test]
async fn a_failure_that_comes_back_within_the_echo_pages_again() {
    // The rule is true from 4010 to 4400, but the first failure is over before and the second begins
    // at 4300.
    let house = failing(&[rule("Long", 300, 5)]).await;
    house.script.add(ERRORS, 4300..4360, 5.0);
    house.step_to(4250).await;
    assert_eq!(house.incident().await.status, IncidentStatus::Resolved);
    let firing = house.alerts().active_alerts();
    let firing = firing.iter().filter(|a| a.state == AlertState::Firing);
    assert_eq!(firing.count(), 0, "what is over is not shown as firing");
    house.step_to(4335).await;
    house.delivered(3).await;
    let incidents = house.incidents().await;
    assert_eq!(incidents.len(), 2, "{incidents:#?}");
    let onset = seconds(incidents[0].onset.at);
    assert!((onset - 4300.0).abs() <= 15.0, "{:?}", incidents[0].onset);
    assert_eq!(house.receiver.statuses(), ["firing", "resolved", "firing"]);
}
