//! Numbers as Go's `fmt` writes them.

/// From this power of ten on, numbers are written with an exponent.
const LARGE: i32 = 6;

/// `%v`: as few digits as tell the number from its neighbours.
pub(super) fn shortest(value: f64) -> String {
    if let Some(word) = not_finite(value) {
        return word.to_owned();
    }
    let scientific = format!("{value:e}");
    let exponent = scientific
        .split_once('e')
        .and_then(|(_, digits)| digits.parse().ok());
    if (-4..LARGE).contains(&exponent.unwrap_or(0)) {
        return format!("{value}");
    }
    go_exponent(&scientific)
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

pub(super) fn not_finite(value: f64) -> Option<&'static str> {
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
pub(super) fn go_exponent(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}
