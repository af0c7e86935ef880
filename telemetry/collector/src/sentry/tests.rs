use serde_json::{Value, json};
use watchfire_schemas::{SpanKind, SpanStatus};

use super::*;

fn sender(key: &str) -> Sender {
    Sender {
        key: key.to_owned(),
        project: "7".to_owned(),
    }
}

fn sent(items: &[(&str, Value)]) -> Sent {
    let mut body = String::from("{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}\n");
    for (kind, payload) in items {
        let payload = payload.to_string();
        let head = json!({"type": kind, "length": payload.len()});
        body.extend([&head.to_string(), "\n", &payload, "\n"]);
    }
    envelope(
        body.as_bytes(),
        &sender("checkout"),
        Timestamp::from_secs(1_700_000_100),
    )
    .unwrap()
}

fn event() -> Value {
    json!({
        "event_id": "9ec79c33ec9942ab8353589fcb2e04dc",
        "timestamp": "2023-11-14T22:13:20.5Z",
        "platform": "python",
        "level": "error",
        "release": "1.4.2",
        "environment": "production",
        "server_name": "web-3",
        "tags": {"tenant": "acme"},
        "user": {"id": 42},
        "contexts": {"trace": {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}},
        "breadcrumbs": {"values": [{"category": "query", "message": "SELECT 1"}]},
        "exception": {"values": [
            {"type": "KeyError", "module": "builtins", "value": "'sku'", "stacktrace": {"frames": [
                {"abs_path": "/srv/shop/stock.py", "function": "find", "lineno": 7, "context_line": "  return self.rows[sku]"}]}},
            {"type": "OrderError", "module": "shop.errors", "value": "order 17", "mechanism": {"handled": false, "source": "__cause__"},
             "stacktrace": {"frames": [
                {"abs_path": "/srv/shop/web.py", "function": "post", "lineno": 90},
                {"abs_path": "/srv/shop/orders.py", "function": "place", "lineno": 33}]}},
        ]},
    })
}

#[test]
fn an_event_is_a_record_with_its_exception() {
    let sent = sent(&[("event", event())]);
    assert_eq!(
        sent.event_id.as_deref(),
        Some("9ec79c33ec9942ab8353589fcb2e04dc")
    );
    let record = &sent.records[0];
    assert_eq!(record.service, "checkout");
    assert_eq!(record.message, "shop.errors.OrderError: order 17");
    assert_eq!(record.timestamp.to_string(), "2023-11-14T22:13:20.500Z");
    assert_eq!(
        record.trace_id.unwrap().to_string(),
        "4bf92f3577b34da6a3ce929d0e0e4736"
    );
    assert_eq!(record.version(), Some("1.4.2"));
    assert_eq!(record.environment(), Some("production"));
    assert_eq!(record.attributes["tenant"], "acme");
    assert_eq!(record.attributes["user.id"], "42");
    assert_eq!(record.attributes["exception.handled"], false);
    assert_eq!(record.attributes["breadcrumbs"], json!(["query SELECT 1"]));
    let exception = record.exception.as_ref().unwrap();
    assert_eq!(exception.kind, "shop.errors.OrderError");
    let expected = "Traceback (most recent call last):
  File \"/srv/shop/stock.py\", line 7, in find
    return self.rows[sku]
KeyError: 'sku'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File \"/srv/shop/web.py\", line 90, in post
  File \"/srv/shop/orders.py\", line 33, in place
shop.errors.OrderError: order 17";
    assert_eq!(exception.stacktrace, expected);
}

