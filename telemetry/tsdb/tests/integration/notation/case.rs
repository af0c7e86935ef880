use std::time::Duration;

use watchfire_schemas::LabelSet;

use super::metric::{parse_metric, quoted};
use super::values::{Point, parse_values};

#[derive(Debug)]
pub(crate) enum Command {
    Clear,
    Load {
        step: i64,
        with_nhcb: bool,
        series: Vec<(LabelSet, Vec<Point>)>,
    },
    Eval(Box<Eval>),
}

/// An expression, when it is asked, and what is expected of it.
#[derive(Debug, Default)]
pub(crate) struct Eval {
    pub(crate) line: usize,
    pub(crate) expr: String,
    pub(crate) start: i64,
    /// Of a range: its end and step.
    pub(crate) range: Option<(i64, i64)>,
    pub(crate) ordered: bool,
    pub(crate) fail: Option<Text>,
    pub(crate) warn: Vec<Text>,
    pub(crate) info: Vec<Text>,
    pub(crate) no_warn: bool,
    pub(crate) no_info: bool,
    pub(crate) scalar: Option<f64>,
    pub(crate) string: Option<String>,
    pub(crate) series: Vec<(LabelSet, Vec<Point>)>,
}

/// What a message must be.
#[derive(Debug, Clone)]
pub(crate) enum Text {
    Any,
    Whole(String),
    Pattern(String),
}

/// Commands with the lines they begin on, or why one cannot be read.
pub(crate) fn parse(text: &str) -> Vec<(usize, Result<Command, String>)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let lines: Vec<&str> = lines
        .into_iter()
        .map(|line| if line.starts_with('#') { "" } else { line })
        .collect();
    let mut commands = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let first = lines[at];
        let begin = at;
        at += 1;
        if first.is_empty() {
            continue;
        }
        let body_end = lines[at..].iter().position(|line| line.is_empty());
        let has_body = !first.eq_ignore_ascii_case("clear");
        let end = if has_body {
            body_end.map_or(lines.len(), |end| at + end)
        } else {
            at
        };
        let body = &lines[at..end];
        at = end;
        commands.push((begin + 1, command(begin + 1, first, body)));
    }
    commands
}

fn command(line: usize, first: &str, body: &[&str]) -> Result<Command, String> {
    if first.eq_ignore_ascii_case("clear") {
        return Ok(Command::Clear);
    }
    if let Some(load) = first.strip_prefix("load") {
        let (with_nhcb, step) = match load.strip_prefix("_with_nhcb") {
            Some(step) => (true, step),
            None => (false, load),
        };
        let series = body.iter().map(|line| {
            let (labels, values) = parse_metric(line)?;
            Ok((labels, parse_values(values)?))
        });
        return Ok(Command::Load {
            step: duration(step.trim())?,
            with_nhcb,
            series: series.collect::<Result<_, String>>()?,
        });
    }
    eval(line, first, body).map(|eval| Command::Eval(Box::new(eval)))
}

fn eval(line: usize, first: &str, body: &[&str]) -> Result<Eval, String> {
    let (verb, rest) = first
        .split_once(char::is_whitespace)
        .ok_or("no expression")?;
    let mut eval = Eval {
        line,
        ..Eval::default()
    };
    match verb {
        "eval" => {}
        "eval_ordered" => eval.ordered = true,
        "eval_fail" => eval.fail = Some(Text::Any),
        "eval_warn" => eval.warn.push(Text::Any),
        "eval_info" => eval.info.push(Text::Any),
        other => return Err(format!("unknown command {other}")),
    }
    let mut words = rest.trim_start();
    let mut word = || {
        let end = words.find(char::is_whitespace).unwrap_or(words.len());
        let (word, rest) = words.split_at(end);
        words = rest.trim_start();
        word.to_owned()
    };
    if word() == "instant" {
        word();
        eval.start = duration(&word())?;
    } else {
        word();
        eval.start = duration(&word())?;
        word();
        let end = duration(&word())?;
        word();
        eval.range = Some((end, duration(&word())?));
    }
    words.clone_into(&mut eval.expr);
    for line in body {
        expectation(&mut eval, line)?;
    }
    Ok(eval)
}

fn expectation(eval: &mut Eval, line: &str) -> Result<(), String> {
    if let Some(message) = line.strip_prefix("expected_fail_message") {
        eval.fail = Some(Text::Whole(message.trim().to_owned()));
        return Ok(());
    }
    if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
        eval.fail = Some(Text::Pattern(pattern.trim().to_owned()));
        return Ok(());
    }
    if let Some(expected) = line.strip_prefix("expect ") {
        return annotation(eval, expected.trim());
    }
    if line.parse::<f64>().is_ok() {
        eval.scalar = line.parse().ok();
        return Ok(());
    }
    let (labels, values) = parse_metric(line)?;
    eval.series.push((labels, parse_values(values)?));
    Ok(())
}

fn annotation(eval: &mut Eval, expected: &str) -> Result<(), String> {
    let (kind, rest) = expected.split_once(' ').unwrap_or((expected, ""));
    let rest = rest.trim();
    let text = if let Some(message) = rest.strip_prefix("msg:") {
        Text::Whole(message.trim().to_owned())
    } else if let Some(pattern) = rest.strip_prefix("regex:") {
        Text::Pattern(pattern.trim().to_owned())
    } else {
        Text::Any
    };
    match kind {
        "ordered" => eval.ordered = true,
        "fail" => eval.fail = Some(text),
        "warn" => eval.warn.push(text),
        "info" => eval.info.push(text),
        "no_warn" => eval.no_warn = true,
        "no_info" => eval.no_info = true,
        "string" => eval.string = Some(quoted(rest)?.0),
        other => return Err(format!("unknown expectation {other}")),
    }
    Ok(())
}

/// Milliseconds: `1h30m`, `15s`, `0`.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let bad = || format!("bad duration {text:?}");
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1000.0) as i64);
    }
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let mut millis = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let number: i64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let unit_end = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        millis += number
            * match &rest[..unit_end] {
                "ms" => 1,
                "s" => 1000,
                "m" => 60_000,
                "h" => 3_600_000,
                "d" => 86_400_000,
                "w" => 7 * 86_400_000,
                "y" => 365 * 86_400_000,
                _ => return Err(bad()),
            };
        rest = &rest[unit_end..];
    }
    Ok(sign * millis)
}

/// A step as the store takes it.
pub(crate) fn step_of(millis: i64) -> Duration {
    Duration::from_millis(millis.max(1).unsigned_abs())
}
