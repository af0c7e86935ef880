//! A span as cells of a row, and back.

mod derived;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use watchfire_schemas::{
    Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, Timestamp, TraceId,
};

use crate::row::{Cell, Part, Row, RowWriter};

/// The slots of a span.
pub(crate) mod slot {
    pub(crate) const SERVICE: usize = 0;
    pub(crate) const NAME: usize = 1;
    pub(crate) const KIND: usize = 2;
    pub(crate) const STATUS: usize = 3;
    pub(crate) const STATUS_MESSAGE: usize = 4;
    pub(crate) const DURATION: usize = 5;
    pub(crate) const TRACE_ID: usize = 6;
    pub(crate) const SPAN_ID: usize = 7;
    pub(crate) const PARENT_SPAN_ID: usize = 8;
    pub(crate) const SCOPE: usize = 9;
    pub(crate) const TRACE_STATE: usize = 10;
    pub(crate) const MORE: usize = 11;
    pub(crate) const EXCEPTION_MESSAGE: usize = 12;

    pub(crate) const NAMES: [&str; 13] = [
        "service",
        "name",
        "kind",
        "status",
        "status.message",
        "duration",
        "trace_id",
        "span_id",
        "parent_span_id",
        "scope",
        "trace_state",
        "more",
        "exception.message",
    ];
}

/// What is only shown.
#[derive(Default, Serialize, Deserialize)]
struct More {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<SpanEvent>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    links: Vec<SpanLink>,
    /// Of a span that lasted longer than a duration tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<i64>,
}

const KINDS: [SpanKind; 5] = [
    SpanKind::Internal,
    SpanKind::Server,
    SpanKind::Client,
    SpanKind::Producer,
    SpanKind::Consumer,
];

/// How a status says that the span has failed.
pub(crate) const ERROR: &str = "error";

pub(crate) fn write(span: &Span, row: &mut RowWriter<'_>) {
    let filled = |text: &'_ str| !text.is_empty();
    let duration = i64::try_from(span.duration().as_nanos()).unwrap_or(i64::MAX);
    row.slot(slot::SERVICE, Cell::Text(&span.service));
    row.slot(slot::NAME, Cell::Text(&span.name));
    row.slot(slot::KIND, Cell::Text(span.kind.as_str()));
    let (status, message) = match &span.status {
        SpanStatus::Unset => ("unset", ""),
        SpanStatus::Ok => ("ok", ""),
        SpanStatus::Error { message } => (ERROR, message.as_str()),
    };
    row.slot(slot::STATUS, Cell::Text(status));
    row.text(
        slot::STATUS_MESSAGE,
        Some(message).filter(|text| filled(text)),
    );
    row.slot(slot::DURATION, Cell::Int(duration));
    let trace = u128::from_be_bytes(span.trace_id.bytes());
    row.slot(slot::TRACE_ID, Cell::Id(trace));
    let id = |id: SpanId| Cell::Int(i64::from_be_bytes(id.bytes()));
    row.slot(slot::SPAN_ID, id(span.span_id));
    if let Some(parent) = span.parent_span_id {
        row.slot(slot::PARENT_SPAN_ID, id(parent));
    }
    row.text(
        slot::SCOPE,
        Some(span.scope.as_str()).filter(|text| filled(text)),
    );
    let state = Some(span.trace_state.as_str());
    row.text(slot::TRACE_STATE, state.filter(|text| filled(text)));
    let ends_late = span.start.nanos().checked_add(duration) != Some(span.end.nanos());
    if ends_late || !span.events.is_empty() || !span.links.is_empty() {
        let more = serde_json::json!({"events": span.events, "links": span.links});
        let mut more: Map<String, Value> = match more {
            Value::Object(more) => more,
            _ => Map::new(),
        };
        more.retain(|_, list| list.as_array().is_some_and(|list| !list.is_empty()));
        if ends_late {
            more.insert("end".to_owned(), span.end.nanos().into());
        }
        row.slot(slot::MORE, Cell::Json(&Value::Object(more).to_string()));
        derived::exception_message(&span.events, row);
    }
    row.attributes(Part::Attribute, &span.attributes);
    row.attributes(Part::Resource, &span.resource);
    derived::write(span, row);
}

/// What a picture of a trace takes of a span.
pub(crate) struct Outline<'a> {
    pub(crate) span_id: SpanId,
    pub(crate) parent_span_id: Option<SpanId>,
    pub(crate) service: &'a str,
    pub(crate) name: &'a str,
    pub(crate) kind: SpanKind,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) is_error: bool,
}

/// The slots that [`outline`] reads.
pub(crate) const OUTLINED: [usize; 7] = [
    slot::SERVICE,
    slot::NAME,
    slot::KIND,
    slot::STATUS,
    slot::DURATION,
    slot::SPAN_ID,
    slot::PARENT_SPAN_ID,
];

