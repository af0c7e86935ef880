//! A template's text cut into what is plain and what stands between `{{` and `}}`.

use super::TemplateError;
use super::token::{Token, tokens};

#[derive(Debug, PartialEq)]
pub(super) enum Segment {
    Plain(String),
    Action(Vec<Token>),
}

/// Cuts a text, trimmed where an action asks for it (`{{-`, `-}}`), without comments.
pub(super) fn segments(text: &str) -> Result<Vec<Segment>, TemplateError> {
    let mut segments = Vec::new();
    let mut rest = text;
    let mut trims = false;
    while let Some(open) = rest.find("{{") {
        let (before, after) = (&rest[..open], &rest[open + 2..]);
        let (trims_before, inner) = match after.strip_prefix('-') {
            Some(inner) if inner.starts_with(char::is_whitespace) => (true, inner),
            _ => (false, after),
        };
        push_plain(&mut segments, before, trims, trims_before);
        let comment = inner.trim_start().strip_prefix("/*");
        let (action, next) = if let Some(comment) = comment {
            ("", after_comment(comment)?)
        } else {
            let close = closing(inner).ok_or_else(unclosed)?;
            (&inner[..close], &inner[close..])
        };
        let (action, next, trims_after) = closed(action, next)?;
        if comment.is_none() {
            let found = tokens(action)?;
            if found.is_empty() {
                return Err(TemplateError::syntax("missing value for command"));
            }
            segments.push(Segment::Action(found));
        }
        (rest, trims) = (next, trims_after);
    }
    push_plain(&mut segments, rest, trims, false);
    Ok(segments)
}

fn unclosed() -> TemplateError {
    TemplateError::syntax("a template is not closed by }}")
}

fn push_plain(segments: &mut Vec<Segment>, text: &str, from_start: bool, from_end: bool) {
    let text = if from_start { text.trim_start() } else { text };
    let text = if from_end { text.trim_end() } else { text };
    if !text.is_empty() {
        segments.push(Segment::Plain(text.to_owned()));
    }
}

fn after_comment(text: &str) -> Result<&str, TemplateError> {
    let end = text
        .find("*/")
        .ok_or_else(|| TemplateError::syntax("a comment in a template is not closed"))?;
    let rest = &text[end + 2..];
    let bare = rest.trim_start();
    // What follows may only close the action.
    if bare.starts_with("}}") {
        return Ok(bare);
    }
    match bare.strip_prefix('-') {
        Some(close) if close.starts_with("}}") && bare.len() < rest.len() => {
            Ok(&rest[rest.len() - bare.len() - 1..])
        }
        _ => Err(TemplateError::syntax(
            "comment ends before closing delimiter",
        )),
    }
}

/// The action without a sign of trimming, what comes after `}}`, and whether that is trimmed.
fn closed<'t>(action: &'t str, next: &'t str) -> Result<(&'t str, &'t str, bool), TemplateError> {
    if let Some(rest) = next.trim_start().strip_prefix("-}}") {
        return Ok((action, rest, true));
    }
    let rest = next.strip_prefix("}}").ok_or_else(unclosed)?;
    match action.strip_suffix('-') {
        Some(kept) if kept.ends_with(char::is_whitespace) => Ok((kept, rest, true)),
        _ => Ok((action, rest, false)),
    }
}

/// Where `}}` closes the action, not counting what stands in quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some('"' | '\'') if escaped => escaped = false,
            Some('"' | '\'') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '`' | '\'') => quote = Some(c),
            None if text[at..].starts_with("}}") => return Some(at),
            _ => {}
        }
    }
    None
}
