use promql_parser::parser::Call;
use regex::Regex;
use watchfire_schemas::LabelSet;

use super::evaluator::{Evaluator, failed};
use super::metric::Metric;
use super::value::{Series, join_by_labels};
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
    check_name(evaluator, call, &dst)?;
    relabel(evaluator, call, |metric| {
        let value = metric.get(&src).unwrap_or_default();
        let found = regex.captures(value)?;
        let mut replaced = String::new();
        found.expand(&replacement, &mut replaced);
        Some((metric.labels().with(&dst, &replaced), dst == LabelSet::NAME))
    })
}

/// `label_join(v, dst, separator, src…)`.
pub(crate) fn join(evaluator: &Evaluator<'_>, call: &Call) -> Result<Vec<Series>, QueryError> {
    let texts = texts(evaluator, call, 1)?;
    let [dst, separator, sources @ ..] = texts.as_slice() else {
        return Err(failed("label_join() takes two strings or more"));
    };
    check_name(evaluator, call, dst)?;
    relabel(evaluator, call, |metric| {
        let values = sources
            .iter()
            .map(|name| metric.get(name).unwrap_or_default());
        let joined = values.collect::<Vec<_>>().join(separator);
        Some((metric.labels().with(dst, &joined), dst == LabelSet::NAME))
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
    change: impl Fn(&Metric) -> Option<(LabelSet, bool)>,
) -> Result<Vec<Series>, QueryError> {
    let vector = call
        .args
        .args
        .first()
        .ok_or_else(|| failed("a vector is missing"))?;
    let mut series = evaluator.vector(vector)?;
    for one in &mut series {
        if let Some((labels, named)) = change(&one.metric) {
            one.metric = one.metric.relabelled(labels, named);
        }
    }
    join_by_labels(series)
}

/// Whether a label may have this name: any text that is not empty, as in Prometheus 3.
pub(crate) fn is_label_name(name: &str) -> bool {
    !name.is_empty()
}

fn check_name(evaluator: &Evaluator<'_>, call: &Call, name: &str) -> Result<(), QueryError> {
    let destination = call.args.args.get(1);
    let broken = destination.and_then(|arg| evaluator.parsed.broken_text(arg));
    if broken.is_none() && is_label_name(name) {
        return Ok(());
    }
    let (function, name) = (call.func.name, broken.unwrap_or(name));
    let text = format!("invalid destination label name in {function}(): {name}");
    Err(QueryError::Execution(text))
}
