//! What stands around incidents: changes, deliveries, rules.

use super::*;

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

pub(crate) fn lately(mood: Mood) -> overview_lately::Found {
    if mood == Mood::Empty {
        return overview_lately::Found::default();
    }
    let mut incidents = vec![incident(mood), resolved_incident()];
    incidents.extend(past_incidents());
    overview_lately::Found {
        incidents,
        groups: groups_of(mood).0,
        changes: changes(mood),
        intake: overview_lately::Intake {
            logs_per_second: 41.3,
            spans_per_second: 88.0,
            quarantined: 24.0,
            lost: 0,
            newest: Some(ago(0.4)),
        },
    }
}

pub(crate) fn incident_context(mood: Mood) -> incident_page::Context {
    if mood == Mood::Empty {
        return incident_page::Context::default();
    }
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
    incident_page::Context {
        asked: None,
        rules: rules(mood).0,
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
        facts: facts_of(mood),
        similar: similar(mood),
        who: name(mood, "Mira"),
    }
}

pub(crate) fn rules(mood: Mood) -> (Vec<RuleStatus>, Vec<AlertInstance>) {
    let rule = |rule: &str, expr: &str, state, summary: &str| RuleStatus {
        key: name(mood, &format!("default/{rule}")),
        kind: RuleKind::Alerting,
        group: "default".to_owned(),
        file: "default.rules.yml".to_owned(),
        name: name(mood, rule),
        expr: expr.to_owned(),
        hold_seconds: 15.0,
        keep_firing_seconds: 60.0,
        labels: labels(mood),
        annotations: LabelSet::new([("summary".to_owned(), name(mood, summary))]),
        state,
        last_evaluation: Some(ago(4.0)),
        evaluation_seconds: 0.0031,
        series: 2,
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
                RuleStatus {
                    kind: RuleKind::Recording,
                    annotations: LabelSet::default(),
                    series: 14,
                    ..rule(
                        "service:calls:rate1m",
                        "sum by (service)(rate(traces_span_metrics_calls_total[1m]))",
                        AlertState::Inactive,
                        "",
                    )
                },
            ],
            vec![alert(mood)],
        ),
    }
}
