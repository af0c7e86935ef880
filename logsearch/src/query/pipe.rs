use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::scanner::{ParseError, Scanner};

/// More fields in one `count by` are an error.
const MOST_FIELDS: usize = 4;
/// More values in one `top` are an error: an answer has no more rows.
const MOST_VALUES: usize = 10_000;
/// Before `by`, and what a pipe begins with.
const VERBS: [&str; 3] = ["count", "top", "hist"];

/// What is made of the records of a query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Pipe {
    /// Records by the values of these fields; of none, all of them together.
    Count(Vec<String>),
    /// The most frequent values.
    Top { most: Option<usize>, field: String },
    /// Records by steps of a field's numbers, or of time.
    Hist { field: String, step: Option<Step> },
}

/// How wide a step of a histogram is; always above zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    Number(f64),
    Duration(Duration),
}

impl Pipe {
    /// Reads what follows `|`, up to the end.
    pub(super) fn parse(scan: &mut Scanner) -> Result<Self, ParseError> {
        scan.skip(1);
        let pipe = if scan.take_operator(&["count", "COUNT"]) {
            Self::Count(count(scan)?)
        } else if scan.take_operator(&["top", "TOP"]) {
            top(scan)?
        } else if scan.take_operator(&["hist", "HIST"]) {
            hist(scan)?
        } else {
            let what = "count, top or hist after the pipe (the sign itself is searched in quotes)";
            return Err(scan.expected(what));
        };
        scan.skip_space();
        match scan.peek() {
            None => Ok(pipe),
            Some('|') => Err(scan.error("a query has one pipe".to_owned())),
            Some(_) => Err(scan.expected("the end of the query")),
        }
    }

    /// The fields that it is about.
    pub(crate) fn fields(&self) -> &[String] {
        match self {
            Self::Count(fields) => fields,
            Self::Top { field, .. } | Self::Hist { field, .. } => std::slice::from_ref(field),
        }
    }
}

/// Whether the characters after a `|` make it a pipe even within a word.
pub(super) fn starts_verb(rest: &[char]) -> bool {
    let mut rest = rest.iter().skip_while(|c| c.is_whitespace());
    let word: String = rest
        .by_ref()
        .take_while(|c| !c.is_whitespace())
        .take(8)
        .collect();
    VERBS.contains(&word.to_lowercase().as_str())
}

fn count(scan: &mut Scanner) -> Result<Vec<String>, ParseError> {
    if !scan.take_operator(&["by", "BY"]) {
        return Ok(Vec::new());
    }
    let mut fields = vec![name(scan)?];
    loop {
        scan.skip_space();
        if scan.peek() != Some(',') {
            return Ok(fields);
        }
        if fields.len() == MOST_FIELDS {
            return Err(scan.error(format!(
                "records are counted by at most {MOST_FIELDS} fields"
            )));
        }
        scan.skip(1);
        fields.push(name(scan)?);
    }
}

fn top(scan: &mut Scanner) -> Result<Pipe, ParseError> {
    scan.skip_space();
    let start = scan.place();
    let first = name(scan)?;
    scan.skip_space();
    let Some(most) = first
        .parse::<usize>()
        .ok()
        .filter(|_| scan.peek().is_some())
    else {
        return Ok(Pipe::Top {
            most: None,
            field: first,
        });
    };
    if most == 0 || most > MOST_VALUES {
        scan.go_to(start);
        return Err(scan.expected(&format!("a number from 1 to {MOST_VALUES}")));
    }
    Ok(Pipe::Top {
        most: Some(most),
        field: name(scan)?,
    })
}

fn hist(scan: &mut Scanner) -> Result<Pipe, ParseError> {
    let field = name(scan)?;
    let step = if scan.take_operator(&["by", "BY"]) {
        scan.skip_space();
        let start = scan.place();
        let what = "a step above zero, such as 100, 0.5, 250ms or 5m";
        let text = scan.value(what)?;
        let step = Step::parse(&text).ok_or_else(|| {
            scan.go_to(start);
            scan.expected(what)
        })?;
        Some(step)
    } else {
        None
    };
    Ok(Pipe::Hist { field, step })
}

fn name(scan: &mut Scanner) -> Result<String, ParseError> {
    const WHAT: &str = "the name of a field";
    scan.skip_space();
    if scan.peek() == Some('"') {
        return scan.quoted();
    }
    let start = scan.place();
    let has_at = scan.peek() == Some('@');
    let word = scan.bare(|_, c| matches!(c, ',' | '|' | '"' | '('))?;
    let name = &word.text[usize::from(has_at && word.text.len() > 1)..];
    if name.is_empty() || word.prefix {
        scan.go_to(start);
        return Err(scan.expected(WHAT));
    }
    Ok(name.to_owned())
}

/// From the largest, with what each has of the next smaller one in nanoseconds.
const UNITS: [(&str, u64); 9] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("µs", 1_000),
    ("ns", 1),
];

impl Step {
    fn parse(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse::<f64>() {
            return (number.is_finite() && number > 0.0).then_some(Self::Number(number));
        }
        let nanos = read_duration(text).filter(|nanos| *nanos >= 1.0)?;
        Some(Self::Duration(Duration::from_nanos(nanos as u64)))
    }
}

/// The nanoseconds of a text such as `250ms`, `1.5s` or `-3m`.
pub(crate) fn read_duration(text: &str) -> Option<f64> {
    let unit_at = text.find(|c: char| c.is_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
    // So that `inf` and `1e5s` are no durations.
    let is_plain = number
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-'));
    let number: f64 = number.parse().ok().filter(|_| is_plain)?;
    let nanos = number * *nanos as f64;
    (nanos.abs() < 9e18).then_some(nanos)
}

/// So many nanoseconds in the largest unit in which they are a whole number.
pub(crate) fn write_duration(nanos: i64) -> String {
    let unit = UNITS
        .iter()
        .find(|(_, unit)| nanos != 0 && nanos.unsigned_abs().is_multiple_of(*unit));
    match unit {
        None => "0s".to_owned(),
        Some((name, unit)) => format!("{}{name}", nanos / *unit as i64),
    }
}

impl Display for Pipe {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = super::print::quoted;
        match self {
            Self::Count(fields) => {
                f.write_str("count")?;
                for (index, field) in fields.iter().enumerate() {
                    f.write_str(if index == 0 { " by " } else { ", " })?;
                    name(f, field)?;
                }
                Ok(())
            }
            Self::Top { most, field } => {
                f.write_str("top ")?;
                if let Some(most) = most {
                    write!(f, "{most} ")?;
                }
                name(f, field)
            }
            Self::Hist { field, step } => {
                f.write_str("hist ")?;
                name(f, field)?;
                step.map_or(Ok(()), |step| write!(f, " by {step}"))
            }
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Duration(duration) => f.write_str(&write_duration(
                duration.as_nanos().min(i64::MAX as u128) as i64,
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        let check = |text: &str, expected: Option<f64>| assert_eq!(read_duration(text), expected);
        check("250ms", Some(250e6));
        check("1.5s", Some(1.5e9));
        check("-3m", Some(-180e9));
        check("5", None);
        check("inf", None);
        check("5 s", None);
        check("5 parsecs", None);
        assert_eq!(write_duration(250_000_000), "250ms");
        assert_eq!(write_duration(90_000_000_000), "90s");
        assert_eq!(write_duration(0), "0s");
        assert_eq!(write_duration(-60_000_000_000), "-1m");
    }
}
