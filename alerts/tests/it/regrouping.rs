//! Several failures at once: which are one incident, and what humans make of them.

use std::time::Duration;

use watchfire_alerts::{
    ActError, Actor, CauseKind, Channel, HumanAct, Incident, IncidentFilter, IncidentStatus,
    JoinReason, TimelineKind,
};
use watchfire_schemas::{AlertSeverity, TimeRange};

use crate::house::{House, seconds};

const ERRORS: &str = "traces_span_metrics_calls_total STATUS_CODE_ERROR";

fn rule(service: &str, severity: &str) -> String {
    format!(
        "
      - alert: Failing-{service}
        expr: increase(traces_span_metrics_calls_total{{service='{service}',status='STATUS_CODE_ERROR'}}[15s]) > 20
        labels: {{severity: {severity}}}
        annotations: {{summary: '{service} fails', signal: errors}}"
    )
}

async fn house(rules: &[String]) -> House {
    let rules = format!(
        "groups:\n  - name: test\n    interval: 1h\n    rules:{}",
        rules.concat()
    );
    let house = House::open(&rules, 3980).await;
    for service in ["content", "gateway", "mail"] {
        let calls = format!("traces_span_metrics_calls_total {service}");
        house.script.add(&calls, 0..6000, 5.0);
    }
    house
}

fn fails(house: &House, service: &str, from: usize, to: usize) {
    house
        .script
        .add(&format!("{ERRORS} {service}"), from..to, 5.0);
}

fn of(incidents: &[Incident], service: &str) -> Incident {
    let first = incidents.iter().find(|i| i.services[0] == service);
    first
        .cloned()
        .unwrap_or_else(|| panic!("{service} is not the first of {incidents:#?}"))
}

#[tokio::test]
async fn a_failure_that_reaches_a_caller_is_the_same_incident() {
    let house = house(&[rule("content", "error"), rule("gateway", "critical")]).await;
    house.script.calls("gateway", "content");
    fails(&house, "content", 4002, 4600);
    // Seven minutes later: too late to have begun together.
    fails(&house, "gateway", 4420, 4600);
    house.step_to(4450).await;
    let incident = house.incident().await;
    assert_eq!(incident.services, ["content", "gateway"]);
    assert_eq!(incident.severity, AlertSeverity::Critical);
    let reasons: Vec<&JoinReason> = incident.joins.iter().map(|join| &join.reason).collect();
    let by_calls = JoinReason::Dependency {
        client: "gateway".to_owned(),
        server: "content".to_owned(),
        hops: 1,
    };
    assert_eq!(reasons, [&JoinReason::Opened, &by_calls]);
    assert_eq!(incident.joins[1].text, "gateway calls content");
    assert!((seconds(incident.onset.at) - 4002.0).abs() <= 2.0);
}

#[tokio::test]
async fn failures_that_no_call_connects_are_two_incidents() {
    let house = house(&[rule("content", "error"), rule("mail", "error")]).await;
    house.script.calls("gateway", "content");
    house.script.calls("mail", "queue");
    fails(&house, "content", 4002, 4100);
    fails(&house, "mail", 4010, 4100);
    house.step_to(4050).await;
    assert_eq!(house.incidents().await.len(), 2);
}

/// Two incidents, both paged, of services of which no calls are known.
async fn two() -> (House, Incident, Incident) {
    let house = house(&[rule("content", "error"), rule("mail", "critical")]).await;
    fails(&house, "content", 4002, 5400);
    fails(&house, "mail", 4500, 5400);
    house.step_to(4550).await;
    house.delivered(2).await;
    let incidents = house.incidents().await;
    let (content, mail) = (of(&incidents, "content"), of(&incidents, "mail"));
    (house, content, mail)
}

