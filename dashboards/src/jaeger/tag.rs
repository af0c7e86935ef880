use serde_json::Value;
use watchfire_schemas::{Attributes, Span, SpanStatus};

use super::answer::Failure;
use crate::params::Params;
use crate::query_text;

/// What a search asks of a span, its process, or one of its events or links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// `tags` holds a JSON object, `tag` a `key:value` each.
pub(super) fn read(params: &Params) -> Result<Vec<Tag>, Failure> {
    let mut tags = Vec::new();
    for text in params.all("tag") {
        let (key, value) = text.split_once(':').ok_or_else(|| {
            Failure::bad(format!(
                "malformed 'tag' parameter, expecting key:value, received: {text}"
            ))
        })?;
        tags.push(Tag {
            key: key.to_owned(),
            value: value.to_owned(),
        });
    }
    for text in params.all("tags") {
        tags.extend(of_object("'tags'", text)?);
    }
    Ok(tags)
}

/// The pairs of a JSON object; `name` is the parameter that holds it.
pub(super) fn of_object(name: &str, text: &str) -> Result<Vec<Tag>, Failure> {
    let object: serde_json::Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        Failure::bad(format!(
            "malformed {name} parameter, expecting a JSON object: {error}"
        ))
    })?;
    let tags = object.into_iter().map(|(key, value)| Tag {
        key,
        value: plain(&value),
    });
    Ok(tags.collect())
}

impl Tag {
    /// What of it the index answers: attributes of spans and of their resources, and what has a
    /// field of its own here where Jaeger has a tag.
    pub(super) fn clause(&self) -> String {
        match (self.key.as_str(), self.value.as_str()) {
            ("error", "true") => "status:error".to_owned(),
            ("error", "false") => "-status:error".to_owned(),
            ("span.kind", kind) => query_text::term("kind", &kind.to_ascii_lowercase()),
            ("otel.status_code", code) => query_text::term("status", &code.to_ascii_lowercase()),
            (key, value) => query_text::term(key, value),
        }
    }

    /// Whether a span has it, in any place where Jaeger looks.
    pub(super) fn is_of(&self, span: &Span) -> bool {
        match (self.key.as_str(), self.value.as_str()) {
            ("error", "true") => return span.is_error(),
            ("error", "false") => return !span.is_error(),
            ("span.kind", kind) => return span.kind.as_str().eq_ignore_ascii_case(kind),
            ("otel.status_code", code) => return status(span).eq_ignore_ascii_case(code),
            ("otel.scope.name", name) => return span.scope == name,
            _ => {}
        }
        let among = |attributes: &Attributes| {
            attributes
                .get(&self.key)
                .is_some_and(|value| plain(value) == self.value)
        };
        among(&span.attributes)
            || among(&span.resource)
            || span.events.iter().any(|event| {
                among(&event.attributes) || self.key == "event" && event.name == self.value
            })
            || span.links.iter().any(|link| among(&link.attributes))
    }
}

fn status(span: &Span) -> &'static str {
    match span.status {
        SpanStatus::Unset => "unset",
        SpanStatus::Ok => "ok",
        SpanStatus::Error { .. } => "error",
    }
}

/// A value as a search writes it.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gallery::samples;

    #[test]
    fn tags_come_one_by_one_or_as_an_object() {
        let clauses = |query: &str| {
            let tags = read(&Params::parse(query));
            tags.map(|tags| tags.iter().map(Tag::clause).collect::<Vec<_>>().join(" "))
                .map_err(|failure| failure.message)
        };
        assert_eq!(
            clauses("tags=%7B%22error%22%3A%22true%22%2C%22http.status_code%22%3A500%7D").unwrap(),
            "status:error http.status_code:500"
        );
        assert_eq!(
            clauses("tag=span.kind:SERVER&tag=tenant:a%20b").unwrap(),
            "kind:server tenant:\"a b\""
        );
        assert!(clauses("tags=%7B").unwrap_err().contains("'tags'"));
        assert!(clauses("tag=a").unwrap_err().contains("key:value"));
    }

    #[test]
    fn a_tag_may_stand_at_a_span_its_process_an_event_or_a_link() {
        let mut span = samples::trace().remove(0);
        let mut found = |key: &str, value: &str, place: &str| {
            let attributes = json!({"n": 123, "f": 72.5, "b": true, "s": "v"});
            let attributes = attributes.as_object().unwrap().clone();
            let empty = Attributes::new();
            span.attributes = if place == "span" {
                attributes.clone()
            } else {
                empty.clone()
            };
            span.resource = if place == "process" {
                attributes.clone()
            } else {
                empty.clone()
            };
            span.events = vec![watchfire_schemas::SpanEvent {
                timestamp: span.start,
                name: "retry".to_owned(),
                attributes: if place == "event" {
                    attributes.clone()
                } else {
                    empty.clone()
                },
            }];
            span.links = vec![watchfire_schemas::SpanLink {
                trace_id: span.trace_id,
                span_id: span.span_id,
                attributes: if place == "link" { attributes } else { empty },
            }];
            let tag = Tag {
                key: key.to_owned(),
                value: value.to_owned(),
            };
            tag.is_of(&span)
        };
        for place in ["span", "process", "event", "link"] {
            for (key, value) in [("n", "123"), ("f", "72.5"), ("b", "true"), ("s", "v")] {
                assert!(found(key, value, place), "{key}={value} in {place}");
            }
            assert!(!found("s", "w", place) && !found("other", "v", place));
        }
        assert!(found("event", "retry", "nowhere"));
    }
}
