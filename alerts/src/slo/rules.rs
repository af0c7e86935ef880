//! The rules of objectives, under the names that Sloth gives them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::query::over;
use super::windows::{self, BurnWindow, PAGE, RECORDED, TICKET};
use super::{AlertTexts, Alerting, Guard, Indicator, Slo};

/// How often the share of errors is recorded, and the alerts on it are evaluated.
const OFTEN: &str = "30s";
/// How often what changes slowly is recorded.
const SELDOM: &str = "1m";

/// The text of a rule file: JSON, which is YAML too.
pub(super) fn rule_file(slos: &[Slo]) -> String {
    let groups: Vec<Value> = slos.iter().flat_map(groups).collect();
    format!("{:#}\n", json!({"groups": groups}))
}

fn groups(slo: &Slo) -> Vec<Value> {
    let group = |part: &str, interval: &str, rules: Vec<Value>| {
        let name = format!("sloth-slo-{part}-{}", slo.id);
        json!({"name": name, "interval": interval, "rules": rules})
    };
    let mut groups = vec![
        group("sli-recordings", OFTEN, shares(slo)),
        group("meta-recordings", SELDOM, meta(slo)),
    ];
    let alerts = alerts(slo);
    if !alerts.is_empty() {
        groups.push(group("alerts", OFTEN, alerts));
    }
    groups
}

/// The share of errors in each window. Over the whole period it is the mean of the shortest: counting
/// again what a month held would cost far more.
fn shares(slo: &Slo) -> Vec<Value> {
    let mut rules: Vec<Value> = RECORDED
        .iter()
        .map(|seconds| {
            let window = windows::window(*seconds);
            let expr = match &slo.indicator {
                Indicator::Events { bad, total } => {
                    format!("({})\n/\n({})\n", over(bad, &window), over(total, &window))
                }
                Indicator::ErrorRatio(ratio) => format!("({}\n)", over(ratio, &window)),
            };
            share(slo, &window, &expr)
        })
        .collect();
    let period = slo.period.written();
    let shortest = share_series(slo, &windows::window(RECORDED[0]));
    let mean = format!(
        "sum_over_time({shortest}[{period}])\n/ ignoring (sloth_window)\n\
         count_over_time({shortest}[{period}])\n"
    );
    rules.push(share(slo, period, &mean));
    rules
}

fn share(slo: &Slo, window: &str, expr: &str) -> Value {
    let mut labels = labels(slo);
    labels.insert("sloth_window".to_owned(), window.to_owned());
    record(&format!("slo:sli_error:ratio_rate{window}"), expr, &labels)
}

fn meta(slo: &Slo) -> Vec<Value> {
    let (plain, which) = (labels(slo), which(slo));
    let objective = slo.objective / 100.0;
    let per_budget = |share: &str| {
        format!(
            "{share}\n/ on(sloth_id, sloth_slo, sloth_service) group_left\n\
             slo:error_budget:ratio{which}\n"
        )
    };
    let (now, period) = (
        share_series(slo, &windows::window(RECORDED[0])),
        share_series(slo, slo.period.written()),
    );
    let mut info = plain.clone();
    for (name, value) in [
        ("sloth_version", "watchfire"),
        ("sloth_mode", "watchfire"),
        ("sloth_spec", slo.form),
        ("sloth_objective", &slo.objective.to_string()),
    ] {
        info.insert(name.to_owned(), value.to_owned());
    }
    let rule = |name: &str, expr: &str| record(name, expr, &plain);
    vec![
        rule("slo:objective:ratio", &format!("vector({objective})")),
        rule("slo:error_budget:ratio", &format!("vector(1-{objective})")),
        rule(
            "slo:time_period:days",
            &format!("vector({})", slo.period.days()),
        ),
        rule("slo:current_burn_rate:ratio", &per_budget(&now)),
        rule("slo:period_burn_rate:ratio", &per_budget(&period)),
        rule(
            "slo:period_error_budget_remaining:ratio",
            &format!("1 - slo:period_burn_rate:ratio{which}"),
        ),
        record("sloth_slo_info", "vector(1)", &info),
    ]
}

fn alerts(slo: &Slo) -> Vec<Value> {
    let Alerting { page, ticket, .. } = &slo.alerting;
    let wanted = [("page", page, PAGE), ("ticket", ticket, TICKET)];
    wanted
        .into_iter()
        .filter_map(|(word, texts, burns)| Some(alert(slo, word, texts.as_ref()?, burns)))
        .collect()
}

fn alert(slo: &Slo, word: &str, texts: &AlertTexts, burns: [BurnWindow; 2]) -> Value {
    let alerting = &slo.alerting;
    let rows = burns.map(|burn| burns_in_both(slo, &burn));
    let mut labels = alerting.labels.clone();
    labels.insert("sloth_severity".to_owned(), word.to_owned());
    labels.extend(texts.labels.clone());
    let who = "{{$labels.sloth_service}} {{$labels.sloth_slo}} SLO error budget burn rate is";
    let mut annotations = BTreeMap::from([
        ("title".to_owned(), format!("({word}) {who} too fast.")),
        ("summary".to_owned(), format!("{who} over expected.")),
    ]);
    annotations.extend(alerting.annotations.clone());
    annotations.extend(texts.annotations.clone());
    json!({
        "alert": alerting.name,
        "expr": rows.join("or\n"),
        "labels": labels,
        "annotations": annotations,
    })
}

fn burns_in_both(slo: &Slo, burn: &BurnWindow) -> String {
    let budget = (100.0 - slo.objective) / 100.0;
    let factor = burn.factor(slo.period);
    let above = |seconds: u64| {
        let share = share_series(slo, &windows::window(seconds));
        format!("    max({share} > ({factor} * {budget})) without (sloth_window)\n")
    };
    let guard = slo.guard.as_ref().map_or_else(String::new, |guard| {
        let Guard { events, at_least } = guard;
        let events = over(events, &windows::window(burn.short));
        format!("    and on()\n    ({events}) >= {at_least}\n")
    });
    let (short, long) = (above(burn.short), above(burn.long));
    format!("(\n{short}    and\n{long}{guard})\n")
}

fn share_series(slo: &Slo, window: &str) -> String {
    format!("slo:sli_error:ratio_rate{window}{}", which(slo))
}

/// The matchers that find the series of an objective.
fn which(slo: &Slo) -> String {
    let quoted = |text: &str| json!(text).to_string();
    format!(
        "{{sloth_id={}, sloth_service={}, sloth_slo={}}}",
        quoted(&slo.id),
        quoted(&slo.service),
        quoted(&slo.name)
    )
}

fn labels(slo: &Slo) -> BTreeMap<String, String> {
    let mut labels = slo.labels.clone();
    for (name, value) in [
        ("sloth_id", &slo.id),
        ("sloth_service", &slo.service),
        ("sloth_slo", &slo.name),
    ] {
        labels.insert(name.to_owned(), value.clone());
    }
    labels
}

fn record(name: &str, expr: &str, labels: &BTreeMap<String, String>) -> Value {
    json!({"record": name, "expr": expr, "labels": labels})
}
