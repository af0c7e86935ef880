use super::*;
use crate::receivers::sample;

const ALL: &str = r##"
global:
  resolve_timeout: 5m
  smtp_smarthost: mail.example.org:587
  smtp_from: am@example.org
  slack_api_url: https://hooks.slack.example/services/T0/B0/hush
  opsgenie_api_key: hush
route: {receiver: team}
receivers:
- name: team
  webhook_configs:
  - url: http://hook.example/{{ .GroupLabels.alertname }}/hush
    http_config: {basic_auth: {username: u, password: p}}
  - url_file: /nowhere/url
    payload: {text: "{{ .Status }}", n: 1, deep: [a]}
  email_configs:
  - to: ada@example.org
    headers: {Subject: "{{ .Status | toUpper }}", X-Team: a}
  pagerduty_configs:
  - routing_key: 0123456789abcdef0123456789abcdef
    severity: "{{ .CommonLabels.severity }}"
    details: {runbook: "{{ .CommonAnnotations.summary }}"}
    links: [{href: "{{ .ExternalURL }}", text: here}]
  - service_key: old
  slack_configs:
  - channel: "#ops"
    text: "{{ range .Alerts }}{{ .Labels.instance }} {{ end }}"
    fields: [{title: a, value: b}]
    actions: [{type: button, text: open, url: "http://x"}]
  opsgenie_configs:
  - responders: [{name: ops, type: team}]
    tags: "a, b"
  victorops_configs:
  - {api_key: k, routing_key: ops}
  pushover_configs:
  - {user_key: u, token: t}
  telegram_configs:
  - {bot_token: t, chat_id: -100123}
  discord_configs:
  - webhook_url: https://discord.example/hook
  webex_configs:
  - room_id: r
    http_config: {authorization: {credentials: t}}
  msteams_configs:
  - webhook_url: https://teams.example/hook
  msteamsv2_configs:
  - webhook_url: https://teams.example/hook2
  incidentio_configs:
  - {url: "https://incident.example/", alert_source_token: t}
  sns_configs:
  - {topic_arn: a, sigv4: {region: b}}
"##;

fn read_text(text: &str) -> Result<Receivers, Vec<RuleFinding>> {
    read("am.yml", text, Path::new("/etc/alertmanager"))
}

#[test]
fn every_kind_is_read_and_says_something() {
    let receivers = read_text(ALL).expect("it is well formed");
    let all = receivers.integrations("team");
    let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "team/webhook/0",
            "team/webhook/1",
            "team/email/0",
            "team/pagerduty/0",
            "team/pagerduty/1",
            "team/opsgenie/0",
            "team/slack/0",
            "team/victorops/0",
            "team/pushover/0",
            "team/sns/0",
            "team/telegram/0",
            "team/discord/0",
            "team/webex/0",
            "team/msteams/0",
            "team/msteamsv2/0",
            "team/incidentio/0",
        ]
    );
    for integration in all {
        let body = integration.form.render(&sample());
        let body: serde_json::Value = serde_json::from_str(&body).expect("it is JSON");
        let text = body.to_string();
        assert!(
            !text.contains("error expanding"),
            "{}: {text}",
            integration.name
        );
        let refused = integration.destination.refused.is_some();
        assert_eq!(refused, integration.name == "team/sns/0");
    }
    assert!(!format!("{receivers:?}").contains("hush"));
}

fn body_of(name: &str) -> serde_json::Value {
    let receivers = read_text(ALL).expect("it is well formed");
    let found = receivers
        .all()
        .find(|it| it.name == name)
        .expect("it is there")
        .clone();
    serde_json::from_str(&found.form.render(&sample())).expect("it is JSON")
}

#[test]
fn templates_are_filled_where_they_stand() {
    let pagerduty = body_of("team/pagerduty/0");
    assert_eq!(pagerduty["payload"]["summary"], "[FIRING:1] Down (api)");
    assert_eq!(pagerduty["payload"]["custom_details"]["num_firing"], "1");
    let firing = &pagerduty["payload"]["custom_details"]["firing"];
    assert_eq!(firing[0]["labels"]["instance"], "a:1");
    assert_eq!(pagerduty["links"][0]["href"], "http://am.example");
    let slack = body_of("team/slack/0");
    assert_eq!(slack["channel"], "#ops");
    assert_eq!(slack["attachments"][0]["title"], "[FIRING:1] Down (api)");
    assert_eq!(slack["attachments"][0]["text"], "a:1 b:1 ");
    assert_eq!(slack["attachments"][0]["color"], "danger");
    let mail = body_of("team/email/0");
    assert_eq!(
        (mail["subject"].as_str(), mail["from"].as_str()),
        (Some("FIRING"), Some("am@example.org"))
    );
    let hook = body_of("team/webhook/1");
    assert_eq!(
        hook,
        serde_json::json!({"text": "firing", "n": 1, "deep": ["a"]})
    );
    let opsgenie = body_of("team/opsgenie/0");
    assert_eq!(opsgenie["json"]["tags"], serde_json::json!(["a", "b"]));
    let receivers = read_text(ALL).expect("it is well formed");
    let first = &receivers.integrations("team")[0];
    let url = first
        .form
        .address(&sample())
        .expect("it depends on the notice");
    assert_eq!(url.expose(), "http://hook.example/Down/hush");
}

fn check(text: &str, expected: &str) {
    let findings = read_text(text).expect_err("it is refused");
    assert_eq!(findings[0].to_string(), expected, "{text}");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let of =
        |kind: &str, fields: &str| format!("receivers:\n- name: a\n  {kind}:\n  - {{{fields}}}\n");
    check(
        &of("webhook_configs", "url: 'http://h', urll: x"),
        "am.yml:4:23: field \"urll\" is not known in webhook_configs",
    );
    check(
        &of("webhook_configs", "max_alerts: 3"),
        "am.yml:4:5: one of url or url_file must be configured",
    );
    check(
        &of("webhook_configs", "url: 'http://h', url_file: x"),
        "am.yml:4:5: at most one of url & url_file must be configured",
    );
    check(
        &of("slack_configs", "api_url: 'http://h', text: '{{ .Status '"),
        "am.yml:4:33: the template of text is wrong: a template is not closed by }}",
    );
    check(
        &of("pagerduty_configs", "severity: error"),
        "am.yml:4:5: missing service or routing key in PagerDuty config",
    );
    check(
        "receivers:\n- name: a\n  pager_configs: []\n",
        "am.yml:3:3: field \"pager_configs\" is not known in a receiver",
    );
    check(
        "global: {smtp: x}\n",
        "am.yml:1:10: field \"smtp\" is not known in global",
    );
}