#[tokio::test]
async fn a_merged_incident_ends_at_its_destinations_and_points_on() {
    let (house, content, mail) = two().await;
    let merge = HumanAct::Merge {
        into: content.id.clone(),
    };
    let merged = house.act(&mail.id, "ada", merge.clone()).await.unwrap();
    assert_eq!(merged.status, IncidentStatus::Resolved);
    assert_eq!(merged.merged_into.as_deref(), Some(content.id.as_str()));

    let kept = house.incident().await;
    assert_eq!(kept.id, content.id);
    assert_eq!(kept.services, ["content", "mail"]);
    assert_eq!(kept.severity, AlertSeverity::Critical);
    assert_eq!(kept.alerts.len(), 2);
    assert_eq!(kept.merged, [mail.id.as_str()]);
    let began = seconds(kept.onset.at);
    assert!((began - 4002.0).abs() < 5.0, "{began}");
    assert_eq!(kept.detected_at, content.detected_at);
    let detected = kept
        .timeline
        .iter()
        .filter(|e| e.kind == TimelineKind::Detected);
    assert_eq!(detected.count(), 2, "the timeline of both");

    // The merged one ends with a pointer, and the other is told to be graver.
    house.delivered(4).await;
    let bodies = house.receiver.bodies();
    let end = bodies
        .iter()
        .find(|body| body["status"] == "resolved")
        .unwrap();
    assert!(
        end["groupKey"].as_str().unwrap().contains(&mail.id),
        "{end}"
    );
    let text = end.to_string();
    let acts = house.act(&mail.id, "ada", merge).await;
    assert!(matches!(acts, Err(ActError::Refused(_))), "{text}");
    // Its alerts are the other's now: nothing opens anew.
    house.step_to(4600).await;
    assert_eq!(house.incidents().await.len(), 1);
    let reopened = house.act(&mail.id, "ada", HumanAct::Reopen).await;
    assert!(matches!(reopened, Err(ActError::Refused(_))));
}

#[tokio::test]
async fn what_is_split_off_is_dated_and_paged_by_itself() {
    let house = house(&[rule("content", "error"), rule("gateway", "critical")]).await;
    house.script.calls("gateway", "content");
    fails(&house, "content", 4002, 5000);
    fails(&house, "gateway", 4420, 5000);
    house.step_to(4450).await;
    house.delivered(2).await;
    let whole = house.incident().await;
    let alerts = vec![whole.joins[1].alert.clone()];
    let stranger = HumanAct::Split {
        alerts: vec!["nosuch".to_owned()],
    };
    let refused = house.act(&whole.id, "ada", stranger).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "split.alerts: there is no alert nosuch in this incident"
    );
    let stays = house
        .act(&whole.id, "ada", HumanAct::Split { alerts })
        .await
        .unwrap();
    assert_eq!(stays.services, ["content"]);
    assert_eq!(stays.severity, AlertSeverity::Error);
    assert!((seconds(stays.onset.at) - 4002.0).abs() <= 2.0);

    let part = of(&house.incidents().await, "gateway");
    assert_eq!(part.split_from.as_deref(), Some(whole.id.as_str()));
    assert_eq!(part.severity, AlertSeverity::Critical);
    assert!(
        (seconds(part.onset.at) - 4420.0).abs() <= 2.0,
        "{:?}",
        part.onset
    );
    assert_eq!(seconds(part.detected_at), 4425.0);
    house.step_to(4500).await;
    house.delivered(4).await;
    let part = house.alerts().incident(&part.id).await.unwrap().unwrap();
    assert!(part.notified_at.is_some());
    assert_eq!(house.incidents().await.len(), 2, "they stay apart");
}

#[tokio::test]
async fn acts_happen_together_or_not_at_all() {
    let (house, content, _) = two().await;
    let actor = Actor::new("ada", Channel::Api);
    let acts = vec![
        HumanAct::Note("first".to_owned()),
        HumanAct::SetCause {
            kind: CauseKind::Capacity,
            text: "the pool was too small".to_owned(),
        },
        HumanAct::Assign(Some("bob".to_owned())),
        HumanAct::SetSeverity(AlertSeverity::Warning),
        HumanAct::Merge {
            into: "nosuch".to_owned(),
        },
    ];
    let failed = house.alerts().act(&content.id, &actor, acts.clone()).await;
    assert!(matches!(failed, Err(ActError::NotFound { .. })));
    let untouched = house.alerts().incident(&content.id).await.unwrap().unwrap();
    assert_eq!(untouched.timeline, content.timeline);
    assert_eq!(untouched.cause, None);

    let done = acts[..4].to_vec();
    let done = house.alerts().act(&content.id, &actor, done).await.unwrap();
    assert_eq!(
        done.cause.as_ref().map(|cause| cause.kind),
        Some(CauseKind::Capacity)
    );
    assert_eq!(done.assignee.as_deref(), Some("bob"));
    assert_eq!(done.severity, AlertSeverity::Warning);
    // A human's word on the severity stands while nothing graver comes.
    house.step_to(4600).await;
    let later = house.alerts().incident(&content.id).await.unwrap().unwrap();
    assert_eq!(later.severity, AlertSeverity::Warning);
}

