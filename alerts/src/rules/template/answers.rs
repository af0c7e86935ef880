use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use watchfire_schemas::LabelSet;

use super::TemplateError;

/// A sample that a template's query gave.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QuerySample {
    pub labels: LabelSet,
    pub value: f64,
}

/// What the telemetry answers to the queries of templates.
///
/// Filling a template is computing, asking is not: a template that asks what is not known breaks
/// off, the question is noted, and once it is answered the template is filled anew. So evaluating a
/// rule stays a function of what went in.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    known: BTreeMap<String, Result<Vec<QuerySample>, String>>,
    open: RefCell<BTreeSet<String>>,
}

impl Answers {
    pub(super) fn to(&self, expr: &str) -> Result<Vec<QuerySample>, TemplateError> {
        match self.known.get(expr) {
            Some(Ok(samples)) => Ok(samples.clone()),
            Some(Err(reason)) => Err(TemplateError::Failed(format!(
                "error calling query: {reason}"
            ))),
            None => {
                self.open.borrow_mut().insert(expr.to_owned());
                Err(TemplateError::Unanswered)
            }
        }
    }

    /// The questions that were asked since the last time.
    pub(crate) fn take_open(&mut self) -> BTreeSet<String> {
        self.open.take()
    }

    pub(crate) fn learn(&mut self, expr: String, answer: Result<Vec<QuerySample>, String>) {
        self.known.insert(expr, answer);
    }
}
