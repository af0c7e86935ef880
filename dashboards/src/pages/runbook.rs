//! `/runbooks/{alert}`: what to do about an alert that ships with Watchfire.

use askama::Template;
use axum::extract::{Path, State};
use watchfire_alerts::Alerts;

use super::{Fault, Page, render};
use crate::Console;
use crate::shell::{House, Shell};

#[derive(Debug, Template)]
#[template(path = "runbook.html")]
pub(crate) struct RunbookPage {
    pub(crate) shell: Shell,
    /// The rule that fires it, if it is loaded.
    pub(crate) rule: Option<String>,
    pub(crate) blocks: Vec<Block>,
}

/// A piece of Markdown, as far as runbooks use it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Block {
    Heading(String),
    Paragraph(Vec<Span>),
    List(Vec<Vec<Span>>),
}

/// Words, or code among them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub(crate) is_code: bool,
    pub(crate) text: String,
}

pub(crate) async fn page(State(console): State<Console>, Path(alert): Path<String>) -> Page {
    let text = Alerts::runbook(&alert);
    let text = text.ok_or_else(|| Fault::NotFound(format!("runbook {alert}")))?;
    let house = House::ask(&console).await;
    let shell = Shell::new(&house, "/alerts", format!("Runbook: {alert}"));
    let rules = console.alerts.rules();
    let rule = rules.iter().find(|rule| rule.name == alert);
    render(&view(
        shell,
        rule.map(|rule| super::alerts::rule_path(&rule.key)),
        text,
    ))
}

pub(crate) fn view(shell: Shell, rule: Option<String>, text: &str) -> RunbookPage {
    RunbookPage {
        shell,
        rule,
        blocks: blocks(text),
    }
}

/// The first heading is the page's own.
fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(heading) = line.strip_prefix("## ") {
            blocks.push(Block::Heading(heading.to_owned()));
        } else if let Some(item) = line.strip_prefix("- ") {
            match blocks.last_mut() {
                Some(Block::List(items)) => items.push(spans(item)),
                _ => blocks.push(Block::List(vec![spans(item)])),
            }
        } else if !line.starts_with("# ") {
            blocks.push(Block::Paragraph(spans(line)));
        }
    }
    blocks
}

fn spans(line: &str) -> Vec<Span> {
    let parts = line.split('`').enumerate();
    parts
        .filter(|(_, text)| !text.is_empty())
        .map(|(at, text)| Span {
            is_code: at % 2 == 1,
            text: text.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runbook_is_read() {
        for alert in Alerts::runbooks() {
            let blocks = blocks(Alerts::runbook(alert).unwrap());
            assert!(matches!(blocks[0], Block::Paragraph(_)), "{alert}");
            let lists = blocks.iter().filter(|b| matches!(b, Block::List(_)));
            assert_eq!(lists.count(), 2, "{alert}");
        }
        let code = spans("see `/alerts` now");
        assert_eq!(code.iter().filter(|span| span.is_code).count(), 1);
    }
}
