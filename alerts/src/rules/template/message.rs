//! Templates of messages, as Alertmanager has them: their values, and the functions that they have
//! beside Go's own.

mod functions;
mod json;
mod values;

use std::collections::BTreeMap;

use watchfire_schemas::{LabelSet, Timestamp};

use super::parse::{self, Definitions};
use super::run::Run;
use super::{Answers, Scope, Surroundings, Template, TemplateError, Value};

pub(super) use functions::{NAMES, call};
pub(super) use json::{shown, shown_set};
pub(crate) use values::{alert, data, kv};
pub(super) use values::{field, method, pair};

/// Whose functions and variables a template has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Rules,
    /// Whether what is printed is made safe for HTML.
    Messages {
        is_html: bool,
    },
}

/// Templates that others call by their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Library(Definitions);

impl Library {
    /// Takes over what a text defines; a name that is known is defined anew.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), TemplateError> {
        let (_, definitions) = parse::parse(text, Dialect::Messages { is_html: false })?;
        self.0.extend(definitions);
        Ok(())
    }
}

/// What a message is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageScope<'a> {
    pub data: &'a Value,
    pub library: &'a Library,
    pub now: Timestamp,
}

impl Template {
    /// One that says nothing.
    pub(crate) fn empty() -> Self {
        Self {
            nodes: Vec::new(),
            definitions: Definitions::new(),
        }
    }

    pub(crate) fn parse_message(text: &str) -> Result<Self, TemplateError> {
        let (nodes, definitions) = parse::parse(text, Dialect::Messages { is_html: false })?;
        Ok(Self { nodes, definitions })
    }

    pub(crate) fn fill_text(&self, scope: &MessageScope<'_>) -> Result<String, TemplateError> {
        self.fill_message(scope, false)
    }

    /// What comes from labels and annotations cannot become markup.
    pub(crate) fn fill_html(&self, scope: &MessageScope<'_>) -> Result<String, TemplateError> {
        self.fill_message(scope, true)
    }

    fn fill_message(
        &self,
        scope: &MessageScope<'_>,
        is_html: bool,
    ) -> Result<String, TemplateError> {
        let (labels, answers) = (LabelSet::default(), Answers::default());
        let surroundings = Scope {
            labels: &labels,
            value: 0.0,
            around: Surroundings {
                now: scope.now,
                external_url: "",
                external_labels: &labels,
                answers: &answers,
            },
        };
        let mut all: BTreeMap<_, _> = scope.library.0.clone();
        all.extend(self.definitions.clone());
        let mut run = Run::new(&surroundings, &all);
        run.message(&self.nodes, scope.data, Dialect::Messages { is_html })
    }
}

#[cfg(test)]
mod tests;
