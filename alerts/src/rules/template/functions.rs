//! The functions that Prometheus gives to templates.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;

use super::builtins::{self, url_query};
use super::format::significant;
use super::humanize::{
    humanize, humanize_1024, humanize_duration, humanize_timestamp, nanoseconds,
};
use super::message::{self, Dialect};
use super::names::{strip_domain, strip_port, title};
use super::run::Run;
use super::value::Value;
use super::{QuerySample, TemplateError};
use crate::rules::parse_duration;

const NAMES: [&str; 30] = [
    "query",
    "first",
    "label",
    "value",
    "strvalue",
    "args",
    "reReplaceAll",
    "safeHtml",
    "match",
    "title",
    "toUpper",
    "toLower",
    "graphLink",
    "tableLink",
    "sortByLabel",
    "stripPort",
    "stripDomain",
    "humanize",
    "humanize1024",
    "humanizeDuration",
    "humanizePercentage",
    "humanizeTimestamp",
    "toTime",
    "toDuration",
    "now",
    "pathPrefix",
    "externalURL",
    "parseDuration",
    "urlQueryEscape",
    "tmpl",
];

pub(super) fn is_function(name: &str, dialect: Dialect) -> bool {
    let own: &[&str] = match dialect {
        Dialect::Rules => &NAMES,
        Dialect::Messages { .. } => &message::NAMES,
    };
    own.contains(&name) || builtins::NAMES.contains(&name)
}

/// Calls a function by its name.
pub(super) fn call(
    name: &str,
    arguments: &[Value],
    run: &mut Run<'_>,
) -> Result<Value, TemplateError> {
    if run.dialect() != Dialect::Rules {
        return message::call(name, arguments, run);
    }
    let arguments = Arguments { name, arguments };
    if let Some(called) = builtins::call(name, &arguments) {
        return called;
    }
    match name {
        "query" => run.scope().query(&arguments.text(0)?),
        "tmpl" => {
            let text = run.defined(&arguments.text(0)?, arguments.at(1)?)?;
            Ok(Value::Text(text))
        }
        "now" => Ok(Value::Number(run.scope().around.now.as_secs_f64())),
        "externalURL" => Ok(Value::Text(run.scope().around.external_url.to_owned())),
        "pathPrefix" => Ok(Value::Text(run.scope().path_prefix().to_owned())),
        "first" | "label" | "value" | "strvalue" | "sortByLabel" => of_samples(&arguments),
        "args" => Ok(numbered(arguments.arguments)),
        _ => of_texts(&arguments),
    }
}

fn of_samples(arguments: &Arguments<'_>) -> Result<Value, TemplateError> {
    match arguments.name {
        "first" => {
            let samples = arguments.list(0)?;
            let first = samples.first().cloned();
            first.ok_or_else(|| arguments.failed("first() called on vector with no elements"))
        }
        "label" => {
            let name = arguments.text(0)?;
            let sample = arguments.sample(1)?;
            let label = sample.labels.get(&name).unwrap_or_default();
            Ok(Value::Text(label.to_owned()))
        }
        "value" => Ok(Value::Number(arguments.sample(0)?.value)),
        "strvalue" => {
            let sample = arguments.sample(0)?;
            let value = sample.labels.get("__value__").unwrap_or_default();
            Ok(Value::Text(value.to_owned()))
        }
        _ => {
            let name = arguments.text(0)?;
            let mut samples = arguments.list(1)?.clone();
            samples.sort_by_key(|value| match value {
                Value::Sample(sample) => sample.labels.get(&name).unwrap_or_default().to_owned(),
                _ => String::new(),
            });
            Ok(Value::List(Arc::new(samples)))
        }
    }
}

/// `args`: `arg0`, `arg1`, …
fn numbered(values: &[Value]) -> Value {
    let values = values.iter().enumerate();
    let map: BTreeMap<String, Value> = values
        .map(|(at, value)| (format!("arg{at}"), value.clone()))
        .collect();
    Value::Map(Arc::new(map))
}

