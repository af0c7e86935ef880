use super::*;
use crate::check_rules;

const SLOTH: &str = r#"version: "prometheus/v1"
service: "shop"
labels:
  owner: "team"
slos:
  - name: "requests"
    objective: 99.9
    description: "Requests are answered."
    sli:
      events:
        error_query: sum(rate(http_requests_total{job="shop",code=~"5.."}[{{.window}}]))
        total_query: sum(rate(http_requests_total{job="shop"}[{{.window}}]))
    alerting:
      name: ShopErrors
      labels: {category: availability}
      page_alert:
        labels: {severity: critical}
      ticket_alert:
        disable: true
"#;

const OPEN_SLO: &str = r#"apiVersion: openslo/v1
kind: SLI
metadata: {name: answered}
spec:
  ratioMetric:
    counter: true
    good:
      metricSource:
        type: Prometheus
        spec: {query: 'sum(http_requests_total{code!~"5.."})'}
    total:
      metricSource:
        spec: {query: sum(http_requests_total)}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: answers}
spec:
  service: shop
  indicatorRef: answered
  timeWindow:
    - {duration: 28d, isRolling: true}
  budgetingMethod: Occurrences
  objectives:
    - target: 0.99
"#;

fn compiled(text: &str) -> serde_json::Value {
    let compiled = compile_slos("slo.yml", text, SloPeriod::Days30);
    let compiled = compiled.unwrap_or_else(|findings| panic!("{findings:?}"));
    let findings = check_rules("compiled", &compiled.rules);
    let errors = findings
        .iter()
        .filter(|found| found.weight == Weight::Error);
    assert_eq!(errors.count(), 0, "{findings:?}");
    serde_json::from_str(&compiled.rules).unwrap()
}

/// Each rule as its group, name and expression.
fn rules(of: &serde_json::Value) -> Vec<(String, String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let groups = of["groups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| {
            let rules = group["rules"].as_array().unwrap().iter();
            rules.map(|rule| {
                let name = rule.get("record").or(rule.get("alert")).unwrap();
                (text(&group["name"]), text(name), text(&rule["expr"]))
            })
        })
        .collect()
}

#[test]
fn sloths_form_becomes_sloths_rules() {
    let all = compiled(SLOTH);
    let names: Vec<String> = rules(&all).into_iter().map(|(_, name, _)| name).collect();
    assert_eq!(
        names,
        [
            "slo:sli_error:ratio_rate5m",
            "slo:sli_error:ratio_rate30m",
            "slo:sli_error:ratio_rate1h",
            "slo:sli_error:ratio_rate2h",
            "slo:sli_error:ratio_rate6h",
            "slo:sli_error:ratio_rate1d",
            "slo:sli_error:ratio_rate3d",
            "slo:sli_error:ratio_rate30d",
            "slo:objective:ratio",
            "slo:error_budget:ratio",
            "slo:time_period:days",
            "slo:current_burn_rate:ratio",
            "slo:period_burn_rate:ratio",
            "slo:period_error_budget_remaining:ratio",
            "sloth_slo_info",
            "ShopErrors",
        ]
    );
    let (_, _, page) = rules(&all).pop().unwrap();
    assert!(page.contains("(14.4 * 0.0009999999999999432)"), "{page}");
    let first = &all["groups"][0]["rules"][0];
    assert_eq!(
        first["labels"],
        serde_json::json!({"owner": "team", "sloth_id": "shop-requests", "sloth_service": "shop",
            "sloth_slo": "requests", "sloth_window": "5m"})
    );
    assert_eq!(
        all["groups"][2]["rules"][0]["labels"],
        serde_json::json!({"category": "availability", "severity": "critical", "sloth_severity": "page"})
    );
}

#[test]
fn open_slo_counts_in_its_own_period() {
    let all = rules(&compiled(OPEN_SLO));
    let of = |name: &str| &all.iter().find(|(_, n, _)| n == name).unwrap().2;
    assert!(of("slo:sli_error:ratio_rate5m").contains("sum(rate(http_requests_total[5m]))"));
    assert!(of("slo:sli_error:ratio_rate4w").contains("[4w]"));
    assert_eq!(of("slo:objective:ratio"), "vector(0.99)");
    assert!(of("SloBudgetBurn").contains("13.44"));
}

#[test]
fn what_cannot_be_computed_is_told_with_its_place() {
    let check = |from: &str, to: &str, text: &str, expected: &str| {
        let changed = text.replace(from, to);
        assert_ne!(changed, text, "{from}");
        let findings = compile_slos("slo.yml", &changed, SloPeriod::Days30).unwrap_err();
        let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|one| one.starts_with(expected)), "{told:?}");
    };
    check(
        "99.9",
        "999",
        SLOTH,
        "slo.yml:7:16: the objective 999 is not",
    );
    check(
        "[{{.window}}]))\n    al",
        "[5m]))\n    al",
        SLOTH,
        "slo.yml:12:22: the query needs",
    );
    check("objective:", "objektive:", SLOTH, "slo.yml:7:5: ");
    check(
        "prometheus/v1",
        "prometheus/v2",
        SLOTH,
        "slo.yml:1:1: \"prometheus/v2\" is no form",
    );
    check(
        "name: ShopErrors",
        "name: ''",
        SLOTH,
        "slo.yml:6:11: its alerts need a name",
    );
    check(
        "28d",
        "7d",
        OPEN_SLO,
        "slo.yml:22:18: the time window \"7d\"",
    );
    check(
        "Occurrences",
        "Timeslices",
        OPEN_SLO,
        "slo.yml:23:20: the budgeting method",
    );
    check(
        "indicatorRef: answered",
        "indicatorRef: other",
        OPEN_SLO,
        "slo.yml:20:17: no SLI",
    );
    check(
        "type: Prometheus",
        "type: Datadog",
        OPEN_SLO,
        "slo.yml:9:15: a metric source",
    );
    check(
        "query: sum(http_requests_total)",
        "query: avg(a)",
        OPEN_SLO,
        "slo.yml:13:23: the query needs",
    );
}

#[test]
fn two_of_the_same_name_are_refused() {
    let twice = format!("{SLOTH}---\n{SLOTH}");
    let findings = compile_slos("slo.yml", &twice, SloPeriod::Days30).unwrap_err();
    assert_eq!(
        findings[0].to_string(),
        "slo.yml:26:1: the SLO shop-requests is there in line 6 already"
    );
}

#[test]
fn our_own_form_reads_spans() {
    let own = OwnSlo {
        service: "content".to_owned(),
        name: None,
        objective: 99.5,
        operation: Some("GET /places".to_owned()),
        latency: Some(std::time::Duration::from_millis(250)),
        period: SloPeriod::Days28,
        min_events: 10,
    };
    let text = compile_own_slos(std::slice::from_ref(&own)).unwrap().rules;
    assert_eq!(check_rules("own", &text), []);
    let all = rules(&serde_json::from_str(&text).unwrap());
    assert!(all[0].2.contains(r#"le="0.25""#), "{}", all[0].2);
    let page = &all
        .iter()
        .find(|(_, name, _)| name == "SloBudgetBurn")
        .unwrap()
        .2;
    assert!(page.contains(">= 10"), "{page}");
    let odd = OwnSlo {
        latency: Some(std::time::Duration::from_millis(260)),
        ..own
    };
    let told = compile_own_slos(&[odd]).unwrap_err().to_string();
    assert!(told.contains("not up to 0.26s"), "{told}");
}
