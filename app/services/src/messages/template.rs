use std::collections::BTreeMap;

use serde_json::Value;

/// A text with places for variables: `Hello {{ name }}`. Nothing else in it has a meaning, so a
/// template can neither loop nor call; `\{{` stands for two braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Variable(String),
}

/// How a value is written, so that it stays a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// As it is.
    Text,
    /// On one line, as a header wants it.
    Line,
    /// As text within HTML or within a quoted attribute.
    Html,
}

/// What a message fills in.
pub(crate) type Variables = BTreeMap<String, Value>;

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("the braces that open at byte {at} are not closed")]
    Unclosed { at: usize },
    #[error("the name at byte {at} is not one: a letter, then letters, digits and '_', 64 at most")]
    NotAName { at: usize },
}

/// Why a template cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RenderError {
    #[error("the variable {0} is missing")]
    Missing(String),
    #[error("the variable {0} must be a text, a number or a boolean")]
    NotAText(String),
}

impl RenderError {
    pub(crate) fn variable(&self) -> &str {
        match self {
            Self::Missing(name) | Self::NotAText(name) => name,
        }
    }
}

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

impl Template {
    pub(crate) fn parse(source: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut at = 0;
        while let Some(found) = source[at..].find(OPEN) {
            let open = at + found;
            if source[at..open].ends_with('\\') {
                text.push_str(&source[at..open - 1]);
                text.push_str(OPEN);
                at = open + OPEN.len();
                continue;
            }
            text.push_str(&source[at..open]);
            let inner = &source[open + OPEN.len()..];
            let length = inner
                .find(CLOSE)
                .ok_or(TemplateError::Unclosed { at: open })?;
            let name = inner[..length].trim();
            if !is_name(name) {
                return Err(TemplateError::NotAName { at: open });
            }
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Variable(name.to_owned()));
            at = open + OPEN.len() + length + CLOSE.len();
        }
        text.push_str(&source[at..]);
        pieces.push(Piece::Text(text));
        Ok(Self { pieces })
    }

    /// Fills every place in. A value that is not there is an error, and never an empty text.
    pub(crate) fn render(
        &self,
        variables: &Variables,
        escape: Escape,
    ) -> Result<String, RenderError> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Variable(name) => match variables.get(name) {
                    Some(Value::String(text)) => escape.write(text, &mut out),
                    Some(value @ (Value::Number(_) | Value::Bool(_))) => {
                        escape.write(&value.to_string(), &mut out);
                    }
                    Some(_) => return Err(RenderError::NotAText(name.clone())),
                    None => return Err(RenderError::Missing(name.clone())),
                },
            }
        }
        Ok(out)
    }

    /// The names of what has to be filled in.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }
}

impl Escape {
    fn write(self, value: &str, out: &mut String) {
        for char in value.chars() {
            match (self, char) {
                (Self::Html, '&') => out.push_str("&amp;"),
                (Self::Html, '<') => out.push_str("&lt;"),
                (Self::Html, '>') => out.push_str("&gt;"),
                (Self::Html, '"') => out.push_str("&quot;"),
                (Self::Html, '\'') => out.push_str("&#39;"),
                (Self::Line, char) if char.is_control() => out.push(' '),
                (_, char) => out.push(char),
            }
        }
    }
}

fn is_name(name: &str) -> bool {
    const LONGEST: usize = 64;
    name.len() <= LONGEST
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn variables() -> Variables {
        serde_json::from_value(json!({
            "name": "Ada", "n": 3, "yes": true, "html": "<b title=\"x\">'&'</b>", "line": "a\r\nBcc: b", "list": [1]
        }))
        .unwrap()
    }

    fn check(source: &str, escape: Escape, expected: &str) {
        let rendered = Template::parse(source)
            .unwrap()
            .render(&variables(), escape);
        assert_eq!(rendered.unwrap(), expected, "{source}");
    }

    #[test]
    fn values_are_filled_in_as_their_place_wants_them() {
        check(
            "Hello {{name}}, {{ n }} times {{yes}}",
            Escape::Text,
            "Hello Ada, 3 times true",
        );
        check("{{html}}", Escape::Text, "<b title=\"x\">'&'</b>");
        check(
            "<p>{{html}}</p>",
            Escape::Html,
            "<p>&lt;b title=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;</p>",
        );
        check("Re: {{line}}", Escape::Line, "Re: a  Bcc: b");
        check(
            r"\{{name}} and }} stay, {{name}} not",
            Escape::Text,
            "{{name}} and }} stay, Ada not",
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let render = |source| {
            Template::parse(source)
                .unwrap()
                .render(&variables(), Escape::Text)
        };
        assert_eq!(
            render("{{name}} {{nmae}}"),
            Err(RenderError::Missing("nmae".to_owned()))
        );
        assert_eq!(
            render("{{list}}"),
            Err(RenderError::NotAText("list".to_owned()))
        );
        assert_eq!(
            Template::parse("ab {{name"),
            Err(TemplateError::Unclosed { at: 3 })
        );
        for wrong in ["{{}}", "{{ 1a }}", "{{#each}}", "{{a.b}}", "{{{name}}}"] {
            assert_eq!(
                Template::parse(wrong),
                Err(TemplateError::NotAName { at: 0 }),
                "{wrong}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_source_panics_and_one_without_braces_is_itself(source in "\\PC*") {
            let parsed = Template::parse(&source);
            if !source.contains(OPEN) {
                prop_assert_eq!(parsed.unwrap().render(&Variables::new(), Escape::Html).unwrap(), source);
            }
        }

        #[test]
        fn a_value_brings_no_markup(value in "\\PC*") {
            let variables = Variables::from([("v".to_owned(), json!(value))]);
            let out = Template::parse("{{v}}").unwrap().render(&variables, Escape::Html).unwrap();
            prop_assert!(!out.contains(['<', '>', '"', '\'']));
        }
    }
}
