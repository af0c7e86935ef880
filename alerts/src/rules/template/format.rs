//! Numbers as Go's `fmt` writes them.

use super::TemplateError;
use super::expression::Value;

/// `%v`: as few digits as tell the number from its neighbours.
pub(super) fn shortest(value: f64) -> String {
    if let Some(word) = not_finite(value) {
        return word.to_owned();
    }
    let exponent = if value == 0.0 {
        0
    } else {
        value.abs().log10().floor() as i32
    };
    if (-4..21).contains(&exponent) {
        return format!("{value}");
    }
    go_exponent(&format!("{value:e}"))
}

/// `%.<precision>g`: that many significant digits, without the zeros at the end.
pub(super) fn significant(value: f64, precision: usize) -> String {
    if let Some(word) = not_finite(value) {
        return word.to_owned();
    }
    let precision = precision.max(1);
    let scientific = format!("{value:.*e}", precision - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if exponent < -4 || exponent >= precision as i32 {
        return go_exponent(&format!("{}e{exponent}", without_zeros(mantissa)));
    }
    let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
    without_zeros(&format!("{value:.decimals$}")).to_owned()
}

/// `strconv.FormatFloat(value, 'e', -1, 64)`.
pub(crate) fn exponent(value: f64) -> String {
    not_finite(value).map_or_else(|| go_exponent(&format!("{value:e}")), str::to_owned)
}

fn not_finite(value: f64) -> Option<&'static str> {
    match value {
        v if v.is_nan() => Some("NaN"),
        f64::INFINITY => Some("+Inf"),
        f64::NEG_INFINITY => Some("-Inf"),
        _ => None,
    }
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// Rust writes `1e-7`, Go `1e-07`.
fn go_exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// `printf` with the verbs s, v, d, f, g, e, q and t.
pub(super) fn printf(format: &str, arguments: &[Value]) -> Result<String, TemplateError> {
    let fail = |what: &str| TemplateError::Failed(format!("printf {format:?}: {what}"));
    let mut arguments = arguments.iter();
    let mut text = String::new();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let mut spec = String::new();
        while let Some(c) = chars.next_if(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+')) {
            spec.push(c);
        }
        let verb = chars.next().ok_or_else(|| fail("a verb is missing"))?;
        if verb == '%' {
            text.push('%');
            continue;
        }
        let value = arguments.next().ok_or_else(|| fail("too few arguments"))?;
        let (width, precision) = spec.split_once('.').unwrap_or((&spec, ""));
        let precision: Option<usize> = precision.parse().ok();
        let written = verb_of(verb, precision, value).ok_or_else(|| fail("a verb does not fit"))?;
        text.push_str(&padded(&written, width).ok_or_else(|| fail("a width is too large"))?);
    }
    match arguments.next() {
        None => Ok(text),
        Some(_) => Err(fail("too many arguments")),
    }
}

fn verb_of(verb: char, precision: Option<usize>, value: &Value) -> Option<String> {
    let precision = precision.map(|p| p.min(60));
    Some(match (verb, value) {
        ('v' | 's' | 't', value) => value.to_string(),
        ('q', value) => format!("{:?}", value.to_string()),
        ('d', Value::Number(n)) if n.fract() == 0.0 => format!("{n:.0}"),
        ('f', Value::Number(n)) => {
            not_finite(*n).map_or_else(|| format!("{n:.*}", precision.unwrap_or(6)), str::to_owned)
        }
        ('g', Value::Number(n)) => {
            precision.map_or_else(|| shortest(*n), |precision| significant(*n, precision))
        }
        ('e', Value::Number(n)) => go_exponent(&format!("{n:.*e}", precision.unwrap_or(6))),
        _ => return None,
    })
}

fn padded(text: &str, width: &str) -> Option<String> {
    let left = width.starts_with('-');
    let zeros = width.starts_with('0');
    let width = width.trim_start_matches(['-', '+']);
    let width: usize = if width.is_empty() {
        0
    } else {
        width.parse().ok()?
    };
    if width > 200 {
        return None;
    }
    Some(match (left, zeros) {
        (true, _) => format!("{text:<width$}"),
        (_, true) => format!("{text:0>width$}"),
        _ => format!("{text:>width$}"),
    })
}