fn of_texts(arguments: &Arguments<'_>) -> Result<Value, TemplateError> {
    let text = match arguments.name {
        "humanize" => humanize(arguments.number(0)?),
        "humanize1024" => humanize_1024(arguments.number(0)?),
        "humanizeDuration" => humanize_duration(arguments.number(0)?),
        "humanizePercentage" => format!("{}%", significant(arguments.number(0)? * 100.0, 4)),
        "humanizeTimestamp" => {
            humanize_timestamp(arguments.number(0)?).map_err(|reason| arguments.failed(&reason))?
        }
        "title" => title(&arguments.text(0)?),
        "toUpper" => arguments.text(0)?.to_uppercase(),
        "toLower" => arguments.text(0)?.to_lowercase(),
        "stripPort" => strip_port(&arguments.text(0)?).to_owned(),
        "stripDomain" => strip_domain(&arguments.text(0)?),
        "safeHtml" => arguments.text(0)?,
        "urlQueryEscape" => url_query(&arguments.text(0)?),
        "graphLink" => format!("/graph?g0.expr={}&g0.tab=0", url_query(&arguments.text(0)?)),
        "tableLink" => format!("/graph?g0.expr={}&g0.tab=1", url_query(&arguments.text(0)?)),
        "reReplaceAll" => {
            let (regex, replacement) = (arguments.regex(0)?, arguments.text(1)?);
            let text = arguments.text(2)?;
            regex.replace_all(&text, replacement).into_owned()
        }
        _ => return of_values(arguments),
    };
    Ok(Value::Text(text))
}

fn of_values(arguments: &Arguments<'_>) -> Result<Value, TemplateError> {
    match arguments.name {
        "match" => Ok(Value::Truth(
            arguments.regex(0)?.is_match(&arguments.text(1)?),
        )),
        "toTime" => {
            let nanos = nanoseconds(arguments.number(0)?);
            // Prometheus' times are of milliseconds.
            nanos
                .map(|nanos| Value::Moment(nanos / 1_000_000 * 1_000_000))
                .map_err(|reason| arguments.failed(&reason))
        }
        "toDuration" => {
            let nanos = nanoseconds(arguments.number(0)?);
            nanos
                .map(Value::Span)
                .map_err(|reason| arguments.failed(&reason))
        }
        "parseDuration" => {
            let given = arguments.text(0)?;
            let duration = parse_duration(&given).ok_or_else(|| {
                arguments.failed(&format!("not a valid duration string: {given:?}"))
            })?;
            Ok(Value::Number(duration.as_secs_f64()))
        }
        other => Err(TemplateError::Failed(format!(
            "function {other:?} not defined"
        ))),
    }
}

/// What a function was given.
pub(super) struct Arguments<'a> {
    name: &'a str,
    arguments: &'a [Value],
}

impl<'a> Arguments<'a> {
    pub(super) const fn new(name: &'a str, arguments: &'a [Value]) -> Self {
        Self { name, arguments }
    }

    pub(super) const fn all(&self) -> &'a [Value] {
        self.arguments
    }

    pub(super) fn failed(&self, reason: &str) -> TemplateError {
        TemplateError::Failed(format!("error calling {}: {reason}", self.name))
    }

    pub(super) fn at(&self, index: usize) -> Result<&'a Value, TemplateError> {
        self.arguments
            .get(index)
            .ok_or_else(|| self.failed("an argument is missing"))
    }

    pub(super) fn text(&self, index: usize) -> Result<String, TemplateError> {
        match self.at(index)? {
            Value::Text(text) | Value::Safe(text) => Ok(text.clone()),
            other => Err(self.wrong("string", other)),
        }
    }

    fn wrong(&self, wanted: &str, found: &Value) -> TemplateError {
        let kind = found.kind();
        TemplateError::Failed(format!(
            "wrong type for value of {}; expected {wanted}; got {kind}",
            self.name
        ))
    }

    pub(super) fn number(&self, index: usize) -> Result<f64, TemplateError> {
        match self.at(index)? {
            Value::Number(number) => Ok(*number),
            Value::Int(int) => Ok(*int as f64),
            Value::Span(nanos) => Ok(*nanos as f64 / 1e9),
            Value::Text(text) => text
                .parse()
                .ok()
                .ok_or_else(|| self.failed(&format!("parsing {text:?}: invalid syntax"))),
            other => Err(self.failed(&format!("can't convert {} to float", other.kind()))),
        }
    }

    pub(super) fn list(&self, index: usize) -> Result<&'a Vec<Value>, TemplateError> {
        match self.at(index)? {
            Value::List(list) => Ok(list),
            other => Err(self.wrong("template.queryResult", other)),
        }
    }

    fn sample(&self, index: usize) -> Result<&'a QuerySample, TemplateError> {
        match self.at(index)? {
            Value::Sample(sample) => Ok(sample),
            other => Err(self.wrong("*template.sample", other)),
        }
    }

    pub(super) fn regex(&self, index: usize) -> Result<Regex, TemplateError> {
        let text = self.text(index)?;
        Regex::new(&text).map_err(|_| self.failed(&format!("error parsing regexp: {text:?}")))
    }
}
