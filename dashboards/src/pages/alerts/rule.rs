//! `/alerts/{rule}`: why a rule fires or does not, and when it did.

use askama::Template;
use axum::extract::{Path, State};
use watchfire_alerts::{AlertInstance, AlertState, RuleKind, RuleStatus};
use watchfire_schemas::{LabelSet, Timestamp};
use watchfire_tsdb::RangeSeries;

use super::evidence::{self, Compared, ConditionRow};
use super::history::{self, History};
use super::rows::{self, followable, health, rule_path};
use super::suppressed::{self, Suppressed};
use super::{chips, state_name};
use crate::figures::{self, When};
use crate::pages::{Fault, Page, render};
use crate::params::Params;
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, url};

#[derive(Debug, Template)]
#[template(path = "alert_rule.html")]
pub(crate) struct RulePage {
    pub(crate) shell: Shell,
    pub(crate) is_recording: bool,
    pub(crate) state: &'static str,
    pub(crate) severity: String,
    pub(crate) summary: String,
    pub(crate) facts: Vec<(&'static str, String)>,
    pub(crate) evaluated: Option<When>,
    pub(crate) error: Option<String>,
    pub(crate) links: Vec<(&'static str, String)>,
    pub(crate) instances: Vec<InstanceRow>,
    pub(crate) conditions: Vec<ConditionRow>,
    pub(crate) expr: String,
    pub(crate) history: History,
}

/// One alert of the rule.
#[derive(Debug)]
pub(crate) struct InstanceRow {
    pub(crate) href: String,
    pub(crate) is_chosen: bool,
    pub(crate) state: &'static str,
    pub(crate) value: String,
    pub(crate) true_since: When,
    pub(crate) fired: Option<When>,
    /// How much of `for` has passed.
    pub(crate) hold: String,
    pub(crate) kept: Option<When>,
    pub(crate) silence: String,
    pub(crate) suppressed: Option<String>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) annotations: Vec<(String, String)>,
}

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) compared: Vec<Compared>,
    pub(crate) told: Vec<RangeSeries>,
    pub(crate) suppressed: Suppressed,
}

pub(crate) async fn page(
    State(console): State<Console>,
    Path(key): Path<String>,
    params: Params,
) -> Page {
    let house = House::ask(&console).await;
    let rules = console.alerts.rules();
    let rule = rules.into_iter().find(|rule| rule.key == key);
    let rule = rule.ok_or_else(|| Fault::NotFound(format!("rule {key}")))?;
    let asked = Asked::from_params(&params, house.now, "1h")?;
    let of = params.text("of");
    let path = rule_path(&key);
    let mut shell = Shell::ranged(&house, &path, rule.name.clone(), &asked, &[("of", &of)]);
    let found = match rule.kind {
        RuleKind::Recording => Found::default(),
        RuleKind::Alerting => {
            let (compared, told) = tokio::join!(
                evidence::ask(&console, &rule.expr, &asked),
                history::ask(&console, &rule.name, &asked)
            );
            Found {
                compared,
                told: shell.take("its history", told),
                suppressed: suppressed::of(&console, &rule.alerts, house.now),
            }
        }
    };
    render(&view(shell, house.now, &rule, &of, &asked, &found))
}

