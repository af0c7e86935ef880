use super::unescaped;
use crate::{Exemplar, LabelSet, Timestamp};

/// One line of an exposition that holds a sample.
#[derive(Debug)]
pub(super) struct SampleLine {
    pub(super) labels: LabelSet,
    pub(super) value: f64,
    /// In the format's own unit.
    pub(super) time: Option<f64>,
    pub(super) exemplar: Option<ExemplarText>,
}

/// What stands after ` # `.
#[derive(Debug)]
pub(super) struct ExemplarText {
    labels: Vec<(String, String)>,
    value: f64,
    time: Option<f64>,
}

impl SampleLine {
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let name_end = line.find(['{', ' ', '\t']).unwrap_or(line.len());
        let (name, mut rest) = line.split_at(name_end);
        if !is_metric_name(name) {
            return Err(format!("{name:?} is no name of a metric"));
        }
        let mut labels = Vec::new();
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(inner) = rest.strip_prefix('{') {
            rest = read_labels(inner, &mut labels)?;
        }
        let (sample, exemplar) = match rest.split_once(" # ") {
            Some((sample, exemplar)) => (sample, Some(ExemplarText::parse(exemplar)?)),
            None => (rest, None),
        };
        let (value, time) = value_and_time(sample)?;
        Ok(Self {
            labels: LabelSet::metric(name, labels),
            value,
            time,
            exemplar,
        })
    }
}

impl ExemplarText {
    fn parse(text: &str) -> Result<Self, String> {
        let inner = text
            .trim_start()
            .strip_prefix('{')
            .ok_or("an exemplar begins with its labels")?;
        let mut labels = Vec::new();
        let rest = read_labels(inner, &mut labels)?;
        let (value, time) = value_and_time(rest)?;
        Ok(Self {
            labels,
            value,
            time,
        })
    }

    /// `trace_id` is told apart if it is one; else it stays a label.
    pub(super) fn at(self, default: Timestamp, millis_per_unit: f64) -> Exemplar {
        let mut labels = self.labels;
        let trace = labels
            .iter()
            .position(|(name, _)| matches!(name.as_str(), "trace_id" | "traceID"));
        let trace_id = trace.and_then(|index| labels[index].1.parse().ok());
        if let (Some(_), Some(index)) = (trace_id, trace) {
            labels.remove(index);
        }
        Exemplar {
            t: self.time.map_or(default.millis(), |time| {
                (time * millis_per_unit).round() as i64
            }),
            v: self.value,
            trace_id,
            labels: LabelSet::new(labels),
        }
    }
}

/// Reads labels up to the closing brace; gives what comes after it.
fn read_labels<'a>(
    mut text: &'a str,
    labels: &mut Vec<(String, String)>,
) -> Result<&'a str, String> {
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix('}') {
            return Ok(rest);
        }
        let (name, rest) = text.split_once('=').ok_or("a label without a value")?;
        let name = name.trim();
        if !is_label_name(name) {
            return Err(format!("{name:?} is no name of a label"));
        }
        if labels.iter().any(|(other, _)| other == name) {
            return Err(format!("the label {name} is there twice"));
        }
        let quoted = rest
            .trim_start()
            .strip_prefix('"')
            .ok_or_else(|| format!("the value of the label {name} is not quoted"))?;
        let end = end_of_quoted(quoted)
            .ok_or_else(|| format!("the value of the label {name} has no end"))?;
        labels.push((name.to_owned(), unescaped(&quoted[..end])));
        text = quoted[end + 1..].trim_start();
        match text.strip_prefix(',') {
            Some(rest) => text = rest,
            None if text.starts_with('}') => {}
            None => {
                return Err(format!(
                    "expected a comma or a brace after the label {name}"
                ));
            }
        }
    }
}

/// Where the closing quotation mark is.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })
}

fn value_and_time(text: &str) -> Result<(f64, Option<f64>), String> {
    let mut parts = text.split_ascii_whitespace();
    let value = number(parts.next().ok_or("a sample without a value")?)?;
    let time = parts.next().map(number).transpose()?;
    if parts.next().is_some() {
        return Err("text after the sample".to_owned());
    }
    if time.is_some_and(|time| !time.is_finite()) {
        return Err("a time that is not finite".to_owned());
    }
    Ok((value, time))
}

fn number(text: &str) -> Result<f64, String> {
    let is_number = |text: &str| {
        let unsigned = text.trim_start_matches(['+', '-']);
        let word = matches!(
            unsigned.to_ascii_lowercase().as_str(),
            "nan" | "inf" | "infinity"
        );
        word || unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    };
    let parsed = is_number(text).then(|| text.parse().ok()).flatten();
    parsed.ok_or_else(|| format!("{text:?} is no number"))
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
pub(super) fn is_metric_name(name: &str) -> bool {
    name.split(':')
        .all(|part| part.is_empty() || is_word(part, true))
        && name.starts_with(|c: char| c == ':' || c == '_' || c.is_ascii_alphabetic())
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
fn is_label_name(name: &str) -> bool {
    is_word(name, false)
}

fn is_word(text: &str, may_begin_with_digit: bool) -> bool {
    let begins = |b: u8| b == b'_' || b.is_ascii_alphabetic();
    let goes_on = |b: u8| begins(b) || b.is_ascii_digit();
    let first = text
        .bytes()
        .next()
        .is_some_and(|b| begins(b) || (may_begin_with_digit && b.is_ascii_digit()));
    first && text.bytes().all(goes_on)
}
