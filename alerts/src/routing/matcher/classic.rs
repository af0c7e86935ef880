//! The grammar of matchers before version 0.27: `name="value"`, quotes where one likes.

use super::{MatchOp, Matcher};

/// Several, separated by commas outside of quotes, with or without braces.
pub(super) fn matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let text = text.strip_prefix('{').unwrap_or(text);
    let text = text.strip_suffix('}').unwrap_or(text);
    let mut parts: Vec<String> = Vec::new();
    let mut part = String::new();
    let (mut in_quotes, mut is_escaped) = (false, false);
    for c in text.chars() {
        match c {
            ',' if !in_quotes => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            // A comma does not end an escape: so Alertmanager.
            ',' => {}
            '"' if is_escaped => is_escaped = false,
            '"' => in_quotes = !in_quotes,
            '\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
        part.push(c);
    }
    let last = part.trim();
    if !last.is_empty() {
        parts.push(last.to_owned());
    }
    parts.iter().map(|part| matcher(part)).collect()
}

fn matcher(text: &str) -> Result<Matcher, String> {
    let bad = || format!("bad matcher format: {text}");
    let is_space = |c: char| matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ');
    let rest = text.trim_matches(is_space);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = rest.find(|c: char| !is_name(c)).ok_or_else(bad)?;
    let (name, rest) = rest.split_at(end);
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(bad());
    }
    let rest = rest.trim_start_matches(is_space);
    let ops = [
        ("=~", MatchOp::Regex),
        ("=", MatchOp::Equal),
        ("!=", MatchOp::NotEqual),
        ("!~", MatchOp::NotRegex),
    ];
    let mut ops = ops.into_iter();
    let (raw, op) = ops
        .find_map(|(word, op)| Some((rest.strip_prefix(word)?, op)))
        .ok_or_else(bad)?;
    let value = value(raw.trim_matches(is_space))?;
    Matcher::new(name, op, &value)
}

fn value(raw: &str) -> Result<String, String> {
    let stray = || format!("matcher value contains unescaped double quote: {raw}");
    let (inner, mut expects_quote) = match raw.strip_prefix('"') {
        Some(inner) => (inner, true),
        None => (raw, false),
    };
    let mut value = String::with_capacity(inner.len());
    let mut is_escaped = false;
    for (at, c) in inner.char_indices() {
        let is_last = at + 1 == inner.len();
        match c {
            'n' if is_escaped => value.push('\n'),
            '"' | '\\' if is_escaped => value.push(c),
            // An escape that stands for nothing is meant as it is written.
            _ if is_escaped => value.extend(['\\', c]),
            '\\' if !is_last => {
                is_escaped = true;
                continue;
            }
            '"' if !expects_quote || !is_last => return Err(stray()),
            '"' => expects_quote = false,
            _ => value.push(c),
        }
        is_escaped = false;
    }
    if expects_quote {
        return Err(stray());
    }
    Ok(value)
}
