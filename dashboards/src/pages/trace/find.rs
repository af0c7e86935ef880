//! Search inside a trace: which spans have a text in their name, service or ids, and, as far as they
//! were read, in their attributes, events and status.

use serde_json::Value;
use watchfire_schemas::{Attributes, Span, SpanStatus};

use super::layout::Layout;

/// A part of a text, and whether it is what was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) is_match: bool,
}

/// A text that is looked for, whatever its case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needle(Vec<char>);

/// What was found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// Spans, in the order of the waterfall.
    pub(crate) spans: Vec<usize>,
    /// Of how many others the attributes were not read in time.
    pub(crate) unread: usize,
}

impl Needle {
    pub(crate) fn of(text: &str) -> Self {
        Self(text.chars().map(folded).collect())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.place(text).is_some()
    }

    /// Where it is first: begin and end, in bytes.
    fn place(&self, text: &str) -> Option<(usize, usize)> {
        let first = *self.0.first()?;
        text.char_indices()
            .filter(|(_, c)| folded(*c) == first)
            .find_map(|(begin, _)| {
                let mut rest = text[begin..].char_indices();
                let mut end = begin;
                for wanted in &self.0 {
                    let (at, c) = rest.next().filter(|(_, c)| folded(*c) == *wanted)?;
                    end = begin + at + c.len_utf8();
                }
                Some((begin, end))
            })
    }

    /// The text in pieces.
    pub(crate) fn cut(&self, text: &str) -> Vec<Piece> {
        let piece = |text: &str, is_match| Piece {
            text: text.to_owned(),
            is_match,
        };
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((begin, end)) = self.place(rest) {
            if begin > 0 {
                pieces.push(piece(&rest[..begin], false));
            }
            pieces.push(piece(&rest[begin..end], true));
            rest = &rest[end..];
        }
        if !rest.is_empty() {
            pieces.push(piece(rest, false));
        }
        pieces
    }

    /// Whether it is in what the outline says of a span.
    pub(crate) fn is_in_outline(&self, layout: &Layout, span: usize) -> bool {
        let outline = &layout.spans()[span];
        self.is_in(layout.name(span))
            || self.is_in(layout.service(span))
            || self.is_in(&outline.span_id.to_string())
    }

    /// Whether it is in what only the whole span says.
    pub(crate) fn is_in_span(&self, span: &Span) -> bool {
        let status = match &span.status {
            SpanStatus::Error { message } => message.as_str(),
            SpanStatus::Ok | SpanStatus::Unset => "",
        };
        self.is_in(status)
            || self.is_in_attributes(&span.attributes)
            || self.is_in_attributes(&span.resource)
            || span
                .events
                .iter()
                .any(|event| self.is_in(&event.name) || self.is_in_attributes(&event.attributes))
    }

    /// A pair is `key=value`, so that this can be looked for as well.
    fn is_in_attributes(&self, attributes: &Attributes) -> bool {
        attributes.iter().any(|(key, value)| match value {
            Value::String(text) => self.is_in(&format!("{key}={text}")),
            other => self.is_in(&format!("{key}={other}")),
        })
    }
}

fn folded(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(needle: &str, text: &str) -> String {
        let pieces = Needle::of(needle).cut(text).into_iter();
        let written = pieces.map(|piece| {
            if piece.is_match {
                format!("[{}]", piece.text)
            } else {
                piece.text
            }
        });
        written.collect()
    }

    #[test]
    fn matches_are_marked_whatever_their_case() {
        assert_eq!(
            shown("select", "SELECT a; select b"),
            "[SELECT] a; [select] b"
        );
        assert_eq!(shown("aab", "aaab"), "a[aab]");
        assert_eq!(shown("ÄÖ", "xäöy"), "x[äö]y");
        assert_eq!(shown("i̇", "İstanbul"), "İstanbul");
        assert_eq!(shown("x", ""), "");
        assert_eq!(shown("", "abc"), "abc");
    }

    #[test]
    fn attributes_are_searched_as_pairs() {
        let span = &crate::gallery::samples::trace()[4];
        for text in [
            "http.route=/places",
            "STATUS_CODE=500",
            "tileindexerror",
            "no tile for",
        ] {
            assert!(Needle::of(text).is_in_span(span), "{text}");
        }
        assert!(!Needle::of("nothing of the kind").is_in_span(span));
    }
}
