//! Spans in the same form. What the spans of one emitter share, its service, resource and scope, is
//! told once, with the first of them.

use watchfire_schemas::{
    Attributes, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, Timestamp, TraceId,
};

use super::{CompactError, Reader, number, text, value};

/// The span before it has the same service, resource and scope.
const SAME: u8 = 1;
const PARENT: u8 = 2;
const TRACE_STATE: u8 = 4;
const EVENTS: u8 = 8;
const LINKS: u8 = 16;
const MESSAGE: u8 = 32;

const UNSET: u8 = 0;
const OK: u8 = 1;
const ERROR: u8 = 2;

const KINDS: [SpanKind; 5] = [
    SpanKind::Internal,
    SpanKind::Server,
    SpanKind::Client,
    SpanKind::Producer,
    SpanKind::Consumer,
];

/// Appends spans.
pub(in crate::content) fn write(spans: &[Span], out: &mut Vec<u8>) {
    let mut before: Option<&Span> = None;
    for span in spans {
        let is_same = before.is_some_and(|before| is_of_same(before, span));
        write_one(span, is_same, out);
        before = Some(span);
    }
}

fn is_of_same(a: &Span, b: &Span) -> bool {
    a.service == b.service && a.scope == b.scope && a.resource == b.resource
}

fn write_one(span: &Span, is_same: bool, out: &mut Vec<u8>) {
    let (status, message) = match &span.status {
        SpanStatus::Unset => (UNSET, ""),
        SpanStatus::Ok => (OK, ""),
        SpanStatus::Error { message } => (ERROR, message.as_str()),
    };
    let parts = [
        (SAME, is_same),
        (PARENT, span.parent_span_id.is_some()),
        (TRACE_STATE, !span.trace_state.is_empty()),
        (EVENTS, !span.events.is_empty()),
        (LINKS, !span.links.is_empty()),
        (MESSAGE, !message.is_empty()),
    ];
    let present = parts.into_iter().filter(|(_, is_there)| *is_there);
    let present = present.fold(0, |all, (part, _)| all | part);
    let kind = KINDS.iter().position(|kind| *kind == span.kind);
    out.extend_from_slice(&[present, kind.unwrap_or_default() as u8, status]);
    out.extend_from_slice(&span.trace_id.bytes());
    out.extend_from_slice(&span.span_id.bytes());
    out.extend_from_slice(&span.start.nanos().to_le_bytes());
    out.extend_from_slice(&span.end.nanos().to_le_bytes());
    if let Some(parent) = span.parent_span_id {
        out.extend_from_slice(&parent.bytes());
    }
    if !is_same {
        text(&span.service, out);
        text(&span.scope, out);
        attributes(&span.resource, out);
    }
    text(&span.name, out);
    if !message.is_empty() {
        text(message, out);
    }
    if !span.trace_state.is_empty() {
        text(&span.trace_state, out);
    }
    attributes(&span.attributes, out);
    if !span.events.is_empty() {
        number(span.events.len() as u64, out);
        for event in &span.events {
            out.extend_from_slice(&event.timestamp.nanos().to_le_bytes());
            text(&event.name, out);
            attributes(&event.attributes, out);
        }
    }
    if !span.links.is_empty() {
        number(span.links.len() as u64, out);
        for link in &span.links {
            out.extend_from_slice(&link.trace_id.bytes());
            out.extend_from_slice(&link.span_id.bytes());
            attributes(&link.attributes, out);
        }
    }
}

fn attributes(all: &Attributes, out: &mut Vec<u8>) {
    number(all.len() as u64, out);
    for (key, attribute) in all {
        text(key, out);
        value(attribute, out);
    }
}

/// Every span of a payload.
pub(in crate::content) fn read(payload: &[u8]) -> Result<Vec<Span>, CompactError> {
    let mut reader = Reader(payload);
    let mut spans: Vec<Span> = Vec::new();
    while !reader.0.is_empty() {
        let span = reader.span(spans.last())?;
        spans.push(span);
    }
    Ok(spans)
}

