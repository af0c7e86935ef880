//! The part of Go's templates that alerting rules use: `{{ $labels.x }}`, `{{ $value }}`,
//! functions and pipes. Control structures and queries are not part of it.

mod expression;
mod format;
mod functions;

use watchfire_schemas::{LabelSet, Timestamp};

use expression::Expression;

pub(crate) use format::exponent;

/// Why a template gives no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("{0}")]
    Syntax(String),
    #[error("{0} is not supported")]
    Unsupported(String),
    #[error("{0}")]
    Failed(String),
}

/// What a template may name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// Of the sample that made the alert.
    pub labels: &'a LabelSet,
    pub value: f64,
    pub external_url: &'a str,
    pub now: Timestamp,
}

/// A text with holes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Hole(Expression),
}

impl Template {
    /// Refuses what no template engine would take. What only ours does not know passes: its text
    /// will say so, and the alert is worth more than its text.
    pub(crate) fn check(text: &str) -> Result<(), String> {
        match Self::parse(text) {
            Err(TemplateError::Syntax(reason)) => Err(reason),
            _ => Ok(()),
        }
    }

    fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let (before, after) = (&rest[..open], &rest[open + 2..]);
            let close = closing(after).ok_or_else(|| {
                TemplateError::Syntax("a template is not closed by }}".to_owned())
            })?;
            let (inner, next) = (&after[..close], &after[close + 2..]);
            let (trim_left, inner) = strip(inner.strip_prefix("- "), inner);
            let (trim_right, inner) = strip(inner.strip_suffix(" -"), inner);
            let before = if trim_left { before.trim_end() } else { before };
            parts.push(Part::Text(before.to_owned()));
            if !inner.trim_start().starts_with("/*") {
                parts.push(Part::Hole(Expression::parse(inner)?));
            }
            rest = if trim_right { next.trim_start() } else { next };
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { parts })
    }

    /// The text with its holes filled; a template that fails says so in its text.
    pub(crate) fn expand(text: &str, scope: &Scope<'_>) -> String {
        let expanded = Self::parse(text).and_then(|template| template.fill(scope));
        expanded.unwrap_or_else(|error| format!("<error expanding template: {error}>"))
    }

    fn fill(&self, scope: &Scope<'_>) -> Result<String, TemplateError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(plain) => text.push_str(plain),
                Part::Hole(expression) => text.push_str(&expression.value(scope)?.to_string()),
            }
        }
        Ok(text)
    }
}

fn strip<'a>(stripped: Option<&'a str>, whole: &'a str) -> (bool, &'a str) {
    stripped.map_or((false, whole), |stripped| (true, stripped))
}

/// Where `}}` closes the template, not counting what stands in quotes.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '`' => quote = Some(c),
            None if text[at..].starts_with("}}") => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, value: f64, expected: &str) {
        let labels = LabelSet::new([("instance", "web-1:9100"), ("job", "web")]);
        let scope = Scope {
            labels: &labels,
            value,
            external_url: "http://watchfire",
            now: Timestamp::from_secs(0),
        };
        assert_eq!(Template::expand(template, &scope), expected, "{template}");
    }

    #[test]
    fn holes_are_filled() {
        check("{{ $labels.job }} at {{ $value }}", 0.5, "web at 0.5");
        check("{{.Labels.job}}={{.Value}}", 3.0, "web=3");
        check("{{ $labels.nosuch }}!", 0.0, "!");
        check("{{ index $labels \"job\" }}", 0.0, "web");
        check("a {{- $value -}} b", 1.0, "a1b");
        check("{{/* nothing */}}x", 0.0, "x");
        check("{{ $externalURL }}/x", 0.0, "http://watchfire/x");
    }

    #[test]
    fn values_are_made_readable() {
        check("{{ $value | humanize }}", 1_234_567.0, "1.235M");
        check("{{ humanize $value }}", 0.00012, "120u");
        check("{{ $value | humanize1024 }}", 1_048_576.0, "1Mi");
        check("{{ $value | humanizePercentage }}", 0.123_456, "12.35%");
        check("{{ $value | humanizeDuration }}", 3_725.0, "1h 2m 5s");
        check("{{ $value | humanizeDuration }}", 0.25, "250ms");
        check("{{ $value | humanizeDuration }}", 93_784.0, "1d 2h 3m 4s");
        check(
            "{{ $value | humanizeTimestamp }}",
            1_435_065_584.128,
            "2015-06-23 13:19:44.128 +0000 UTC",
        );
        check("{{ printf \"%.2f\" $value }}%", 12.345_6, "12.35%");
        check(
            "{{ $value | printf \"%.0f of %s\" }}",
            2.0,
            "<error expanding template: printf \"%.0f of %s\": too few arguments>",
        );
        check("{{ printf \"%s: %v\" $labels.job $value }}", 2.0, "web: 2");
        check("{{ $labels.job | toUpper | title }}", 0.0, "WEB");
        check("{{ $labels.instance | stripPort }}", 0.0, "web-1");
        check(
            "{{ reReplaceAll \"web-(.*):.*\" \"n$1\" $labels.instance }}",
            0.0,
            "n1",
        );
        check(
            "{{ printf \"%.1f\" (parseDuration \"1m30s\") }}",
            0.0,
            "90.0",
        );
    }

    #[test]
    fn what_fails_says_so() {
        check(
            "{{ nosuch $value }}",
            0.0,
            "<error expanding template: the function nosuch is not supported>",
        );
        check(
            "{{ range query \"up\" }}{{ end }}",
            0.0,
            "<error expanding template: range is not supported>",
        );
        check(
            "{{ $labels.job | humanize }}",
            0.0,
            "<error expanding template: humanize: \"web\" is not a number>",
        );
        check(
            "{{ $value ",
            0.0,
            "<error expanding template: a template is not closed by }}>",
        );
        assert!(Template::check("{{ $value | }}").is_err());
        assert_eq!(Template::check("{{ if true }}x{{ end }}"), Ok(()));
    }
}
