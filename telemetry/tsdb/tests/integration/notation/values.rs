use watchfire_schemas::NativeHistogram;

use super::histogram::{added, parse_histogram};

/// What stands for one step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Point {
    None,
    Float(f64),
    Histogram(NativeHistogram),
}

/// The marker that ends a series.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Values with spaces between: `1 2+3x4 _ _x2 stale {{…}} {{…}}+{{…}}x2`.
pub(crate) fn parse_values(text: &str) -> Result<Vec<Point>, String> {
    let mut points = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let end = end_of_item(rest);
        let (item, after) = rest.split_at(end);
        points.extend(parse_item(item)?);
        rest = after.trim_start();
    }
    Ok(points)
}

/// Items end at a space, unless that is within `{{ }}`.
fn end_of_item(text: &str) -> usize {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("{{") {
            at += rest.find("}}").map_or(rest.len(), |end| end + 2);
        } else if rest.starts_with(char::is_whitespace) {
            return at;
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn parse_item(item: &str) -> Result<Vec<Point>, String> {
    if item.starts_with("{{") {
        return histograms(item);
    }
    let (value, times) = match item.rsplit_once('x') {
        Some((value, times)) if !value.starts_with("0x") && !value.is_empty() => {
            let times = times.parse::<usize>();
            (
                value,
                Some(times.map_err(|_| format!("bad count in {item}"))?),
            )
        }
        _ => (item, None),
    };
    if value == "_" {
        return Ok(vec![Point::None; times.unwrap_or(1)]);
    }
    let (first, by) = match value[1..].find(['+', '-']).map(|at| at + 1) {
        Some(at) if !value[..at].ends_with(['e', 'E']) => {
            (float(&value[..at])?, float(&value[at..])?)
        }
        Some(at) => match value[at + 1..].find(['+', '-']).map(|more| at + 1 + more) {
            Some(at) => (float(&value[..at])?, float(&value[at..])?),
            None => (float(value)?, 0.0),
        },
        None => (float(value)?, 0.0),
    };
    let mut next = first;
    let mut points = vec![Point::Float(first)];
    for _ in 0..times.unwrap_or(0) {
        next += by;
        points.push(Point::Float(next));
    }
    Ok(points)
}

fn histograms(item: &str) -> Result<Vec<Point>, String> {
    let end = item.find("}}").ok_or("a histogram does not end")?;
    let first = parse_histogram(&item[2..end])?;
    let rest = &item[end + 2..];
    if rest.is_empty() {
        return Ok(vec![Point::Histogram(first)]);
    }
    if let Some(times) = rest.strip_prefix('x') {
        let times: usize = times.parse().map_err(|_| format!("bad count in {item}"))?;
        return Ok(vec![Point::Histogram(first); times + 1]);
    }
    let sign = if rest.starts_with('-') { -1.0 } else { 1.0 };
    let by_end = rest.find("}}").ok_or("an increment does not end")?;
    let by = parse_histogram(&rest[3..by_end])?;
    let times = rest[by_end + 2..].strip_prefix('x');
    let times = times.and_then(|times| times.parse::<usize>().ok());
    let times = times.ok_or_else(|| format!("bad count in {item}"))?;
    let mut points = vec![Point::Histogram(first.clone())];
    let mut next = first;
    for _ in 0..times {
        next = added(&next, &by, sign);
        points.push(Point::Histogram(next.clone()));
    }
    Ok(points)
}

fn float(text: &str) -> Result<f64, String> {
    if text == "stale" {
        return Ok(STALE);
    }
    if let Some(hex) = text.strip_prefix("0x") {
        let value = i64::from_str_radix(hex, 16).map_err(|_| format!("bad number {text}"))?;
        return Ok(value as f64);
    }
    text.replace('_', "")
        .parse()
        .map_err(|_| format!("bad number {text}"))
}
