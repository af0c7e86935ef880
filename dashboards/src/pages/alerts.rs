//! `/alerts`: what fires and why, objectives, which rules are noisy, and how the rules fare.

pub(crate) mod destinations;
pub(crate) mod evidence;
mod history;
mod noisy;
mod objectives;
mod rows;
pub(crate) mod rule;
pub(crate) mod silences;
mod suppressed;

use askama::Template;
use axum::extract::State;
use watchfire_alerts::{AlertInstance, AlertState, Delivery, RuleStatus, SilenceState};
use watchfire_schemas::{LabelSet, Timestamp};

pub(crate) use self::destinations::{DestinationRow, LetterRow, Letters};
pub(crate) use self::noisy::{Noise, NoisyRow};
pub(crate) use self::objectives::{Objective, ObjectiveRow};
pub(crate) use self::rows::{AlertRow, GroupRows, Sounding, rule_path};
pub(crate) use self::suppressed::Suppressed;
use super::{Page, render};
use crate::Console;
use crate::params::Params;
use crate::shell::{House, Shell};

#[derive(Debug, Template)]
#[template(path = "alerts.html")]
pub(crate) struct AlertsPage {
    pub(crate) shell: Shell,
    pub(crate) active: Vec<Sounding>,
    /// How many alerts fire or are pending.
    pub(crate) sounding: usize,
    /// Those that are only told: they fire by design.
    pub(crate) steady: Vec<AlertRow>,
    pub(crate) objectives: Vec<ObjectiveRow>,
    pub(crate) destinations: Vec<DestinationRow>,
    pub(crate) dead: Vec<LetterRow>,
    pub(crate) tests: Vec<LetterRow>,
    pub(crate) noisy: Vec<NoisyRow>,
    pub(crate) groups: Vec<GroupRows>,
    pub(crate) rules: usize,
    pub(crate) failing: usize,
    /// How many silences are active.
    pub(crate) silenced: usize,
}

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) rules: Vec<RuleStatus>,
    pub(crate) active: Vec<AlertInstance>,
    pub(crate) suppressed: Suppressed,
    pub(crate) silenced: usize,
    pub(crate) objectives: Vec<Objective>,
    pub(crate) noise: Vec<Noise>,
    pub(crate) letters: Letters,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let mut shell = Shell::new(&house, "/alerts", "Alerts").live(15);
    let tests = params.text("tests");
    let (objectives, noise, letters) = tokio::join!(
        objectives::ask(&console, house.now),
        noisy::ask(&console, house.now),
        destinations::ask(&console, &tests)
    );
    let active = console.alerts.active_alerts();
    let silences = console.alerts.silences();
    let found = Found {
        rules: console.alerts.rules(),
        suppressed: suppressed::of(&console, &active, house.now),
        silenced: silences
            .iter()
            .filter(|silence| silence.state == SilenceState::Active)
            .count(),
        active,
        objectives: shell.take("objectives", objectives),
        noise: shell.take("how often alerts fired", noise),
        letters: shell.take("notifications", letters),
    };
    render(&view(shell, house.now, &found))
}

pub(crate) const fn state_name(state: AlertState) -> &'static str {
    match state {
        AlertState::Inactive => "inactive",
        AlertState::Pending => "pending",
        AlertState::Firing => "firing",
    }
}

pub(crate) fn view(shell: Shell, now: Timestamp, found: &Found) -> AlertsPage {
    let mut active: Vec<&AlertInstance> = found.active.iter().collect();
    active.sort_by_key(|alert| (std::cmp::Reverse(alert.state), alert.active_at));
    let (steady, active): (Vec<_>, Vec<_>) = active
        .into_iter()
        .partition(|alert| alert.labels.get("severity") == Some("info"));
    let row = |alert: &AlertInstance| AlertRow {
        suppressed: found.suppressed.told(&alert.labels),
        ..rows::alert_row(alert, &found.rules, now)
    };
    let letters = |all: &[Delivery]| {
        let all = all.iter();
        all.map(|one| destinations::letter(one, now)).collect()
    };
    AlertsPage {
        shell,
        sounding: active.len(),
        active: rows::by_rule(active.into_iter().map(row).collect()),
        steady: steady.into_iter().map(row).collect(),
        objectives: objectives::rows(&found.objectives),
        destinations: found
            .letters
            .destinations
            .iter()
            .map(|status| DestinationRow::of(status, now))
            .collect(),
        dead: letters(&found.letters.dead),
        tests: letters(&found.letters.tests),
        noisy: noisy::rows(&found.noise, &found.rules),
        groups: rows::groups(&found.rules, now),
        rules: found.rules.len(),
        silenced: found.silenced,
        failing: found
            .rules
            .iter()
            .filter(|rule| rule.last_error.is_some())
            .count(),
    }
}

/// Labels as chips, without the alert's name and what is said elsewhere.
pub(crate) fn chips(labels: &LabelSet, said: &[&str]) -> Vec<(String, String)> {
    labels
        .iter()
        .filter(|(key, _)| *key != "alertname" && !said.contains(key))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
