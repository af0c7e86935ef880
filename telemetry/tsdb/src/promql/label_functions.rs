use std::sync::Arc;

use promql_parser::parser::Call;
use regex::Regex;
use watchfire_schemas::LabelSet;

use super::evaluator::{Evaluator, failed};
use super::value::{Metric, Series, join_by_labels};
use crate::QueryError;

/// `label_replace(v, dst, replacement, src, regex)`.
pub(crate) fn replace(evaluator: &Evaluator<'_>, call: &Call) -> Result<Vec<Series>, QueryError> {
    let [dst, replacement, src, pattern] = texts(evaluator, call, 1)?
        .try_into()
        .map_err(|_| failed("label_replace() takes four strings"))?;
    let regex = Regex::new(&format!("^(?s:{pattern})$")).map_err(|_| {
        failed(&format!(
            "invalid regular expression in label_replace(): {pattern}"
        ))
    })?;
    check_name("label_replace", &dst)?;
    relabel(evaluator, call, |metric| {
        let value = metric.get(&src).unwrap_or_default();
        let found = regex.captures(value)?;
        let mut replaced = String::new();
        found.expand(&replacement, &mut replaced);
        Some(metric.labels().with(&dst, &replaced))
    })
}

/// `label_join(v, dst, separator, src…)`.
pub(crate) fn join(evaluator: &Evaluator<'_>, call: &Call) -> Result<Vec<Series>, QueryError> {
    let texts = texts(evaluator, call, 1)?;
    let [dst, separator, sources @ ..] = texts.as_slice() else {
        return Err(failed("label_join() takes two strings or more"));
    };
    check_name("label_join", dst)?;
    relabel(evaluator, call, |metric| {
        let values = sources
            .iter()
            .map(|name| metric.get(name).unwrap_or_default());
        let joined = values.collect::<Vec<_>>().join(separator);
        Some(metric.labels().with(dst, &joined))
    })
}

/// The string arguments from one on.
pub(crate) fn texts(
    evaluator: &Evaluator<'_>,
    call: &Call,
    from: usize,
) -> Result<Vec<String>, QueryError> {
    let args = call.args.args.iter().skip(from);
    args.map(|arg| evaluator.text(arg)).collect()
}

fn relabel(
    evaluator: &Evaluator<'_>,
    call: &Call,
    change: impl Fn(&Metric) -> Option<LabelSet>,
) -> Result<Vec<Series>, QueryError> {
    let vector = call
        .args
        .args
        .first()
        .ok_or_else(|| failed("a vector is missing"))?;
    let mut series = evaluator.vector(vector)?;
    for one in &mut series {
        if let Some(labels) = change(&one.metric) {
            one.metric = Metric::new(Arc::new(labels));
        }
    }
    join_by_labels(series)
}

fn check_name(function: &str, name: &str) -> Result<(), QueryError> {
    if name.is_empty() {
        let text = format!("invalid destination label name in {function}(): {name}");
        return Err(QueryError::Execution(text));
    }
    Ok(())
}
