//! What the values of an expression count, from the names in it: by OpenMetrics a name ends in its
//! unit.

use super::syntax::{Kind, Token, tokens};
use crate::charts::Unit;

/// The unit of an expression's values. `unit_of` knows what was said of a metric, if anything.
pub(crate) fn unit_of(expr: &str, said: impl Fn(&str) -> Option<String>) -> Unit {
    let tokens = tokens(expr);
    of(&tokens, &said).unwrap_or_default()
}

/// The names of metrics in an expression: names that are no function, keyword or label.
pub(crate) fn metrics<'a>(tokens: &[Token<'a>]) -> Vec<&'a str> {
    let mut depth = 0;
    let mut found = Vec::new();
    let mut is_list = false;
    for (at, token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).map(|next| next.text);
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            ")" => is_list = false,
            _ => {}
        }
        if token.kind != Kind::Name || depth > 0 || is_list {
            continue;
        }
        match token.text.to_ascii_lowercase().as_str() {
            "by" | "without" | "on" | "ignoring" | "group_left" | "group_right" => {
                is_list = next == Some("(");
            }
            "and" | "or" | "unless" | "atan2" | "bool" | "offset" | "inf" | "nan" => {}
            _ if next == Some("(") || matches!(next, Some("by" | "without")) => {}
            _ => found.push(token.text),
        }
    }
    found
}

/// What a metric's own samples count.
fn of_metric(name: &str, said: &impl Fn(&str) -> Option<String>) -> Unit {
    let family = family(name);
    if family != name && (name.ends_with("_count") || name.ends_with("_bucket")) {
        return Unit::Number;
    }
    let said = said(family).unwrap_or_default();
    let ends = |unit: &str| family.ends_with(&format!("_{unit}")) || said == unit;
    if ends("timestamp_seconds") || family.ends_with("_time_seconds") && family.contains("start") {
        Unit::Number
    } else if ends("seconds") {
        Unit::Seconds
    } else if ends("bytes") {
        Unit::Bytes
    } else if ends("ratio") {
        Unit::Ratio
    } else {
        Unit::Number
    }
}

/// The name without what its kind has put behind it.
pub(crate) fn family(name: &str) -> &str {
    let ends = ["_total", "_bucket", "_sum", "_count"];
    ends.into_iter()
        .find_map(|end| name.strip_suffix(end))
        .unwrap_or(name)
}

