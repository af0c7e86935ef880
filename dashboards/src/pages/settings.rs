//! `/settings`: what is configured, to be read. Secrets are not known here.

use askama::Template;
use axum::extract::State;
use watchfire_alerts::{DestinationStatus, RuleStatus};

use super::{Page, render};
use crate::Console;
use crate::figures::{self, When};
use crate::shell::{House, Shell};

#[derive(Debug, Template)]
#[template(path = "settings.html")]
pub(crate) struct Settings {
    pub(crate) shell: Shell,
    pub(crate) version: String,
    pub(crate) started: When,
    pub(crate) mode: &'static str,
    pub(crate) memory_budget: String,
    pub(crate) rule_groups: Vec<(String, usize)>,
    pub(crate) destinations: Vec<(String, String)>,
}

pub(crate) async fn page(State(console): State<Console>) -> Page {
    let house = House::ask(&console).await;
    let mut shell = Shell::new(&house, "/settings", "Settings");
    let destinations = console.alerts.destinations().await;
    let destinations = shell.take("destinations", destinations);
    let started = When::ago(console.status.started_at(), house.now);
    let budget = console.status.ingest().memory_budget;
    let version = console.status.version();
    let rules = console.alerts.rules();
    let mut view = view(shell, &rules, &destinations, started);
    version.clone_into(&mut view.version);
    view.memory_budget = figures::bytes(budget);
    render(&view)
}

pub(crate) fn view(
    shell: Shell,
    rules: &[RuleStatus],
    destinations: &[DestinationStatus],
    started: When,
) -> Settings {
    let mut rule_groups: Vec<(String, usize)> = Vec::new();
    for rule in rules {
        match rule_groups.iter_mut().find(|(name, _)| *name == rule.group) {
            Some((_, count)) => *count += 1,
            None => rule_groups.push((rule.group.clone(), 1)),
        }
    }
    Settings {
        mode: if shell.is_demo { "demo" } else { "serve" },
        version: String::new(),
        started,
        memory_budget: String::new(),
        rule_groups,
        destinations: destinations
            .iter()
            .map(|destination| (destination.name.clone(), destination.kind.clone()))
            .collect(),
        shell,
    }
}
