//! Series in the notation of tests: `up{job="a"}` and `0+10x5 _ stale 1x3`.

use std::time::Duration;

use promql_parser::label::MatchOp;
use promql_parser::parser::Expr;
use watchfire_schemas::{
    HistogramSample, LabelSet, MetricKind, NativeHistogram, Sample, SeriesSamples, Temporality,
    Timestamp,
};

use super::histogram;

/// How many samples a series may have.
const MOST_SAMPLES: usize = 1_000_000;

/// A series that a test is given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct InputSeries {
    labels: LabelSet,
    /// One for each interval; none where there is no sample.
    values: Vec<Option<InputValue>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum InputValue {
    Number(f64),
    Histogram(NativeHistogram),
}

impl InputSeries {
    pub(super) fn read(series: &str, values: &str) -> Result<Self, String> {
        let labels = labels(series)?;
        let values = sequence(values).map_err(|reason| format!("series {series:?}: {reason}"))?;
        Ok(Self { labels, values })
    }

    /// The samples up to `now` that are not written yet.
    pub(super) fn due(
        &self,
        start: Timestamp,
        interval: Duration,
        now: Timestamp,
        written: &mut usize,
    ) -> Option<SeriesSamples> {
        let mut due = SeriesSamples {
            labels: self.labels.clone(),
            kind: MetricKind::Unknown,
            temporality: Temporality::Cumulative,
            samples: Vec::new(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
        };
        while let Some(value) = self.values.get(*written) {
            let place = u32::try_from(*written).unwrap_or(u32::MAX);
            let at = start + interval.saturating_mul(place);
            if at > now {
                break;
            }
            *written += 1;
            let t = at.millis();
            match value {
                Some(InputValue::Number(v)) => due.samples.push(Sample { t, v: *v }),
                Some(InputValue::Histogram(h)) => {
                    due.histograms.push(HistogramSample { t, h: h.clone() });
                }
                None => {}
            }
        }
        let is_some = !due.samples.is_empty() || !due.histograms.is_empty();
        is_some.then_some(due)
    }
}

/// The labels of one series, as a selector writes them.
pub(super) fn labels(text: &str) -> Result<LabelSet, String> {
    if text.trim().is_empty() || text.trim() == "{}" {
        return Ok(LabelSet::default());
    }
    let wrong = |reason: &str| format!("{text:?} does not name a series: {reason}");
    let Expr::VectorSelector(selector) =
        promql_parser::parser::parse(text).map_err(|reason| wrong(&reason))?
    else {
        return Err(wrong("it is an expression"));
    };
    let is_equal = |op: &MatchOp| matches!(op, MatchOp::Equal);
    if !selector.matchers.matchers.iter().all(|m| is_equal(&m.op))
        || !selector.matchers.or_matchers.is_empty()
    {
        return Err(wrong("only = is allowed"));
    }
    let pairs = selector.matchers.matchers.into_iter();
    let name = selector.name.map(|name| (LabelSet::NAME.to_owned(), name));
    Ok(LabelSet::new(pairs.map(|m| (m.name, m.value)).chain(name)))
}

/// The values of a series.
fn sequence(text: &str) -> Result<Vec<Option<InputValue>>, String> {
    let mut values = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        rest = item(rest, &mut values)?;
        if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
            return Err(format!("unexpected {:?} in the values", first_word(rest)));
        }
        rest = rest.trim_start();
        if values.len() > MOST_SAMPLES {
            return Err(format!("more than {MOST_SAMPLES} samples"));
        }
    }
    Ok(values)
}

/// Reads one item with its repetitions, and gives what comes after it.
fn item<'t>(text: &'t str, values: &mut Vec<Option<InputValue>>) -> Result<&'t str, String> {
    if let Some(rest) = text.strip_prefix('_') {
        let (times, rest) = times(rest)?;
        values.extend(std::iter::repeat_n(None, times.unwrap_or(1)));
        return Ok(rest);
    }
    if text.starts_with("{{") {
        return histograms(text, values);
    }
    if let Some(rest) = text.strip_prefix("stale") {
        let (times, rest) = times(rest)?;
        let stale = Some(InputValue::Number(Sample::STALE));
        values.extend(std::iter::repeat_n(stale, times.map_or(1, |n| n + 1)));
        return Ok(rest);
    }
    let (first, rest) = number(text)?;
    let (step, rest) = if rest.starts_with(['+', '-']) {
        let (step, rest) = number(rest)?;
        (Some(step), rest)
    } else {
        (None, rest)
    };
    let (times, rest) = times(rest)?;
    if step.is_some() && times.is_none() {
        return Err(format!("{:?} lacks how often: 1+2x3", first_word(text)));
    }
    let mut value = first;
    for _ in 0..=times.unwrap_or(0) {
        values.push(Some(InputValue::Number(value)));
        value += step.unwrap_or(0.0);
    }
    Ok(rest)
}

