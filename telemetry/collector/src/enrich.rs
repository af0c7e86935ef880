//! What we add to a record at intake: pure, from the record alone.

use serde_json::Value;
use watchfire_schemas::{LogRecord, Span};

use crate::derive::exception_of;
use crate::fingerprint::{client_fingerprint, fingerprint};

/// Where the group of a span event's exception stands.
const EVENT_GROUP: &str = "exception.group";

/// Names the group of the record's exception. What an emitter says of group and pattern does not
/// count: they are found here and in the store.
pub(crate) fn enrich_record(record: &mut LogRecord) {
    record.pattern_id = None;
    record.exception_group = record.exception.as_ref().map(|exception| {
        let client = client_fingerprint(&record.attributes);
        fingerprint(&record.service, exception, client.as_deref()).group
    });
}

/// Names the groups of the exceptions that the span's events tell of.
pub(crate) fn enrich_span(span: &mut Span) {
    for event in &mut span.events {
        if let Some(exception) = exception_of(event) {
            let client = client_fingerprint(&event.attributes);
            let group = fingerprint(&span.service, &exception, client.as_deref()).group;
            event
                .attributes
                .insert(EVENT_GROUP.to_owned(), Value::String(group));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use watchfire_schemas::{Exception, SeverityNumber, SpanEvent, Timestamp};

    use super::*;

    #[test]
    fn log_and_span_event_of_one_exception_share_their_group() {
        let mut record = LogRecord::new(Timestamp::default(), SeverityNumber::ERROR, "shop", "m");
        record.exception = Some(Exception {
            kind: "E".to_owned(),
            message: "boom 1".to_owned(),
            stacktrace: String::new(),
        });
        record.exception_group = Some("forged".to_owned());
        enrich_record(&mut record);
        let mut span = crate::derive::tests::span(5, "GET /", 0.1);
        span.events.push(SpanEvent {
            timestamp: Timestamp::default(),
            name: "exception".to_owned(),
            attributes: json!({"exception.type": "E", "exception.message": "boom 2"})
                .as_object()
                .unwrap()
                .clone(),
        });
        enrich_span(&mut span);
        assert_eq!(
            record.exception_group.unwrap(),
            span.events[0].attributes[EVENT_GROUP]
        );
    }
}
