use super::*;

fn check(text: &str, expected: &str) {
    let error = read_rules("a.yml", text).expect_err(text)[0].to_string();
    assert!(error.starts_with(expected), "{error}");
}

fn file(rule: &str) -> String {
    format!("groups:\n- name: g\n  rules:\n  - {rule}\n")
}

#[test]
fn a_file_of_prometheus_is_read() {
    let text = "
groups:
  - name: web
    interval: 30s
    query_offset: 10s
    limit: 5
    labels: {team: core, level: 7}
    rules:
      - alert: High
        expr: rate(x_total[1m]) > 0.5
        for: 1m30s
        keep_firing_for: 5m
        labels: {severity: page}
        annotations: {summary: '{{ $labels.job }} is at {{ $value | humanize }}'}
      - alert: High
        expr: 1
      - record: job:x:rate1m
        expr: |
          sum by (job) (rate(x_total[1m]))
        labels: {team: '', of: rules}
        annotations:
  - name: empty
    rules:
";
    let groups = read_rules("a.yml", text).unwrap();
    let group = &groups[0];
    let Rule::Alerting(rule) = &group.rules[0] else {
        panic!("{group:?}");
    };
    assert_eq!(group.interval, Some(Duration::from_secs(30)));
    assert_eq!(
        (group.query_offset, group.limit),
        (Duration::from_secs(10), 5)
    );
    assert_eq!(
        (rule.hold, rule.keep_firing),
        (Duration::from_secs(90), Duration::from_mins(5))
    );
    let labels = [("level", "7"), ("severity", "page"), ("team", "core")];
    assert_eq!(
        rule.labels,
        labels.map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    assert_eq!(group.rules[1].key(), "web/High#2");
    let Rule::Recording(rule) = &group.rules[2] else {
        panic!("{group:?}");
    };
    assert_eq!(
        (rule.key.as_str(), rule.record.as_str()),
        ("web/job:x:rate1m", "job:x:rate1m")
    );
    let labels = [("level", "7"), ("of", "rules"), ("team", "")];
    assert_eq!(
        rule.labels,
        labels.map(|(n, v)| (n.to_owned(), v.to_owned()))
    );
    assert!(groups[1].rules.is_empty());
    let warnings = check_rules("a.yml", text);
    assert!(
        warnings.iter().all(|w| w.weight == Weight::Warning),
        "{warnings:?}"
    );
    assert_eq!(read_rules("a.yml", ""), Ok(Vec::new()));
    assert_eq!(read_rules("a.yml", "groups:\n"), Ok(Vec::new()));
}

#[test]
fn errors_say_where() {
    check(
        &file("alert: A\n    expr: 'rate('"),
        "a.yml:5:11: the expression is not PromQL",
    );
    check(
        &file("alert: A\n    expr: x[5m]"),
        "a.yml:5:11: a rule needs an instant vector",
    );
    check(
        &file("alert: A\n    expr: ''"),
        "a.yml:5:11: a rule needs an expression",
    );
    check(
        &file("alert: A\n    expr: x\n    for: soon"),
        "a.yml:6:10: \"soon\" is not a duration",
    );
    check(
        &file("expr: x"),
        "a.yml:4:11: a rule needs `alert` or `record`",
    );
    check(&file("alert: A\n    expr: x\n    fro: 5m"), "a.yml:6:5: ");
    check(
        &file("alert: A\n    expr: x\n    labels: {__name__: c}"),
        "a.yml:6:24: \"__name__\" is not the name",
    );
    check(
        &file("alert: A\n    expr: x\n    annotations: {s: '{{ $value '}"),
        "a.yml:6:22: the template is wrong: a template is not closed",
    );
    check(
        "groups:\n- name: g\n- name: g\n",
        "a.yml:3:9: the group \"g\" comes twice",
    );
    check(
        "groups:\n- name: g\n  interval: 0s\n",
        "a.yml:3:13: the interval must",
    );
    check("groups: [", "a.yml:");
}

#[test]
fn a_recording_rule_is_no_alert() {
    check(
        &file("record: ''\n    expr: x"),
        "a.yml:4:13: a metric needs a name",
    );
    check(&file("record: a{b=\"c\"}\n    expr: x"), "a.yml:4:13: ");
    check(
        &file("record: a\n    expr: x\n    for: 5m"),
        "a.yml:6:10: a recording rule has no `for`",
    );
    check(
        &file("record: a\n    expr: x\n    annotations: {b: c}"),
        "a.yml:6:22: a recording rule has no `annotations`",
    );
    check(
        &file("record: a\n    alert: b\n    expr: x"),
        "a.yml:5:12: a rule is either",
    );
}

#[test]
fn every_fault_is_told() {
    let two = file("alert: A\n    expr: '('\n    for: x\n  - alert: B\n    expr: ')'");
    let errors = check_rules("a.yml", &two).into_iter();
    let errors = errors.filter(|finding| finding.weight == Weight::Error);
    let lines: Vec<usize> = errors.map(|f| f.line).collect();
    assert_eq!(lines, [5, 6, 8]);
}