#[tokio::test]
async fn the_destination_where_it_was_done_hears_no_echo() {
    let (house, content, _) = two().await;
    let there = Actor::new("ada", Channel::Destination("hook".to_owned()));
    let resolve = vec![HumanAct::Resolve];
    house
        .alerts()
        .act(&content.id, &there, resolve)
        .await
        .unwrap();
    let deliveries = house
        .alerts()
        .deliveries(Some(&content.id), 10)
        .await
        .unwrap();
    let actions: Vec<&str> = deliveries.iter().map(|d| d.action.as_str()).collect();
    assert_eq!(actions, ["trigger"]);
}

#[tokio::test]
async fn what_a_human_opens_again_only_a_human_closes() {
    let house = house(&[rule("content", "error")]).await;
    fails(&house, "content", 4002, 4060);
    house.step_to(4300).await;
    let over = house.incident().await;
    assert_eq!(over.status, IncidentStatus::Resolved);
    let kept = serde_json::json!({"kept": true});
    house
        .alerts()
        .keep_incident_facts(&over.id, &kept)
        .await
        .unwrap();
    assert!(
        house
            .alerts()
            .incidents_without_facts()
            .await
            .unwrap()
            .is_empty()
    );

    house.act(&over.id, "ada", HumanAct::Reopen).await.unwrap();
    house.step_to(5000).await;
    let open = house.incident().await;
    assert_eq!(open.status, IncidentStatus::Recovered);
    house.act(&over.id, "ada", HumanAct::Resolve).await.unwrap();
    house.delivered(4).await;
    assert_eq!(
        house.receiver.statuses(),
        ["firing", "resolved", "firing", "resolved"]
    );
    // It ended anew: what was kept of it is to be taken anew.
    let again = house.alerts().incidents_without_facts().await.unwrap();
    assert_eq!(again, [over.id.as_str()]);
}

#[tokio::test]
async fn lists_are_filtered_and_go_on_where_they_ended() {
    let (house, content, mail) = two().await;
    house.act(&mail.id, "ada", HumanAct::Resolve).await.unwrap();
    let ids = async |filter: IncidentFilter| -> Vec<String> {
        let found = house.alerts().find_incidents(&filter).await.unwrap();
        found.into_iter().map(|incident| incident.id).collect()
    };
    let all = IncidentFilter::of(TimeRange::ALL, 10);
    assert_eq!(
        ids(all.clone()).await,
        [mail.id.as_str(), content.id.as_str()]
    );
    let open_first = IncidentFilter {
        open_first: true,
        limit: 1,
        ..all.clone()
    };
    assert_eq!(ids(open_first.clone()).await, [content.id.as_str()]);
    let next = IncidentFilter {
        after: Some(content.id.clone()),
        ..open_first
    };
    assert_eq!(ids(next).await, [mail.id.as_str()]);
    let resolved = IncidentFilter {
        states: vec![IncidentStatus::Resolved],
        ..all.clone()
    };
    assert_eq!(ids(resolved).await, [mail.id.as_str()]);
    let of_service = IncidentFilter {
        service: Some("content".to_owned()),
        severities: vec![AlertSeverity::Error],
        ..all.clone()
    };
    assert_eq!(ids(of_service).await, [content.id.as_str()]);
    let by_text = IncidentFilter {
        text: Some("MAIL fails".to_owned()),
        ..all
    };
    assert_eq!(ids(by_text).await, [mail.id.as_str()]);
    assert_eq!(house.alerts().open_incidents().await.unwrap(), 1);
}

#[tokio::test]
async fn an_incident_that_flaps_is_one_incident() {
    let house = house(&[rule("content", "error")]).await;
    for from in [4002, 4120, 4240, 4360] {
        fails(&house, "content", from, from + 40);
    }
    house.step_to(4495).await;
    let flapping = house.incident().await;
    assert!(flapping.reopened >= 2, "{flapping:#?}");
    // Recovered at about 4400: after three more failures its end waits four times as long.
    assert_eq!(flapping.status, IncidentStatus::Recovered);
    house.clock.advance(Duration::from_secs(400));
    house.step().await;
    assert_eq!(house.incident().await.status, IncidentStatus::Resolved);
}
