use serde_json::Value;
use watchfire_schemas::{Attributes, Span, SpanKind, SpanStatus, Timestamp, TraceId};

use super::event::{attributes, service};
use super::{Sender, given};

/// The spans of a transaction and how many could not be read; none at all if the transaction
/// itself has no valid ids and times.
pub(super) fn spans(
    transaction: &Value,
    sender: &Sender,
    arrived: Timestamp,
) -> Option<(Vec<Span>, u64)> {
    let context = transaction.get("contexts")?.get("trace")?;
    let trace_id: TraceId = given::text(context, "trace_id")?.parse().ok()?;
    let service = service(transaction).unwrap_or_else(|| sender.service());
    let mut resource = attributes(transaction);
    resource.remove("breadcrumbs");
    let whole = Whole {
        trace_id,
        service,
        resource,
    };
    let name = given::text(transaction, "transaction").unwrap_or_else(|| "<unnamed>".to_owned());
    let end = given::time(transaction, "timestamp").unwrap_or(arrived);
    let start = given::time(transaction, "start_timestamp")?;
    let root = whole.span(context, name, start, end)?;
    let (mut spans, mut broken) = (vec![root], 0);
    for child in given::list(transaction, "spans") {
        match whole.child(child) {
            Some(span) => spans.push(span),
            None => broken += 1,
        }
    }
    Some((spans, broken))
}

/// What all spans of a transaction share.
struct Whole {
    trace_id: TraceId,
    service: String,
    resource: Attributes,
}

impl Whole {
    fn child(&self, value: &Value) -> Option<Span> {
        let name = given::text(value, "description").or_else(|| given::text(value, "op"));
        let start = given::time(value, "start_timestamp")?;
        let end = given::time(value, "timestamp")?;
        let name = name.unwrap_or_else(|| "<unnamed>".to_owned());
        self.span(value, name, start, end)
    }

    fn span(&self, value: &Value, name: String, start: Timestamp, end: Timestamp) -> Option<Span> {
        let op = given::text(value, "op").unwrap_or_default();
        let status = given::text(value, "status").unwrap_or_default();
        let mut attributes = Attributes::new();
        let data = value.get("data").and_then(Value::as_object);
        for (key, value) in data.into_iter().flatten() {
            attributes.insert(key.clone(), value.clone());
        }
        if !op.is_empty() {
            attributes.insert("sentry.op".to_owned(), op.clone().into());
        }
        Some(Span {
            trace_id: self.trace_id,
            span_id: given::text(value, "span_id")?.parse().ok()?,
            parent_span_id: given::text(value, "parent_span_id").and_then(|id| id.parse().ok()),
            trace_state: String::new(),
            name,
            kind: kind_of(&op),
            start,
            end: end.max(start),
            status: status_of(status),
            service: self.service.clone(),
            resource: self.resource.clone(),
            scope: "sentry".to_owned(),
            attributes,
            events: Vec::new(),
            links: Vec::new(),
        })
    }
}

/// By what clients call operations.
fn kind_of(op: &str) -> SpanKind {
    let is = |known: &[&str]| known.iter().any(|known| op.starts_with(known));
    match () {
        () if is(&["http.server", "grpc.server", "websocket.server"]) => SpanKind::Server,
        () if is(&["http.client", "grpc.client", "db", "cache"]) => SpanKind::Client,
        () if is(&["queue.publish", "queue.submit"]) => SpanKind::Producer,
        () if is(&["queue.process", "queue.task"]) => SpanKind::Consumer,
        () => SpanKind::Internal,
    }
}

fn status_of(status: String) -> SpanStatus {
    match status.as_str() {
        // Asked for by the caller, or found to be so: no failure of the operation.
        "" | "ok" | "unknown" | "cancelled" | "not_found" | "invalid_argument"
        | "already_exists" | "permission_denied" | "unauthenticated" => SpanStatus::Unset,
        _ => SpanStatus::Error { message: status },
    }
}
