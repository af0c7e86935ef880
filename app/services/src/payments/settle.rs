use serde_json::{Value, json};
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::payments::event::{EventType, NewEvent, Trace, emit};
use crate::payments::operation::{OperationKey, OperationType, Outcome, Settled};
use crate::payments::payment::{Payment, Refund};
use crate::payments::state::{State, Step};
use crate::sql;

/// What a settlement changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) event_type: EventType,
    /// When the payment, or the refund, was asked for.
    pub(crate) requested_at: Timestamp,
}

/// Takes over how an operation ended at the provider: into the payment's state and the event that
/// tells of it. The same settlement comes by the answer to our request and by the provider's own
/// notification, each perhaps twice: all but the first change nothing.
pub(crate) async fn settle(
    connection: &mut Connection,
    key: &OperationKey,
    settled: &Settled,
    trace: &Trace,
    now: Timestamp,
) -> Result<Option<Change>, sqlx::Error> {
    if key.operation == OperationType::Refund {
        return settle_refund(connection, key, settled, trace, now).await;
    }
    let Some(mut payment) = Payment::find(connection, &key.subject).await? else {
        return Ok(None);
    };
    let Some((step, event_type)) = consequence(key.operation, settled.status) else {
        return Ok(None);
    };
    let Some(state) = payment.state().after(step) else {
        return Ok(None);
    };
    if !is_asked_for(connection, key).await? {
        return Ok(None);
    }
    state.as_str().clone_into(&mut payment.state);
    match step {
        Step::Captured if key.operation == OperationType::Charge => {
            payment.captured = payment.amount;
        }
        Step::CaptureRefused => payment.captured = 0,
        _ => (),
    }
    if settled.charge.is_some() {
        payment.charge.clone_from(&settled.charge);
    }
    payment.reason.clone_from(&settled.reason);
    payment.save(connection, now).await?;
    let data = told(&payment, payment.amount_in(state), settled);
    let event = NewEvent {
        payment: &payment.id,
        event_type,
        data,
    };
    emit(connection, event, trace, now).await?;
    Ok(Some(Change {
        event_type,
        requested_at: Timestamp::from_nanos(payment.created_at),
    }))
}

async fn settle_refund(
    connection: &mut Connection,
    key: &OperationKey,
    settled: &Settled,
    trace: &Trace,
    now: Timestamp,
) -> Result<Option<Change>, sqlx::Error> {
    let Some(refund) = Refund::find(connection, &key.subject).await? else {
        return Ok(None);
    };
    let Some(mut payment) = Payment::find(connection, &refund.payment).await? else {
        return Ok(None);
    };
    if refund.state != "requested" {
        return Ok(None);
    }
    let (state, event_type) = if settled.status == Outcome::Succeeded {
        payment.refunded += refund.amount;
        ("succeeded", EventType::RefundSucceeded)
    } else {
        payment.refunding -= refund.amount;
        ("failed", EventType::RefundFailed)
    };
    payment.save(connection, now).await?;
    sql::query("UPDATE refunds SET state = ?, reason = ? WHERE id = ?")
        .bind(state)
        .bind(&settled.reason)
        .bind(&refund.id)
        .execute(&mut *connection)
        .await?;
    let mut data = told(&payment, refund.amount, settled);
    data["refund"] = refund.id.as_str().into();
    let event = NewEvent {
        payment: &payment.id,
        event_type,
        data,
    };
    emit(connection, event, trace, now).await?;
    Ok(Some(Change {
        event_type,
        requested_at: Timestamp::from_nanos(refund.created_at),
    }))
}

/// A notification of an earlier capture or void may come late, when the next is under way.
async fn is_asked_for(
    connection: &mut Connection,
    key: &OperationKey,
) -> Result<bool, sqlx::Error> {
    let event_type = match key.operation {
        OperationType::Capture => EventType::CaptureRequested,
        OperationType::Void => EventType::CancelRequested,
        OperationType::Authorise | OperationType::Charge | OperationType::Refund => {
            return Ok(true);
        }
    };
    let latest: Option<i64> =
        sql::query_scalar("SELECT max(seq) FROM events WHERE payment = ? AND type = ?")
            .bind(&key.subject)
            .bind(event_type.as_str())
            .fetch_one(connection)
            .await?;
    Ok(latest == Some(key.turn))
}

/// What the end of an operation means for the payment.
fn consequence(operation: OperationType, outcome: Outcome) -> Option<(Step, EventType)> {
    Some(match (operation, outcome) {
        (OperationType::Authorise, Outcome::Succeeded) => {
            (Step::Authorised, EventType::PaymentAuthorised)
        }
        (OperationType::Charge | OperationType::Capture, Outcome::Succeeded) => {
            (Step::Captured, EventType::PaymentCaptured)
        }
        (OperationType::Authorise | OperationType::Charge, Outcome::Declined) => {
            (Step::Declined, EventType::PaymentDeclined)
        }
        (OperationType::Authorise | OperationType::Charge, Outcome::Rejected) => {
            (Step::Rejected, EventType::PaymentFailed)
        }
        (OperationType::Capture, _) => (Step::CaptureRefused, EventType::CaptureFailed),
        (OperationType::Void, Outcome::Succeeded) => (Step::Cancelled, EventType::PaymentCancelled),
        (OperationType::Void, _) => (Step::CancelRefused, EventType::CancelFailed),
        (OperationType::Refund, _) => return None,
    })
}

impl Payment {
    /// The money that a payment in `state` is about.
    fn amount_in(&self, state: State) -> i64 {
        if state == State::Captured {
            self.captured
        } else {
            self.amount
        }
    }
}

fn told(payment: &Payment, amount: i64, settled: &Settled) -> Value {
    json!({
        "payment": payment.id,
        "amount": amount,
        "currency": payment.currency,
        "payer": payment.payer,
        "payee": payment.payee,
        "reference": payment.reference,
        "reason": settled.reason,
    })
}
