//! What of a span can be asked for beside its own fields: whether it is a root, what happened during
//! it, what it links to.

use serde_json::{Value, json};
use watchfire_schemas::{Span, SpanEvent};

use super::slot;
use crate::row::{Cell, RowWriter};

/// What can be asked for. The names are those of columns on disk.
mod name {
    pub(super) const ROOT: &str = "root";
    pub(super) const EVENTS: &str = "events";
    pub(super) const EXCEPTION_TYPE: &str = "exception.type";
    pub(super) const LINKED_TRACE: &str = "link.trace_id";
}

/// Adds the messages of exceptions, whose words are searched.
pub(super) fn exception_message(events: &[SpanEvent], row: &mut RowWriter<'_>) {
    let mut messages = texts(events, "exception.message");
    let Some(first) = messages.next() else {
        return;
    };
    let mut all = first.to_owned();
    for message in messages {
        all.push('\n');
        all.push_str(message);
    }
    if !all.is_empty() {
        row.slot(slot::EXCEPTION_MESSAGE, Cell::Text(&all));
    }
}

pub(super) fn write(span: &Span, row: &mut RowWriter<'_>) {
    row.derived(name::ROOT, Cell::Bool(span.parent_span_id.is_none()));
    if !span.events.is_empty() {
        let names = span.events.iter().map(|event| event.name.as_str());
        texts_of(name::EVENTS, names, row);
        texts_of(
            name::EXCEPTION_TYPE,
            texts(&span.events, "exception.type"),
            row,
        );
    }
    if !span.links.is_empty() {
        let linked: Vec<String> = span
            .links
            .iter()
            .map(|link| link.trace_id.to_string())
            .collect();
        texts_of(name::LINKED_TRACE, linked.iter().map(String::as_str), row);
    }
}

/// What events say under a key.
fn texts<'a>(events: &'a [SpanEvent], key: &'a str) -> impl Iterator<Item = &'a str> {
    events
        .iter()
        .filter_map(move |event| event.attributes.get(key).and_then(Value::as_str))
}

/// Adds different texts: none, one, or a list of them.
fn texts_of<'a>(name: &str, texts: impl Iterator<Item = &'a str>, row: &mut RowWriter<'_>) {
    let mut different: Vec<&str> = Vec::new();
    for text in texts {
        if !different.contains(&text) {
            different.push(text);
        }
    }
    match different.as_slice() {
        [] => {}
        [text] => row.derived(name, Cell::Text(text)),
        texts => row.derived(name, Cell::Json(&json!(texts).to_string())),
    }
}