pub(crate) fn view(
    shell: Shell,
    now: Timestamp,
    rule: &RuleStatus,
    of: &str,
    asked: &Asked,
    found: &Found,
) -> RulePage {
    let is_chosen = |alert: &AlertInstance| format!("{:016x}", alert.labels.fingerprint()) == of;
    let mut alerts: Vec<&AlertInstance> = rule.alerts.iter().collect();
    alerts.sort_by_key(|alert| (std::cmp::Reverse(alert.state), alert.active_at));
    let first = alerts.first().copied();
    let chosen = alerts
        .iter()
        .copied()
        .find(|alert| is_chosen(alert))
        .or(first);
    let text = |name: &str| {
        let annotations = chosen.map_or(&rule.annotations, |alert| &alert.annotations);
        annotations.get(name).map(str::to_owned)
    };
    let instances = alerts.iter().map(|alert| InstanceRow {
        is_chosen: chosen.is_some_and(|chosen| chosen.labels == alert.labels),
        suppressed: found.suppressed.told(&alert.labels),
        ..instance(alert, rule, asked, now)
    });
    RulePage {
        is_recording: rule.kind == RuleKind::Recording,
        state: health(rule),
        severity: rule.labels.get("severity").unwrap_or_default().to_owned(),
        // Without an alert it is a template that nothing was put into.
        summary: chosen
            .and(text("description").or(text("summary")))
            .unwrap_or_default(),
        facts: facts(rule),
        evaluated: rule.last_evaluation.map(|at| When::ago(at, now)),
        error: rule.last_error.clone(),
        links: links(rule, chosen, asked, &text),
        instances: instances.collect(),
        conditions: evidence::rows(&found.compared, chosen.map(|alert| &alert.labels), asked),
        expr: rule.expr.clone(),
        history: history::told(&found.told, asked),
        shell,
    }
}

fn facts(rule: &RuleStatus) -> Vec<(&'static str, String)> {
    let mut facts = vec![("group", rule.group.clone()), ("file", rule.file.clone())];
    if rule.kind == RuleKind::Alerting {
        facts.push(("for", figures::duration(rule.hold_seconds)));
        if rule.keep_firing_seconds > 0.0 {
            facts.push((
                "keeps firing for",
                figures::duration(rule.keep_firing_seconds),
            ));
        }
    } else {
        facts.push(("series", rule.series.to_string()));
    }
    facts.push((
        "evaluation takes",
        figures::duration(rule.evaluation_seconds),
    ));
    facts
}

fn links(
    rule: &RuleStatus,
    chosen: Option<&AlertInstance>,
    asked: &Asked,
    text: &dyn Fn(&str) -> Option<String>,
) -> Vec<(&'static str, String)> {
    let mut links = Vec::new();
    let own_runbook = watchfire_alerts::Alerts::runbook(&rule.name);
    let own_runbook = own_runbook.map(|_| format!("/runbooks/{}", url::encode(&rule.name)));
    let runbook = text("runbook_url").and_then(|text| followable(&text));
    links.extend(own_runbook.or(runbook).map(|href| ("Runbook", href)));
    links.extend(
        text("console")
            .and_then(|text| followable(&text))
            .map(|href| ("Evidence", href)),
    );
    let service = chosen.and_then(|alert| alert.labels.get("service"));
    links.extend(service.map(|service| {
        (
            "Service",
            asked.link(&format!("/services/{}", url::encode(service)), &[]),
        )
    }));
    links.push(("Explore", asked.link("/explore", &[("a", &rule.expr)])));
    links
}

fn instance(
    alert: &AlertInstance,
    rule: &RuleStatus,
    asked: &Asked,
    now: Timestamp,
) -> InstanceRow {
    let passed = alert
        .fired_at
        .unwrap_or(now)
        .seconds_since(alert.active_at)
        .max(0.0);
    let hold = match (rule.hold_seconds, alert.state) {
        (0.0, _) => "fires at once".to_owned(),
        (hold, AlertState::Pending) => {
            format!(
                "{} of {}",
                figures::duration(passed),
                figures::duration(hold)
            )
        }
        (hold, _) => format!("all {} passed", figures::duration(hold)),
    };
    let pairs = |labels: &LabelSet| {
        let pairs = labels.iter();
        pairs
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .collect()
    };
    let of = format!("{:016x}", alert.labels.fingerprint());
    InstanceRow {
        href: asked.link(&rows::rule_path(&rule.key), &[("of", &of)]),
        is_chosen: false,
        state: state_name(alert.state),
        value: figures::short(alert.value),
        true_since: When::ago(alert.active_at, now),
        fired: alert.fired_at.map(|at| When::ago(at, now)),
        hold,
        kept: alert.kept_since.map(|at| When::ago(at, now)),
        silence: super::silences::form_for(&alert.labels),
        suppressed: None,
        labels: chips(&alert.labels, &[]),
        annotations: pairs(&alert.annotations),
    }
}