/// The outline of the span that was written.
pub(crate) fn outline(row: Row<'_>) -> Result<Outline<'_>, String> {
    let (mut service, mut name, mut kind, mut status) = ("", "", "", "");
    let (mut duration, mut span_id, mut parent_span_id) = (None, None, None);
    let id = |id: i64| SpanId::from_bytes(id.to_be_bytes());
    for (key, cell) in row
        .cells()
        .take_while(|(key, _)| *key <= slot::PARENT_SPAN_ID)
    {
        match (key, cell) {
            (slot::SERVICE, Cell::Text(text)) => service = text,
            (slot::NAME, Cell::Text(text)) => name = text,
            (slot::KIND, Cell::Text(text)) => kind = text,
            (slot::STATUS, Cell::Text(text)) => status = text,
            (slot::DURATION, Cell::Int(nanos)) => duration = Some(nanos),
            (slot::SPAN_ID, Cell::Int(number)) => span_id = id(number),
            (slot::PARENT_SPAN_ID, Cell::Int(number)) => parent_span_id = id(number),
            _ => {}
        }
    }
    let duration = duration.ok_or("no duration")?;
    Ok(Outline {
        span_id: span_id.ok_or("no span id")?,
        parent_span_id,
        service,
        name,
        kind: kind_of(kind).ok_or("a kind that is none")?,
        start: Timestamp::from_nanos(row.time()),
        end: Timestamp::from_nanos(row.time().saturating_add(duration)),
        is_error: status == ERROR,
    })
}

fn kind_of(name: &str) -> Option<SpanKind> {
    KINDS.into_iter().find(|known| known.as_str() == name)
}

/// The span that was written.
pub(crate) fn read(row: Row<'_>) -> Result<Span, String> {
    let text = |slot| row.text(slot).to_owned();
    let number = |slot| match row.slot(slot) {
        Some(Cell::Int(number)) => Some(number),
        _ => None,
    };
    let span_id = |slot| number(slot).and_then(|id| SpanId::from_bytes(id.to_be_bytes()));
    let trace_id = match row.slot(slot::TRACE_ID) {
        Some(Cell::Id(id)) => TraceId::from_bytes(id.to_be_bytes()),
        _ => None,
    };
    let more: More = match row.slot(slot::MORE) {
        Some(Cell::Json(json)) => serde_json::from_str(json).map_err(|error| error.to_string())?,
        _ => More::default(),
    };
    let kind = kind_of(row.text(slot::KIND));
    let status = match row.text(slot::STATUS) {
        "unset" => SpanStatus::Unset,
        "ok" => SpanStatus::Ok,
        ERROR => SpanStatus::Error {
            message: text(slot::STATUS_MESSAGE),
        },
        _ => return Err("a status that is none".to_owned()),
    };
    let duration = number(slot::DURATION).ok_or("no duration")?;
    let end = more.end.unwrap_or(row.time().saturating_add(duration));
    let attributes = |wanted: Part| {
        row.attributes()
            .filter(|(part, ..)| *part == wanted)
            .map(|(_, name, cell)| (name.to_owned(), cell.to_value()))
            .collect::<Map<String, Value>>()
    };
    Ok(Span {
        trace_id: trace_id.ok_or("no trace id")?,
        span_id: span_id(slot::SPAN_ID).ok_or("no span id")?,
        parent_span_id: span_id(slot::PARENT_SPAN_ID),
        trace_state: text(slot::TRACE_STATE),
        name: text(slot::NAME),
        kind: kind.ok_or("a kind that is none")?,
        start: Timestamp::from_nanos(row.time()),
        end: Timestamp::from_nanos(end),
        status,
        service: text(slot::SERVICE),
        resource: attributes(Part::Resource),
        scope: text(slot::SCOPE),
        attributes: attributes(Part::Attribute),
        events: more.events,
        links: more.links,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::row::Rows;

    #[test]
    fn a_span_survives() {
        let mut span: Span = serde_json::from_value(json!({
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7",
            "name": "GET /", "kind": "client", "service": "shop",
            "start": "2026-11-21T00:00:00.003701544Z", "end": "2026-11-21T00:00:01Z",
        }))
        .unwrap();
        let check = |span: &Span| {
            let mut rows = Rows::new(&slot::NAMES);
            rows.push(span.start.nanos(), 7, |row| write(span, row));
            assert_eq!(read(rows.row(0)).as_ref(), Ok(span));
        };
        check(&span);
        span.parent_span_id = "f0f067aa0ba902b7".parse().ok();
        span.trace_state = "a=b".to_owned();
        span.scope = "lib".to_owned();
        span.status = SpanStatus::Error {
            message: String::new(),
        };
        span.attributes = json!({"a": 1, "b": [1, "x"]}).as_object().unwrap().clone();
        span.resource = json!({"a": 2.5}).as_object().unwrap().clone();
        span.events = vec![SpanEvent {
            timestamp: span.start,
            name: "exception".to_owned(),
            attributes: span.attributes.clone(),
        }];
        check(&span);
        span.start = Timestamp::MIN;
        check(&span);
    }
}
