use super::*;

const GOOD: &str = r#"
global:
  resolve_timeout: 1m
  smtp_smarthost: localhost:25
templates: ['*.tmpl']
route:
  receiver: all
  group_by: [alertname, service]
  group_wait: 10s
  routes:
    - match: {team: a}
      match_re: {service: "web|db"}
      receiver: a
      group_by: ['...']
      continue: true
      routes:
        - matchers: [severity="page", 'env!~"dev.*"']
          repeat_interval: 1h
    - matchers: ['{team=~"a|b"}']
      mute_time_intervals: [night]
      active_time_intervals: [week]
      group_by: []
receivers:
  - name: all
    webhook_configs: [{url: http://localhost}]
  - name: a
inhibit_rules:
  - source_match: {severity: critical}
    target_matchers: [severity=warning]
    equal: [service]
time_intervals:
  - name: week
    time_intervals: [{weekdays: ['monday:friday'], location: Europe/Berlin}]
mute_time_intervals:
  - name: night
    time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}]}]
"#;

fn labels(text: &str) -> LabelSet {
    LabelSet::new(text.split(' ').filter_map(|pair| pair.split_once('=')))
}

#[test]
fn a_tree_inherits_and_leads_to_receivers() {
    let config = AlertmanagerConfig::read("am.yml", GOOD).unwrap();
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(config.receivers_of(&labels(text)), expected, "{text}");
    };
    check("x=y", &["all"]);
    check("team=b", &["all"]);
    check("team=a service=web", &["a", "all"]);
    check("team=a service=webs", &["all"]);
    assert_eq!(config.resolve_timeout, Duration::from_mins(1));

    let page = labels("team=a service=db severity=page alertname=Down");
    let routes = config.route.of(&page);
    let deep = routes[0];
    assert_eq!(deep.path, "0.0.0");
    assert_eq!(deep.group_wait, Duration::from_secs(10));
    assert_eq!(deep.group_interval, Duration::from_mins(5));
    assert_eq!(deep.repeat_interval, Duration::from_hours(1));
    assert_eq!(deep.group_labels(&page), page);
    assert_eq!(
        deep.group_key(&labels("alertname=Down")),
        "{}/{service=~\"^(?:web|db)$\",team=\"a\"}/{env!~\"dev.*\",severity=\"page\"}\
         :{alertname=\"Down\"}"
    );
    let second = routes[1];
    assert_eq!(
        second.group_labels(&page),
        labels("service=db alertname=Down")
    );
    assert_eq!(config.route.by_path("0.1"), Some(second));
    assert_eq!(config.route.by_path("0.0.0"), Some(deep));
    assert_eq!(config.route.by_path("0.7"), None);
}

#[test]
fn intervals_mute() {
    let config = AlertmanagerConfig::read("am.yml", GOOD).unwrap();
    let route = config.route.by_path("0.1").unwrap();
    let check = |at: &str, expected: &[&str]| {
        assert_eq!(config.muting(route, at.parse().unwrap()), expected, "{at}");
    };
    check("2026-11-20T12:00:00Z", &[]);
    check("2026-11-20T22:30:00Z", &["night"]);
    check("2026-11-20T23:30:00Z", &["week"]);
    check("2026-11-21T12:00:00Z", &["week"]);
}

#[test]
fn what_is_written_means_the_same() {
    let config = AlertmanagerConfig::read("am.yml", GOOD).unwrap();
    let text = config.written();
    let again = AlertmanagerConfig::read("written.yml", &text);
    let again = again.unwrap_or_else(|found| panic!("{found:?}\n{text}"));
    assert_eq!(
        again.receivers_of(&labels("team=a service=web")),
        ["a", "all"]
    );
    assert_eq!(again.written(), text);
    assert_eq!(again.intervals, config.intervals);
    assert!(!text.contains("localhost"), "{text}");
}

fn findings(text: &str) -> Vec<String> {
    let read = AlertmanagerConfig::read("am.yml", text);
    let findings = read.expect_err(text);
    findings.iter().map(ToString::to_string).collect()
}

fn refused(text: &str, expected: &str) {
    let text = text.replace('@', "receivers: [{name: a}]\n");
    let found = findings(&text);
    assert!(found[0].contains(expected), "{text}: {found:?}");
}

#[test]
fn what_alertmanager_refuses_is_refused_with_its_place() {
    let check = refused;
    check("", "am.yml:1:1: the file needs a `route`");
    check("@", "needs a `route`");
    check("@route: {}", "am.yml:2:8: the root route needs a receiver");
    check(
        "@route: {receiver: b}",
        "am.yml:2:19: there is no receiver \"b\"",
    );
    check(
        "@route: {receiver: a, routes: [{receiver: c}]}",
        "no receiver \"c\"",
    );
    check(
        "@route: {receiver: a, match: {a: b}}",
        "may have no matchers",
    );
    check(
        "@route: {receiver: a, matchers: ['a=b']}",
        "may have no matchers",
    );
    check("@route: {receiver: a, continue: true}", "may not continue");
    check("@route: {receiver: a, group_by: [a, a]}", "twice");
    check("@route: {receiver: a, group_by: [a, '...']}", "alone");
    check(
        "@route: {receiver: a, group_interval: 0s}",
        "longer than nothing",
    );
    check("@route: {receiver: a, group_wait: soon}", "not a duration");
    check(
        "@route: {receiver: a, routs: []}",
        "am.yml:2:22: unknown field",
    );
    check(
        "@route: {receiver: a}\nroutes: []",
        "am.yml:3:1: unknown field",
    );
    check(
        "receivers: [{name: a}, {name: a}]\nroute: {receiver: a}",
        "comes twice",
    );
    check(
        "receivers: [{name: a}, {}]\nroute: {receiver: a}",
        "needs a name",
    );
    let route = |more: &str| format!("@route: {{receiver: a, routes: [{{{more}}}]}}");
    check(&route("matchers: ['a']"), "am.yml:2:43: ");
    check(&route("match_re: {a: '('}"), "not a regular expression");
    check(&route("mute_time_intervals: [x]"), "no time interval \"x\"");
    check(
        &route("active_time_intervals: [x]"),
        "no time interval \"x\"",
    );
}

#[test]
fn intervals_and_inhibitions_are_refused_with_their_places() {
    let check = refused;
    let interval =
        |more: &str| format!("@route: {{receiver: a}}\ntime_intervals: [{{name: x, {more}}}]");
    check(
        &interval("time_intervals: [{weekdays: [funday]}]"),
        "funday",
    );
    check(
        &interval("time_intervals: [{location: Mars/Olympus}]"),
        "Mars/Olympus",
    );
    check(
        &interval("time_intervals: [{times: [{start_time: '10:00', end_time: '09:00'}]}]"),
        "must come before",
    );
    check(&interval("times: []"), "unknown field");
    check(
        "@route: {receiver: a}\ninhibit_rules: [{equals: [a]}]",
        "unknown field",
    );
    check("@route: {receiver: a", "am.yml:");
}