fn of(tokens: &[Token<'_>], said: &impl Fn(&str) -> Option<String>) -> Option<Unit> {
    let tokens = unwrapped(tokens);
    for signs in [&["+", "-"][..], &["*", "/"][..]] {
        if let Some((left, sign, right)) = split(tokens, signs) {
            let (a, b) = (of(left, said), of(right, said));
            return match sign {
                "/" => quotient(left, right, a, b),
                "*" => a.filter(|_| metrics(right).is_empty() && is_one(right)),
                _ => a.filter(|unit| *unit != Unit::Number).or(b).or(a),
            };
        }
    }
    let first = tokens.first()?;
    let is_call = first.kind == Kind::Name && tokens.get(1).is_some_and(|next| next.text == "(");
    match first.text {
        "count" | "count_over_time" | "changes" | "resets" | "timestamp" | "count_values"
        | "group" | "absent" | "histogram_count" => return Some(Unit::Number),
        "histogram_fraction" => return Some(Unit::Ratio),
        "rate" | "irate" | "deriv" if is_call => return Some(per_second(tokens, said)),
        _ => {}
    }
    let names: Vec<&str> = tokens.iter().map(|token| token.text).collect();
    let is_quantile = names.first().is_some_and(|name| {
        [
            "histogram_quantile",
            "histogram_avg",
            "histogram_sum",
            "histogram_stddev",
        ]
        .contains(name)
    });
    let metrics = metrics(tokens);
    // A quantile is one of what was observed, not of counts.
    let inner = metrics.first().map(|name| {
        let name = if is_quantile { family(name) } else { name };
        of_metric(name, said)
    });
    let has_rate = names
        .iter()
        .any(|name| ["rate", "irate", "deriv"].contains(name));
    match inner {
        Some(_) if has_rate && !is_quantile => Some(per_second(tokens, said)),
        inner => inner,
    }
}

fn per_second(tokens: &[Token<'_>], said: &impl Fn(&str) -> Option<String>) -> Unit {
    match metrics(tokens).first().map(|name| of_metric(name, said)) {
        Some(Unit::Bytes) => Unit::BytesPerSecond,
        // Seconds of work a second: of one processor.
        Some(Unit::Seconds) => Unit::Ratio,
        _ => Unit::PerSecond,
    }
}

/// Of two parts: a mean, a share, or the unit of the first by a plain number.
fn quotient(
    left: &[Token<'_>],
    right: &[Token<'_>],
    a: Option<Unit>,
    b: Option<Unit>,
) -> Option<Unit> {
    let (over, under) = (metrics(left), metrics(right));
    match (over.first(), under.first()) {
        (Some(over), Some(under)) if over.ends_with("_sum") && under.ends_with("_count") => {
            Some(of_metric(over, &|_| None))
        }
        (Some(_), Some(_)) if a == b => Some(Unit::Ratio),
        (Some(_), None) if is_one(right) => a,
        _ => Some(Unit::Number),
    }
}

fn is_one(tokens: &[Token<'_>]) -> bool {
    tokens.len() == 1 && tokens[0].text == "1"
}

/// Without brackets around the whole.
fn unwrapped<'a, 'b>(tokens: &'b [Token<'a>]) -> &'b [Token<'a>] {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let is_whole = at > 0 && at + 1 == tokens.len() && tokens[0].text == "(";
            return if is_whole {
                unwrapped(&tokens[1..at])
            } else {
                tokens
            };
        }
    }
    tokens
}

/// At the last such operator that is in no bracket.
fn split<'a, 'b>(
    tokens: &'b [Token<'a>],
    signs: &[&str],
) -> Option<(&'b [Token<'a>], &'a str, &'b [Token<'a>])> {
    let mut depth = 0;
    let mut found = None;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "{" | "[" => depth += 1,
            ")" | "}" | "]" => depth -= 1,
            text if depth == 0 && at > 0 && token.kind == Kind::Sign && signs.contains(&text) => {
                found = Some(at);
            }
            _ => {}
        }
    }
    found.map(|at| (&tokens[..at], tokens[at].text, &tokens[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expr: &str, expected: Unit) {
        let said = |name: &str| (name == "response_size").then(|| "bytes".to_owned());
        assert_eq!(unit_of(expr, said), expected, "{expr}");
    }

    #[test]
    fn names_tell_the_unit() {
        check("process_resident_memory_bytes", Unit::Bytes);
        check("response_size", Unit::Bytes);
        check("up", Unit::Number);
        check(
            "sum by (service) (rate(requests_total[5m]))",
            Unit::PerSecond,
        );
        check(
            "rate(node_network_receive_bytes_total[5m])",
            Unit::BytesPerSecond,
        );
        check("rate(process_cpu_seconds_total[1m])", Unit::Ratio);
        check("increase(sent_bytes_total[1h])", Unit::Bytes);
        check(
            "histogram_quantile(0.99, sum by (le)(rate(x_seconds_bucket[5m])))",
            Unit::Seconds,
        );
        check("process_start_time_seconds", Unit::Number);
        check("rate(x_seconds_bucket[5m])", Unit::PerSecond);
        check("count(up)", Unit::Number);
        check("12 * 3", Unit::Number);
    }

    #[test]
    fn quotients_are_shares_or_means() {
        check(
            "sum(rate(a_total{s=\"x\"}[5m])) / sum(rate(a_total[5m]))",
            Unit::Ratio,
        );
        check(
            "sum(rate(x_seconds_sum[5m])) / sum(rate(x_seconds_count[5m]))",
            Unit::Seconds,
        );
        check(
            "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes",
            Unit::Ratio,
        );
        check(
            "1 - avg(rate(node_cpu_seconds_total{mode=\"idle\"}[5m]))",
            Unit::Ratio,
        );
        check("100 * (a_bytes / b_bytes)", Unit::Number);
        check("rate(x_bytes_total[5m]) * 8", Unit::Number);
    }

    #[test]
    fn labels_and_functions_are_no_metrics() {
        let all =
            tokens("sum by (a, b) (rate(x{c=\"d\"}[5m])) / on (e) group_left (f) y offset 5m");
        assert_eq!(metrics(&all), ["x", "y"]);
    }
}
