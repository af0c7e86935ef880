//! `watchfire test rules`, from files to verdicts.

use std::path::Path;

use crate::server::run;

const RULES: &str = "
groups:
- name: shop
  rules:
  - record: shop:refusals:rate5m
    expr: sum by (shop) (rate(refused_total[5m]))
  - alert: ManyRefusals
    expr: 60 * shop:refusals:rate5m > 20
    for: 2m
    labels: {severity: error}
    annotations:
      summary: '{{ $labels.shop }}: {{ $value | humanize }} a minute, {{ query \"refused_total\" | first | value }} in all'
";

fn tests(summary: &str, value: f64) -> String {
    format!(
        "
rule_files: ['*.rules.yml']
tests:
- name: refusals
  interval: 1m
  input_series:
  - series: 'refused_total{{shop=\"berlin\"}}'
    values: '0+30x20'
  - series: latency
    values: '{{{{schema:0 sum:5 count:4 buckets:[1 2 1]}}}}+{{{{schema:0 sum:5 count:4 buckets:[1 2 1]}}}}x20'
  alert_rule_test:
  - {{eval_time: 2m, alertname: ManyRefusals, exp_alerts: []}}
  - eval_time: 12m
    alertname: ManyRefusals
    exp_alerts:
    - exp_labels: {{severity: error, shop: berlin}}
      exp_annotations: {{summary: '{summary}'}}
  promql_expr_test:
  - expr: shop:refusals:rate5m
    eval_time: 12m
    exp_samples: [{{labels: 'shop:refusals:rate5m{{shop=\"berlin\"}}', value: {value}}}]
  - expr: ALERTS{{alertstate=\"firing\"}}
    eval_time: 12m
    exp_samples:
    - {{labels: 'ALERTS{{alertname=\"ManyRefusals\",alertstate=\"firing\",severity=\"error\",shop=\"berlin\"}}', value: 1}}
  - expr: latency
    eval_time: 1m
    exp_samples: [{{labels: latency, histogram: '{{{{sum:10 count:8 buckets:[2 4 2]}}}}'}}]
  - {{expr: histogram_count(latency), eval_time: 2m, exp_samples: [{{labels: '{{}}', value: 12}}]}}
- name: nothing happens
  promql_expr_test:
  - {{expr: vector(1), eval_time: 1m, exp_samples: [{{labels: '{{}}', value: 1}}]}}
"
    )
}

fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[test]
fn tests_of_rules_pass_or_tell_what_differs() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "shop.rules.yml", RULES);
    let summary = "berlin: 30 a minute, 360 in all";
    let good = write(dir.path(), "good.yml", &tests(summary, 0.5));
    let (code, out, err) = run(&["test", "rules", &good]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("SUCCESS"), "{out}");

    let bad = write(dir.path(), "bad.yml", &tests("berlin: 31 a minute", 0.6));
    let junit = dir.path().join("junit.xml").display().to_string();
    let (code, out, err) = run(&["test", "rules", &good, &bad, "--junit", &junit]);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.contains("good.yml\n  SUCCESS"), "{out}");
    for told in [
        "name: refusals",
        "alertname: ManyRefusals, time: 12m",
        "Annotations:{summary=\"berlin: 30 a minute, 360 in all\"}",
        "expr: \"shop:refusals:rate5m\", time: 12m",
        "exp: shop:refusals:rate5m{shop=\"berlin\"} 0.6",
        "got: shop:refusals:rate5m{shop=\"berlin\"} 0.5",
    ] {
        assert!(err.contains(told), "{told}: {err}");
    }
    let junit = std::fs::read_to_string(junit).unwrap();
    assert!(
        junit.contains("tests=\"2\" failures=\"1\" errors=\"0\""),
        "{junit}"
    );
    assert!(
        junit.contains("<testcase name=\"nothing happens\"/>"),
        "{junit}"
    );

    let (code, out, err) = run(&["test", "rules", &bad, "--run", "^nothing"]);
    assert_eq!(code, Some(0), "{out}{err}");
}

#[test]
fn what_cannot_be_tested_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name: &str, text: &str, expected: &str| {
        let file = write(dir.path(), name, text);
        let (code, out, err) = run(&["test", "rules", &file]);
        assert_eq!(code, Some(1), "{name}: {out}{err}");
        assert!(err.contains(expected), "{name}: {err}");
    };
    write(
        dir.path(),
        "broken.rules.yml",
        "groups:\n- name: a\n  rules: [{alert: A, expr: 'x >'}]\n",
    );
    check(
        "1.yml",
        "rule_files: [broken.rules.yml]\n",
        "broken.rules.yml:3:28: the expression",
    );
    check("2.yml", "tets: []\n", "2.yml:1:1: ");
    let values = "tests:\n- input_series: [{series: x, values: '1 a'}]\n";
    check(
        "3.yml",
        values,
        "3.yml:1:1: test 1: series \"x\": \"a\" is no value",
    );
    let nameless = "tests:\n- alert_rule_test: [{eval_time: 5m}]\n";
    check(
        "4.yml",
        nameless,
        "misses required attribute alertname at eval_time 5m",
    );
    let wrong = "tests:\n- promql_expr_test: [{expr: 'x >', eval_time: 1m}]\n";
    check("5.yml", wrong, "expr: \"x >\", time: 1m, err: ");
    let (code, _, err) = run(&["test", "rules", "no/such.yml"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("no/such.yml: "), "{err}");
}
