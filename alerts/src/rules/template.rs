//! Go's templates as rules use them: `{{ $labels.x }}`, `{{ $value | humanize }}`, `{{ range query
//! "up" }}`, with every function that Prometheus gives them.

mod answers;
mod builtins;
mod format;
mod functions;
mod humanize;
mod message;
mod moment;
mod names;
mod node;
mod parse;
mod printf;
mod run;
mod segments;
mod token;
mod value;

use watchfire_schemas::{LabelSet, Timestamp};

use node::Node;
use parse::Definitions;
use run::Run;
pub(crate) use value::Value;

pub(crate) use answers::{Answers, QuerySample};
pub(crate) use builtins::{html as html_text, url_query};
pub(crate) use format::exponent;
pub(crate) use message::{Library, MessageScope, alert, data, kv};
pub(crate) use moment::{duration_text, formatted};

/// Why a template gives no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("{0}")]
    Syntax(String),
    #[error("{0}")]
    Failed(String),
    /// It asks what is not known yet; [`Answers`] has taken note of the question.
    #[error("a query is not answered yet")]
    Unanswered,
}

impl TemplateError {
    fn syntax(reason: &str) -> Self {
        Self::Syntax(reason.to_owned())
    }

    fn failed(reason: &str) -> Self {
        Self::Failed(reason.to_owned())
    }
}

/// What surrounds every template of an evaluation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub now: Timestamp,
    pub external_url: &'a str,
    pub external_labels: &'a LabelSet,
    pub answers: &'a Answers,
}

/// What a template may name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// Of the sample that made the alert.
    pub labels: &'a LabelSet,
    pub value: f64,
    pub around: Surroundings<'a>,
}

impl Scope<'_> {
    fn field(&self, name: &str) -> Option<Value> {
        Some(match name {
            "Labels" => Value::labels(self.labels.iter()),
            "ExternalLabels" => Value::labels(self.around.external_labels.iter()),
            "ExternalURL" => Value::Text(self.around.external_url.to_owned()),
            "Value" => Value::Number(self.value),
            _ => return None,
        })
    }

    fn query(&self, expr: &str) -> Result<Value, TemplateError> {
        self.around.answers.to(expr).map(Value::samples)
    }

    /// The path of the console's address.
    fn path_prefix(&self) -> &str {
        let url = self.around.external_url;
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.find('/').map_or("", |at| &rest[at..])
    }
}

/// A text with holes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    nodes: Vec<Node>,
    definitions: Definitions,
}

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        let (nodes, definitions) = parse::parse(text, message::Dialect::Rules)?;
        Ok(Self { nodes, definitions })
    }

    pub(crate) fn fill(&self, scope: &Scope<'_>) -> Result<String, TemplateError> {
        Run::new(scope, &self.definitions).whole(&self.nodes)
    }
}

/// The text that a template gives; one that fails says so in its text.
pub(crate) fn told(filled: Result<String, TemplateError>) -> String {
    filled.unwrap_or_else(|error| format!("<error expanding template: {error}>"))
}

#[cfg(test)]
mod tests;
