use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::database::connection::Connection;
use crate::payments::api::Api;
use crate::payments::api::accept::Accepting;
use crate::payments::api::answer::{self, list as listed};
use crate::payments::event::{EventType, NewEvent, emit};
use crate::payments::id::draw;
use crate::payments::idempotency::Once;
use crate::payments::money::{Amount, Currency};
use crate::payments::payment::{Payment, Refund, history};
use crate::payments::provider::MethodToken;
use crate::payments::state::{State as PaymentState, Step};
use crate::problem::{Body, InPath, InQuery, Problem};
use crate::sql::{self, QueryBuilder};
use crate::statement::{Operation, Statement};

const INSERT: Statement = Statement::new(Operation::Insert, "payments");
const UPDATE: Statement = Statement::new(Operation::Update, "payments");
const SELECT: Statement = Statement::new(Operation::Select, "payments");
const INSERT_REFUND: Statement = Statement::new(Operation::Insert, "refunds");

/// A payment that is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    amount: Amount,
    currency: Currency,
    payer: String,
    payee: String,
    payment_method: MethodToken,
    reference: String,
    #[serde(default)]
    capture: Capture,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Capture {
    #[default]
    Automatic,
    Manual,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaptureOrder {
    /// Less than the whole gives up the rest.
    amount: Option<Amount>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundOrder {
    amount: Amount,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    cursor: Option<i64>,
    limit: Option<i64>,
    reference: Option<String>,
}

pub(super) async fn create(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    Body(order): Body<Order>,
) -> Result<Response, Problem> {
    let once = Once::read(&headers, "POST /v1/payments", &order)?;
    order.check()?;
    let work = api.once(once, (INSERT, StatusCode::ACCEPTED), move |accepting| {
        Box::pin(accept(order, accepting))
    });
    work.await
}

impl Order {
    const LONGEST_REFERENCE: usize = 140;

    fn check(&self) -> Result<(), Problem> {
        let length = self.reference.chars().count();
        let is_text = !self.reference.chars().any(char::is_control);
        if !(1..=Self::LONGEST_REFERENCE).contains(&length) || !is_text {
            let most = Self::LONGEST_REFERENCE;
            let detail = format!("a reference has 1 to {most} characters, none of control");
            return Err(
                Problem::unprocessable("the payment cannot be accepted").at("/reference", detail)
            );
        }
        if self.payer == self.payee {
            return Err(Problem::unprocessable("the payment cannot be accepted")
                .at("/payee", "nobody pays themselves"));
        }
        Ok(())
    }
}

async fn accept(
    order: Order,
    accepting: Accepting<'_>,
) -> Result<Result<Value, Problem>, sqlx::Error> {
    let Accepting {
        connection,
        trace,
        now,
    } = accepting;
    let accounts = accounts(connection, &order).await?;
    for (pointer, account) in [("/payer", &order.payer), ("/payee", &order.payee)] {
        if let Some(wrong) = wrong_account(&accounts, account, order.currency) {
            let problem = Problem::unprocessable("the payment cannot be accepted");
            return Ok(Err(problem.at(pointer, wrong)));
        }
    }
    let (id, state) = (draw("pay", now), PaymentState::Requested.as_str());
    let capture = match order.capture {
        Capture::Automatic => "automatic",
        Capture::Manual => "manual",
    };
    sql::query(
        "INSERT INTO payments (id, state, amount, currency, payer, payee, method, reference, \
         capture, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10)",
    )
    .bind(&id)
    .bind(state)
    .bind(order.amount.get())
    .bind(order.currency.as_str())
    .bind(&order.payer)
    .bind(&order.payee)
    .bind(order.payment_method.reveal())
    .bind(&order.reference)
    .bind(capture)
    .bind(now.nanos())
    .execute(&mut *connection)
    .await?;
    let event = NewEvent {
        payment: &id,
        event_type: EventType::PaymentRequested,
        data: json!({ "payment": id, "amount": order.amount, "currency": order.currency }),
    };
    emit(connection, event, &trace, now).await?;
    Ok(Ok(json!({
        "id": id,
        "state": state,
        "amount": order.amount,
        "currency": order.currency,
        "payer": order.payer,
        "payee": order.payee,
        "reference": order.reference,
        "capture": capture,
        "captured": 0,
        "refunded": 0,
        "reason": null,
        "created_at": now,
        "updated_at": now,
    })))
}

/// Id, type and currency of the accounts that an order names, as far as they are there.
async fn accounts(
    connection: &mut Connection,
    order: &Order,
) -> Result<Vec<(String, String, String)>, sqlx::Error> {
    sql::query_as("SELECT id, type, currency FROM accounts WHERE id IN (?, ?)")
        .bind(&order.payer)
        .bind(&order.payee)
        .fetch_all(connection)
        .await
}

/// Why an account cannot take part in a payment, if it cannot.
fn wrong_account(
    accounts: &[(String, String, String)],
    account: &str,
    currency: Currency,
) -> Option<String> {
    let currency = currency.as_str();
    match accounts.iter().find(|(id, ..)| id == account) {
        None => Some("there is no such account: open it first".to_owned()),
        Some((_, kind, _)) if kind != "liability" => Some(format!(
            "the account is of type {kind}: payments go from one liability to another"
        )),
        Some((.., held)) if held != currency => {
            Some(format!("the account holds {held}, not {currency}"))
        }
        Some(_) => None,
    }
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
) -> Result<Response, Problem> {
    let id = answer::id(id)?;
    let missing = no_payment(&id);
    let found = api.database.read(SELECT, move |connection| {
        Box::pin(async move {
            let Some(payment) = Payment::find(connection, &id).await? else {
                return Ok(None);
            };
            let refunds = Refund::of_payment(connection, &id).await?;
            let events = history(connection, &id).await?;
            let mut shown = payment.shown();
            shown["refunds"] = refunds.iter().map(Refund::shown).collect();
            shown["events"] = json!(events);
            Ok(Some(shown))
        })
    });
    let found = found
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    Ok(axum::Json(found.ok_or(missing)?).into_response())
}

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    InQuery(listing): InQuery<Listing>,
) -> Result<Response, Problem> {
    let limit = answer::limit(listing.limit)?;
    let mut sql = QueryBuilder::new(
        "SELECT seq, id, state, amount, currency, payer, payee, reference, capture, \
         captured, refunding, refunded, charge, reason, created_at, updated_at \
         FROM payments WHERE seq < ",
    );
    sql.push_bind(listing.cursor.unwrap_or(i64::MAX));
    // Only if it is asked for, so that its index is of use.
    if let Some(reference) = listing.reference {
        sql.push(" AND reference = ").push_bind(reference);
    }
    sql.push(" ORDER BY seq DESC LIMIT ").push_bind(limit + 1);
    let rows = api.database.read(SELECT, move |connection| {
        Box::pin(async move { sql.build_query_as::<Payment>().fetch_all(connection).await })
    });
    let rows = rows
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    Ok(listed(
        "payments",
        rows,
        limit,
        |row| row.seq,
        Payment::shown,
    ))
}

pub(super) async fn capture(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
    headers: HeaderMap,
    Body(order): Body<CaptureOrder>,
) -> Result<Response, Problem> {
    let id = answer::id(id)?;
    let once = Once::read(&headers, &format!("POST /v1/payments/{id}/capture"), &order)?;
    let work = api.once(once, (UPDATE, StatusCode::ACCEPTED), move |accepting| {
        Box::pin(async move {
            let Some(payment) = Payment::find(&mut *accepting.connection, &id).await? else {
                return Ok(Err(no_payment(&id)));
            };
            let amount = order.amount.map_or(payment.amount, Amount::get);
            if amount > payment.amount {
                let detail = format!("{} are authorised", payment.amount);
                let problem = Problem::unprocessable("the payment cannot be captured");
                return Ok(Err(problem.at("/amount", detail)));
            }
            step(payment, Step::AskCapture, amount, accepting).await
        })
    });
    work.await
}

pub(super) async fn cancel(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = answer::id(id)?;
    let once = Once::read(&headers, &format!("POST /v1/payments/{id}/cancel"), &())?;
    let work = api.once(once, (UPDATE, StatusCode::ACCEPTED), move |accepting| {
        Box::pin(async move {
            match Payment::find(&mut *accepting.connection, &id).await? {
                None => Ok(Err(no_payment(&id))),
                Some(payment) => step(payment, Step::AskCancel, 0, accepting).await,
            }
        })
    });
    work.await
}

/// Moves an authorised payment on, towards its capture or its end.
async fn step(
    mut payment: Payment,
    step: Step,
    amount: i64,
    accepting: Accepting<'_>,
) -> Result<Result<Value, Problem>, sqlx::Error> {
    let Accepting {
        connection,
        trace,
        now,
    } = accepting;
    let Some(state) = payment.state().after(step) else {
        let detail = format!(
            "the payment is {}: only one that is authorised can be captured or cancelled",
            payment.state
        );
        return Ok(Err(Problem::new(StatusCode::CONFLICT, detail)));
    };
    let event_type = match step {
        Step::AskCapture => EventType::CaptureRequested,
        _ => EventType::CancelRequested,
    };
    state.as_str().clone_into(&mut payment.state);
    payment.captured = amount;
    payment.reason = None;
    payment.updated_at = now.nanos();
    payment.save(connection, now).await?;
    let event = NewEvent {
        payment: &payment.id,
        event_type,
        data: json!({ "payment": payment.id, "amount": amount, "currency": payment.currency }),
    };
    emit(connection, event, &trace, now).await?;
    Ok(Ok(payment.shown()))
}

pub(super) async fn refund(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
    headers: HeaderMap,
    Body(order): Body<RefundOrder>,
) -> Result<Response, Problem> {
    let id = answer::id(id)?;
    let once = Once::read(&headers, &format!("POST /v1/payments/{id}/refunds"), &order)?;
    let accepted = (INSERT_REFUND, StatusCode::ACCEPTED);
    let work = api.once(once, accepted, move |accepting| {
        Box::pin(accept_refund(id, order, accepting))
    });
    work.await
}

async fn accept_refund(
    id: String,
    order: RefundOrder,
    accepting: Accepting<'_>,
) -> Result<Result<Value, Problem>, sqlx::Error> {
    let Accepting {
        connection,
        trace,
        now,
    } = accepting;
    let Some(mut payment) = Payment::find(&mut *connection, &id).await? else {
        return Ok(Err(no_payment(&id)));
    };
    if payment.state() != PaymentState::Captured {
        let detail = format!(
            "the payment is {}: only what is captured is refunded",
            payment.state
        );
        return Ok(Err(Problem::new(StatusCode::CONFLICT, detail)));
    }
    let left = payment.captured - payment.refunding;
    if order.amount.get() > left {
        let detail = format!(
            "{left} of {} captured are left: refunds that are under way count",
            payment.captured
        );
        let problem = Problem::unprocessable("the refund cannot be accepted");
        return Ok(Err(problem.at("/amount", detail)));
    }
    payment.refunding += order.amount.get();
    payment.save(connection, now).await?;
    let refund = Refund {
        id: draw("re", now),
        payment: payment.id,
        amount: order.amount.get(),
        state: "requested".to_owned(),
        reason: None,
        created_at: now.nanos(),
    };
    sql::query(
        "INSERT INTO refunds (id, payment, amount, state, created_at) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(&refund.id)
    .bind(&refund.payment)
    .bind(refund.amount)
    .bind(&refund.state)
    .bind(refund.created_at)
    .execute(&mut *connection)
    .await?;
    let data = json!({ "payment": refund.payment, "refund": refund.id, "amount": refund.amount });
    let event = NewEvent {
        payment: &refund.payment,
        event_type: EventType::RefundRequested,
        data,
    };
    emit(connection, event, &trace, now).await?;
    Ok(Ok(refund.shown()))
}

fn no_payment(id: &str) -> Problem {
    Problem::not_found(format!("there is no payment {id}"))
}
