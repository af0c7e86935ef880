use serde::Serialize;
use serde_json::{Value, json};
use sqlx::FromRow;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::payments::state::State;
use crate::sql::{self, Row};

/// A payment as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Payment {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) payer: String,
    pub(crate) payee: String,
    pub(crate) reference: String,
    pub(crate) capture: String,
    pub(crate) captured: i64,
    pub(crate) refunding: i64,
    pub(crate) refunded: i64,
    pub(crate) charge: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
}

/// A refund as it is kept.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) payment: String,
    pub(crate) amount: i64,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) created_at: i64,
}

/// What happened to a payment, as it is shown.
#[derive(Debug, Serialize)]
pub(crate) struct History {
    pub(crate) id: String,
    pub(crate) r#type: String,
    pub(crate) data: Value,
    pub(crate) created_at: Timestamp,
}

impl Payment {
    /// Its state. A file that holds another word was written by something else; nothing happens to
    /// such a payment any more.
    pub(crate) fn state(&self) -> State {
        State::parse(&self.state).unwrap_or(State::Failed)
    }

    pub(crate) fn is_captured_at_once(&self) -> bool {
        self.capture == "automatic"
    }

    /// As a client sees it. What is being captured counts once it is.
    pub(crate) fn shown(&self) -> Value {
        let is_captured = self.state() == State::Captured;
        json!({
            "id": self.id,
            "state": self.state,
            "amount": self.amount,
            "currency": self.currency,
            "payer": self.payer,
            "payee": self.payee,
            "reference": self.reference,
            "capture": self.capture,
            "captured": if is_captured { self.captured } else { 0 },
            "refunded": self.refunded,
            "reason": self.reason,
            "created_at": Timestamp::from_nanos(self.created_at),
            "updated_at": Timestamp::from_nanos(self.updated_at),
        })
    }

    pub(crate) async fn find(
        connection: &mut Connection,
        id: &str,
    ) -> Result<Option<Self>, sqlx::Error> {
        sql::query_as(
            "SELECT seq, id, state, amount, currency, payer, payee, reference, capture, captured, \
             refunding, refunded, charge, reason, created_at, updated_at FROM payments WHERE id = ?",
        )
        .bind(id)
        .fetch_optional(connection)
        .await
    }

    /// With the token of the payer's card, for the provider alone.
    pub(crate) async fn find_with_method(
        connection: &mut Connection,
        id: &str,
    ) -> Result<Option<(Self, String)>, sqlx::Error> {
        let row = sql::query(
            "SELECT seq, id, state, amount, currency, payer, payee, reference, capture, captured, \
             refunding, refunded, charge, reason, created_at, updated_at, method \
             FROM payments WHERE id = ?",
        );
        let row = row.bind(id).fetch_optional(connection).await?;
        let read = |row: Row| Ok((row.read()?, row.try_get("method")?));
        row.map(read).transpose()
    }

    /// Writes what can change.
    pub(crate) async fn save(
        &self,
        connection: &mut Connection,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        sql::query(
            "UPDATE payments SET state = ?, captured = ?, refunding = ?, refunded = ?, charge = ?, \
             reason = ?, updated_at = ? WHERE seq = ?",
        )
        .bind(&self.state)
        .bind(self.captured)
        .bind(self.refunding)
        .bind(self.refunded)
        .bind(&self.charge)
        .bind(&self.reason)
        .bind(now.nanos())
        .bind(self.seq)
        .execute(connection)
        .await
        .map(drop)
    }
}

impl Refund {
    pub(crate) fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "payment": self.payment,
            "amount": self.amount,
            "state": self.state,
            "reason": self.reason,
            "created_at": Timestamp::from_nanos(self.created_at),
        })
    }

    pub(crate) async fn find(
        connection: &mut Connection,
        id: &str,
    ) -> Result<Option<Self>, sqlx::Error> {
        sql::query_as(
            "SELECT id, payment, amount, state, reason, created_at FROM refunds WHERE id = ?",
        )
        .bind(id)
        .fetch_optional(connection)
        .await
    }

    pub(crate) async fn of_payment(
        connection: &mut Connection,
        payment: &str,
    ) -> Result<Vec<Self>, sqlx::Error> {
        sql::query_as(
            "SELECT id, payment, amount, state, reason, created_at FROM refunds \
             WHERE payment = ? ORDER BY id LIMIT 1000",
        )
        .bind(payment)
        .fetch_all(connection)
        .await
    }
}

/// What happened to a payment so far, oldest first.
pub(crate) async fn history(
    connection: &mut Connection,
    payment: &str,
) -> Result<Vec<History>, sqlx::Error> {
    let rows: Vec<(String, String, String, i64)> = sql::query_as(
        "SELECT id, type, data, created_at FROM events WHERE payment = ? ORDER BY seq LIMIT 1000",
    )
    .bind(payment)
    .fetch_all(connection)
    .await?;
    let rows = rows.into_iter();
    Ok(rows
        .map(|(id, r#type, data, created_at)| History {
            id,
            r#type,
            data: serde_json::from_str(&data).unwrap_or_default(),
            created_at: Timestamp::from_nanos(created_at),
        })
        .collect())
}
