use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use watchfire_schemas::Timestamp;
use watchfire_telemetry::Telemetry;

use crate::database::connection::Connection;
use crate::payments::id;
use crate::sql;

/// Something that happened to a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventType {
    PaymentRequested,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentDeclined,
    PaymentFailed,
    CaptureRequested,
    CaptureFailed,
    CancelRequested,
    CancelFailed,
    PaymentCancelled,
    RefundRequested,
    RefundSucceeded,
    RefundFailed,
}

/// Who takes events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Consumer {
    /// Asks the provider for what an event requests.
    Provider,
    /// Posts what an event moved.
    Ledger,
    /// Tells the subscribers.
    Webhook,
}

/// An event that is being written.
#[derive(Debug)]
pub(crate) struct NewEvent<'a> {
    pub(crate) payment: &'a str,
    pub(crate) event_type: EventType,
    pub(crate) data: Value,
}

/// The trace that an event belongs to, in a form that can be kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace(Option<String>);

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

impl EventType {
    const ALL: [Self; 13] = [
        Self::PaymentRequested,
        Self::PaymentAuthorised,
        Self::PaymentCaptured,
        Self::PaymentDeclined,
        Self::PaymentFailed,
        Self::CaptureRequested,
        Self::CaptureFailed,
        Self::CancelRequested,
        Self::CancelFailed,
        Self::PaymentCancelled,
        Self::RefundRequested,
        Self::RefundSucceeded,
        Self::RefundFailed,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::PaymentRequested => "payment.requested",
            Self::PaymentAuthorised => "payment.authorised",
            Self::PaymentCaptured => "payment.captured",
            Self::PaymentDeclined => "payment.declined",
            Self::PaymentFailed => "payment.failed",
            Self::CaptureRequested => "payment.capture_requested",
            Self::CaptureFailed => "payment.capture_failed",
            Self::CancelRequested => "payment.cancel_requested",
            Self::CancelFailed => "payment.cancel_failed",
            Self::PaymentCancelled => "payment.cancelled",
            Self::RefundRequested => "refund.requested",
            Self::RefundSucceeded => "refund.succeeded",
            Self::RefundFailed => "refund.failed",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Who takes it: one of our own at most, and the webhooks. What is asked of the provider is nobody else's concern, what came of it is.
    pub(crate) fn consumers(self) -> &'static [Consumer] {
        match self {
            Self::PaymentRequested
            | Self::CaptureRequested
            | Self::CancelRequested
            | Self::RefundRequested => &[Consumer::Provider],
            Self::PaymentCaptured | Self::RefundSucceeded => &[Consumer::Ledger, Consumer::Webhook],
            Self::PaymentAuthorised
            | Self::PaymentDeclined
            | Self::PaymentFailed
            | Self::CaptureFailed
            | Self::CancelFailed
            | Self::PaymentCancelled
            | Self::RefundFailed => &[Consumer::Webhook],
        }
    }
}

impl Consumer {
    pub(crate) const ALL: [Self; 3] = [Self::Provider, Self::Ledger, Self::Webhook];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Ledger => "ledger",
            Self::Webhook => "webhook",
        }
    }
}

impl Trace {
    /// The trace that is active here.
    pub(crate) fn current(telemetry: &Telemetry) -> Self {
        let mut headers = HeaderMap::new();
        telemetry.propagate(&mut headers);
        let parent = headers.get(TRACEPARENT);
        Self(parent.and_then(|parent| Some(parent.to_str().ok()?.to_owned())))
    }

    pub(crate) fn kept(traceparent: Option<String>) -> Self {
        Self(traceparent)
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        let parent = self.0.as_deref();
        let parent = parent.and_then(|parent| HeaderValue::from_str(parent).ok());
        parent
            .map(|parent| (TRACEPARENT, parent))
            .into_iter()
            .collect()
    }
}

/// Writes an event, and the outbox of each of its consumers, within the transaction of its cause.
pub(crate) async fn emit(
    connection: &mut Connection,
    event: NewEvent<'_>,
    trace: &Trace,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let seq: i64 = sql::query_scalar(
        "INSERT INTO events (id, payment, type, data, traceparent, created_at) \
         VALUES (?, ?, ?, ?, ?, ?) RETURNING seq",
    )
    .bind(id::draw("evt", now))
    .bind(event.payment)
    .bind(event.event_type.as_str())
    .bind(event.data.to_string())
    .bind(trace.0.as_deref())
    .bind(now.nanos())
    .fetch_one(&mut *connection)
    .await?;
    let consumers = event.event_type.consumers();
    let own = consumers
        .iter()
        .find(|&&consumer| consumer != Consumer::Webhook);
    let insert = sql::query(
        "INSERT INTO outbox (consumer, subscriber, event, payment, due_at) \
         SELECT ?1, '', ?2, ?3, ?4 WHERE ?1 IS NOT NULL \
         UNION ALL SELECT 'webhook', id, ?2, ?3, ?4 FROM subscribers WHERE ?5",
    );
    insert
        .bind(own.map(|consumer| consumer.as_str()))
        .bind(seq)
        .bind(event.payment)
        .bind(now.nanos())
        .bind(consumers.contains(&Consumer::Webhook))
        .execute(connection)
        .await?;
    Ok(())
}

/// The trace of a payment's event; none if there is no such event, or it was in no trace.
pub(crate) async fn trace_of(
    connection: &mut Connection,
    payment: &str,
    seq: i64,
) -> Result<Trace, sqlx::Error> {
    let select = sql::query_scalar("SELECT traceparent FROM events WHERE seq = ? AND payment = ?");
    let found: Option<Option<String>> = select
        .bind(seq)
        .bind(payment)
        .fetch_optional(connection)
        .await?;
    Ok(Trace::kept(found.flatten()))
}

/// Notes in the effect's transaction that `consumer` takes an event. False if it has taken it before:
/// then there is to be no effect.
pub(crate) async fn take(
    connection: &mut Connection,
    consumer: &str,
    event: &str,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let insert = sql::query(
        "INSERT INTO inbox (consumer, event, taken_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    );
    let insert = insert.bind(consumer).bind(event).bind(now.nanos());
    let inserted = insert.execute(connection).await?;
    Ok(inserted.rows_affected() == 1)
}