#[test]
fn the_service_is_named_by_tag_or_key_or_project() {
    let check = |key: &str, tags: Value, expected: &str| {
        let body = json!({"message": "m", "tags": tags}).to_string();
        let sent = single_event(body.as_bytes(), &sender(key), Timestamp::default()).unwrap();
        assert_eq!(sent.records[0].service, expected);
    };
    check("checkout", json!({}), "checkout");
    check("checkout", json!({"service.name": "stock"}), "stock");
    check("checkout", json!([["service", "stock"]]), "stock");
    check("0123456789abcdef0123456789abcdef", json!({}), "project-7");
    let body = b"{\"dsn\":\"https://checkout:secret@watchfire.internal/7\"}\n";
    assert_eq!(key_within(body).as_deref(), Some("checkout"));
}

#[test]
fn a_message_alone_and_an_odd_event_are_kept() {
    for (event, severity, message) in [
        (
            json!({"logentry": {"message": "n is %s", "formatted": "n is 5"}, "level": "warning"}),
            "WARN",
            "n is 5",
        ),
        (json!({"message": {"formatted": "hi"}}), "INFO", "hi"),
        (
            json!({"exception": 5, "level": 7, "timestamp": {}, "tags": 3, "extra": []}),
            "INFO",
            "an event without a message",
        ),
        (json!({"exception": [{"type": "E"}]}), "ERROR", "E: "),
    ] {
        let record = sent(&[("event", event)]).records.remove(0);
        assert_eq!(
            (record.severity.as_str(), record.message.as_str()),
            (severity, message)
        );
    }
}

#[test]
fn logs_carry_typed_attributes() {
    let log = json!({"timestamp": 1_700_000_000.5, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "level": "warn",
        "body": "slow", "attributes": {"sentry.release": {"value": "1.4.2", "type": "string"}, "ms": {"value": 512, "type": "integer"}}});
    let sent = sent(&[("log", json!({"items": [log, {"no": "body"}]}))]);
    let record = &sent.records[0];
    assert_eq!(
        (record.severity.as_str(), record.version()),
        ("WARN", Some("1.4.2"))
    );
    assert_eq!(record.attributes["ms"], 512);
    assert_eq!(sent.drops, [(DropReason::Malformed, 1)]);
}

#[test]
fn a_transaction_is_a_trace() {
    let transaction = json!({
        "transaction": "POST /orders", "start_timestamp": 1_700_000_000.0, "timestamp": 1_700_000_001.0, "platform": "node",
        "contexts": {"trace": {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7", "op": "http.server", "status": "internal_error"}},
        "spans": [
            {"span_id": "00f067aa0ba902b8", "parent_span_id": "00f067aa0ba902b7", "op": "db.query", "description": "SELECT", "start_timestamp": 1_700_000_000.2, "timestamp": 1_700_000_000.4},
            {"span_id": "none"},
        ],
    });
    let sent = sent(&[("transaction", transaction)]);
    let [root, child] = &sent.spans[..] else {
        panic!("{:?}", sent.spans)
    };
    assert_eq!(
        (root.kind, root.name.as_str()),
        (SpanKind::Server, "POST /orders")
    );
    assert!(matches!(root.status, SpanStatus::Error { .. }));
    assert_eq!(
        (child.kind, child.parent_span_id),
        (SpanKind::Client, Some(root.span_id))
    );
    assert_eq!(sent.drops, [(DropReason::InvalidSpan, 1)]);
}

#[test]
fn check_ins_are_series_and_the_rest_is_counted() {
    let sent = sent(&[
        (
            "check_in",
            json!({"monitor_slug": "nightly", "status": "ok", "duration": 3.5}),
        ),
        ("session", json!({})),
        (
            "client_report",
            json!({"discarded_events": [{"reason": "queue_overflow", "category": "error", "quantity": 4}]}),
        ),
    ]);
    let names: Vec<&str> = sent.series.iter().map(|s| s.labels.name()).collect();
    assert_eq!(
        names,
        [
            "check_in_last_timestamp_seconds",
            "check_in_duration_seconds"
        ]
    );
    assert_eq!(
        sent.drops,
        [(DropReason::UnsupportedItem, 1), (DropReason::AtSender, 4)]
    );
}
