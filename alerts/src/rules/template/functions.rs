use regex::Regex;
use watchfire_schemas::Timestamp;

use super::TemplateError;
use super::expression::Value;
use super::format::{printf, significant};

/// Calls a function by its name.
pub(super) fn call(name: &str, arguments: &[Value]) -> Result<Value, TemplateError> {
    let arguments = Arguments { name, arguments };
    let text = |text: String| Ok(Value::Text(text));
    match name {
        "humanize" => text(humanize(arguments.number(0)?)),
        "humanize1024" => text(humanize1024(arguments.number(0)?)),
        "humanizeDuration" => text(humanize_duration(arguments.number(0)?)),
        "humanizePercentage" => text(format!("{}%", significant(arguments.number(0)? * 100.0, 4))),
        "humanizeTimestamp" => text(humanize_timestamp(arguments.number(0)?)),
        "printf" => text(printf(
            &arguments.text(0)?,
            arguments.arguments.get(1..).unwrap_or_default(),
        )?),
        "print" => text(arguments.arguments.iter().map(Value::to_string).collect()),
        "title" => text(title(&arguments.text(0)?)),
        "toUpper" => text(arguments.text(0)?.to_uppercase()),
        "toLower" => text(arguments.text(0)?.to_lowercase()),
        "stripPort" => text(strip_port(&arguments.text(0)?)),
        "stripDomain" => text(strip_domain(&arguments.text(0)?)),
        "match" => Ok(Value::Truth(
            arguments.regex(0)?.is_match(&arguments.text(1)?),
        )),
        "reReplaceAll" => {
            let replacement = arguments.text(1)?;
            let replaced = arguments
                .regex(0)?
                .replace_all(&arguments.text(2)?, replacement)
                .into_owned();
            text(replaced)
        }
        "parseDuration" => {
            let given = arguments.text(0)?;
            let duration = promql_parser::util::parse_duration(&given)
                .map_err(|_| arguments.failed(&format!("{given:?} is not a duration")))?;
            Ok(Value::Number(duration.as_secs_f64()))
        }
        "index" => arguments.index(),
        _ => Err(TemplateError::Unsupported(format!("the function {name}"))),
    }
}

struct Arguments<'a> {
    name: &'a str,
    arguments: &'a [Value],
}

impl Arguments<'_> {
    fn failed(&self, reason: &str) -> TemplateError {
        TemplateError::Failed(format!("{}: {reason}", self.name))
    }

    fn at(&self, index: usize) -> Result<&Value, TemplateError> {
        self.arguments
            .get(index)
            .ok_or_else(|| self.failed("an argument is missing"))
    }

    fn text(&self, index: usize) -> Result<String, TemplateError> {
        self.at(index).map(Value::to_string)
    }

    fn number(&self, index: usize) -> Result<f64, TemplateError> {
        match self.at(index)? {
            Value::Number(number) => Ok(*number),
            other => {
                let text = other.to_string();
                let number = text.parse();
                number.map_err(|_| self.failed(&format!("{text:?} is not a number")))
            }
        }
    }

    fn regex(&self, index: usize) -> Result<Regex, TemplateError> {
        let text = self.text(index)?;
        Regex::new(&text).map_err(|_| self.failed(&format!("{text:?} is not an expression")))
    }

    fn index(&self) -> Result<Value, TemplateError> {
        let Value::Labels(labels) = self.at(0)? else {
            return Err(self.failed("only labels can be indexed"));
        };
        let name = self.text(1)?;
        let found = labels.iter().find(|(n, _)| *n == name);
        Ok(Value::Text(
            found.map(|(_, v)| v.clone()).unwrap_or_default(),
        ))
    }
}

fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return significant(value, 4);
    }
    if value.abs() >= 1.0 {
        return scaled(value, 1000.0, &["k", "M", "G", "T", "P", "E", "Z", "Y"]);
    }
    small(value)
}

fn humanize1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return significant(value, 4);
    }
    scaled(
        value,
        1024.0,
        &["Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"],
    )
}

fn scaled(mut value: f64, by: f64, prefixes: &[&str]) -> String {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < by {
            break;
        }
        prefix = next;
        value /= by;
    }
    format!("{}{prefix}", significant(value, 4))
}

fn small(mut value: f64) -> String {
    let mut prefix = "";
    for next in ["m", "u", "n", "p", "f", "a", "z", "y"] {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = next;
        value *= 1000.0;
    }
    format!("{}{prefix}", significant(value, 4))
}

fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return significant(value, 4);
    }
    if value == 0.0 {
        return "0s".to_owned();
    }
    if value.abs() < 1.0 {
        return format!("{}s", small(value));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let whole = value.abs() as u64;
    let (days, hours) = (whole / 86_400, whole / 3600 % 24);
    let (minutes, seconds) = (whole / 60 % 60, whole % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{}s", significant(value, 4)),
        (0, 0, _) => format!("{sign}{minutes}m {seconds}s"),
        (0, _, _) => format!("{sign}{hours}h {minutes}m {seconds}s"),
        _ => format!("{sign}{days}d {hours}h {minutes}m {seconds}s"),
    }
}

fn humanize_timestamp(value: f64) -> String {
    if !value.is_finite() {
        return significant(value, 4);
    }
    let at = Timestamp::from_millis((value * 1000.0).round() as i64).to_string();
    format!("{} +0000 UTC", at.trim_end_matches('Z').replace('T', " "))
}

fn title(text: &str) -> String {
    let mut starts = true;
    text.chars()
        .map(|c| {
            let shown = if starts { c.to_ascii_uppercase() } else { c };
            starts = c.is_whitespace();
            shown
        })
        .collect()
}

fn strip_port(text: &str) -> String {
    match text.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => {
            host.trim_matches(['[', ']']).to_owned()
        }
        _ => text.to_owned(),
    }
}

fn strip_domain(text: &str) -> String {
    let (host, port) = text.split_once(':').unwrap_or((text, ""));
    if host.parse::<std::net::IpAddr>().is_ok() {
        return text.to_owned();
    }
    let name = host.split('.').next().unwrap_or(host);
    if port.is_empty() {
        name.to_owned()
    } else {
        format!("{name}:{port}")
    }
}