fn histograms<'t>(text: &'t str, values: &mut Vec<Option<InputValue>>) -> Result<&'t str, String> {
    let (first, rest) = histogram::read(text)?;
    let (step, rest) = match rest.split_at_checked(1) {
        Some((sign @ ("+" | "-"), rest)) => {
            let (step, rest) = histogram::read(rest)?;
            let factor = if sign == "-" { -1.0 } else { 1.0 };
            (Some((step, factor)), rest)
        }
        _ => (None, rest),
    };
    let (times, rest) = times(rest)?;
    if step.is_some() && times.is_none() {
        return Err("a histogram lacks how often: {{…}}+{{…}}x3".to_owned());
    }
    let mut value = first;
    for at in 0..=times.unwrap_or(0) {
        if at > 0
            && let Some((step, factor)) = &step
        {
            value = histogram::sum(&value, step, *factor)?;
        }
        values.push(Some(InputValue::Histogram(value.clone())));
    }
    Ok(rest)
}

/// `x5`, if it is there.
fn times(text: &str) -> Result<(Option<usize>, &str), String> {
    let Some(rest) = text.strip_prefix('x') else {
        return Ok((None, text));
    };
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let times = rest[..end].parse().ok();
    match times.filter(|times| *times <= MOST_SAMPLES) {
        Some(times) => Ok((Some(times), &rest[end..])),
        None => Err(format!("{:?} is no number of repetitions", &rest[..end])),
    }
}

/// A number with its sign.
fn number(text: &str) -> Result<(f64, &str), String> {
    let (sign, digits) = match text.split_at_checked(1) {
        Some(("-", digits)) => (-1.0, digits),
        Some(("+", digits)) => (1.0, digits),
        _ => (1.0, text),
    };
    let bytes = digits.as_bytes();
    let mut end = 0;
    while let Some(byte) = bytes.get(end) {
        let after_exponent = end > 0 && matches!(bytes[end - 1], b'e' | b'E');
        let fits = match byte {
            b'0'..=b'9' | b'.' => true,
            b'e' | b'E' => end > 0,
            b'+' | b'-' => after_exponent,
            _ => false,
        };
        if !fits {
            break;
        }
        end += 1;
    }
    if end == 0 {
        end = digits
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(digits.len());
        let word = digits[..end].to_ascii_lowercase();
        let value = match word.as_str() {
            "inf" => f64::INFINITY,
            "nan" => f64::NAN,
            _ => return Err(format!("{:?} is no value", first_word(text))),
        };
        return Ok((sign * value, &digits[end..]));
    }
    let read: Result<f64, _> = digits[..end].parse();
    let value = read.map_err(|_| format!("{:?} is no number", &digits[..end]))?;
    Ok((sign * value, &digits[end..]))
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match sequence(text) {
            Err(reason) => format!("! {reason}"),
            Ok(values) => values
                .iter()
                .map(|value| match value {
                    None => "_".to_owned(),
                    Some(InputValue::Number(v)) if v.to_bits() == Sample::STALE.to_bits() => {
                        "stale".to_owned()
                    }
                    Some(InputValue::Number(v)) => v.to_string(),
                    Some(InputValue::Histogram(h)) => format!("h{}", h.count),
                })
                .collect::<Vec<_>>()
                .join(" "),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn values_expand() {
        check("0+10x3", "0 10 20 30");
        check("1 _x3 stale", "1 _ _ _ stale");
        check("-2-3x2", "-2 -5 -8");
        check("-2+4x3", "-2 2 6 10");
        check("1x4", "1 1 1 1 1");
        check("_ 1e3 .5 NaN -Inf\n 2", "_ 1000 0.5 NaN -inf 2");
        check("stalex2 _x0", "stale stale stale");
        check(
            "1x0 {{count:2}}x1 {{count:1}}+{{count:2}}x2",
            "1 h2 h2 h1 h3 h5",
        );
        check("", "");
    }

    #[test]
    fn what_is_no_value_is_refused() {
        check("1+2", "! \"1+2\" lacks how often: 1+2x3");
        check("a", "! \"a\" is no value");
        check("1xx", "! \"\" is no number of repetitions");
        check("1,2", "! unexpected \",2\" in the values");
        check("1x9999999", "! \"9999999\" is no number of repetitions");
    }

    #[test]
    fn labels_are_of_one_series() {
        let read = |text| labels(text).map(|labels| labels.to_string());
        assert_eq!(
            read("up{job=\"a\", b='c'}"),
            Ok("up{b=\"c\", job=\"a\"}".to_owned())
        );
        assert_eq!(read("{__name__=\"x\"}"), Ok("x".to_owned()));
        assert_eq!(read("{}"), Ok("{}".to_owned()));
        assert!(read("up{job=~\"a\"}").is_err());
        assert!(read("sum(up)").is_err());
        assert!(read("up{").is_err());
    }
}