impl Reader<'_> {
    fn span(&mut self, before: Option<&Span>) -> Result<Span, CompactError> {
        let [present, kind, status] = self.array()?;
        let has = |part: u8| present & part != 0;
        let trace_id = self.trace_id()?;
        let span_id = self.span_id()?;
        let (start, end) = (self.time()?, self.time()?);
        let parent_span_id = has(PARENT).then(|| self.span_id()).transpose()?;
        let (service, scope, resource) = match before {
            Some(before) if has(SAME) => {
                let service = before.service.clone();
                (service, before.scope.clone(), before.resource.clone())
            }
            None if has(SAME) => return Err(CompactError::NoValue),
            _ => {
                let (service, scope) = (self.text()?.to_owned(), self.text()?.to_owned());
                (service, scope, self.attributes()?)
            }
        };
        let name = self.text()?.to_owned();
        let message = self.text_if(has(MESSAGE))?;
        Ok(Span {
            trace_id,
            span_id,
            parent_span_id,
            trace_state: self.text_if(has(TRACE_STATE))?,
            name,
            kind: *KINDS.get(usize::from(kind)).ok_or(CompactError::NoValue)?,
            start,
            end,
            status: match status {
                UNSET => SpanStatus::Unset,
                OK => SpanStatus::Ok,
                ERROR => SpanStatus::Error { message },
                _ => return Err(CompactError::NoValue),
            },
            service,
            resource,
            scope,
            attributes: self.attributes()?,
            events: self.list(has(EVENTS), Self::event)?,
            links: self.list(has(LINKS), Self::link)?,
        })
    }

    fn event(&mut self) -> Result<SpanEvent, CompactError> {
        Ok(SpanEvent {
            timestamp: self.time()?,
            name: self.text()?.to_owned(),
            attributes: self.attributes()?,
        })
    }

    fn link(&mut self) -> Result<SpanLink, CompactError> {
        Ok(SpanLink {
            trace_id: self.trace_id()?,
            span_id: self.span_id()?,
            attributes: self.attributes()?,
        })
    }

    fn trace_id(&mut self) -> Result<TraceId, CompactError> {
        TraceId::from_bytes(self.array()?).ok_or(CompactError::NoValue)
    }

    fn span_id(&mut self) -> Result<SpanId, CompactError> {
        SpanId::from_bytes(self.array()?).ok_or(CompactError::NoValue)
    }

    fn time(&mut self) -> Result<Timestamp, CompactError> {
        Ok(Timestamp::from_nanos(i64::from_le_bytes(self.array()?)))
    }

    fn text_if(&mut self, is_there: bool) -> Result<String, CompactError> {
        if is_there {
            return Ok(self.text()?.to_owned());
        }
        Ok(String::new())
    }

    fn list<T>(
        &mut self,
        is_there: bool,
        one: impl Fn(&mut Self) -> Result<T, CompactError>,
    ) -> Result<Vec<T>, CompactError> {
        let count = if is_there { self.number()? } else { 0 };
        (0..count).map(|_| one(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::values;
    use super::*;

    fn some_attributes() -> impl Strategy<Value = Attributes> {
        let map = prop::collection::btree_map("[a-f.]{0,4}", values(), 0..4);
        map.prop_map(|map| map.into_iter().collect())
    }

    fn ids() -> impl Strategy<Value = (TraceId, SpanId)> {
        (1_u128.., 1_u64..).prop_map(|(trace, span)| {
            let trace = TraceId::from_bytes(trace.to_be_bytes()).unwrap();
            (trace, SpanId::from_bytes(span.to_be_bytes()).unwrap())
        })
    }

    fn span() -> impl Strategy<Value = Span> {
        let texts = || prop::sample::select(vec!["", "a", "é\n"]).prop_map(str::to_owned);
        let status = prop_oneof![
            Just(SpanStatus::Unset),
            Just(SpanStatus::Ok),
            texts().prop_map(|message| SpanStatus::Error { message }),
        ];
        let time = || any::<i64>().prop_map(Timestamp::from_nanos);
        let event = (time(), texts(), some_attributes());
        let link = (ids(), some_attributes());
        (
            (ids(), prop::option::of(ids()), time(), time()),
            (texts(), texts(), texts(), texts(), status, 0..5_usize),
            (some_attributes(), some_attributes()),
            prop::collection::vec(event, 0..3),
            prop::collection::vec(link, 0..3),
        )
            .prop_map(|(places, texts, (resource, attributes), events, links)| {
                let ((trace_id, span_id), parent, start, end) = places;
                let (trace_state, name, service, scope, status, kind) = texts;
                Span {
                    trace_id,
                    span_id,
                    parent_span_id: parent.map(|(_, id)| id),
                    trace_state,
                    name,
                    kind: KINDS[kind],
                    start,
                    end,
                    status,
                    service,
                    resource,
                    scope,
                    attributes,
                    events: events
                        .into_iter()
                        .map(|(timestamp, name, attributes)| SpanEvent {
                            timestamp,
                            name,
                            attributes,
                        })
                        .collect(),
                    links: links
                        .into_iter()
                        .map(|((trace_id, span_id), attributes)| SpanLink {
                            trace_id,
                            span_id,
                            attributes,
                        })
                        .collect(),
                }
            })
    }

    proptest! {
        #[test]
        fn spans_survive_and_a_cut_is_no_panic(
            spans in prop::collection::vec((span(), any::<bool>()), 0..4),
            cut in 0_usize..4096,
            flip in 0_usize..4096,
        ) {
            let mut all: Vec<Span> = Vec::new();
            for (mut span, is_same) in spans {
                if let Some(before) = all.last().filter(|_| is_same) {
                    span.service.clone_from(&before.service);
                    span.scope.clone_from(&before.scope);
                    span.resource.clone_from(&before.resource);
                }
                all.push(span);
            }
            let mut bytes = Vec::new();
            write(&all, &mut bytes);
            prop_assert_eq!(read(&bytes), Ok(all));
            if !bytes.is_empty() {
                drop(read(&bytes[..cut % bytes.len()]));
                let at = flip % bytes.len();
                bytes[at] ^= 0x41;
                drop(read(&bytes));
            }
        }
    }
}
