use serde::Deserialize;
use serde_json::{Value, json};
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::payments::event::EventType;
use crate::sql;

/// What an event that moves money says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Movement {
    pub(crate) payment: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) payer: String,
    pub(crate) payee: String,
}

/// One side of a transaction. A debit is positive, a credit negative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) account: String,
    pub(crate) amount: i64,
}

/// What is wrong with a ledger, if anything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Imbalance {
    /// The sums of the currencies, each made positive, added up.
    pub(crate) overall: i64,
    /// How many transactions do not sum to zero.
    pub(crate) transactions: i64,
    /// How many balances are not the sum of their account's entries.
    pub(crate) balances: i64,
}

/// Our own accounts begin so; nobody else opens one.
const CLEARING: &str = "clearing:";

/// The asset that the provider owes us in a currency.
fn clearing(currency: &str) -> String {
    format!("{CLEARING}{currency}")
}

/// Whether an account of this id is for the ledger to open.
pub(crate) fn is_reserved(account: &str) -> bool {
    account.starts_with(CLEARING)
}

impl Movement {
    /// The legs of an event: money comes in through the provider for the payer and goes on to the
    /// payee; a refund goes the same way back.
    pub(crate) fn legs(&self, event_type: EventType) -> Vec<Leg> {
        let amount = match event_type {
            EventType::RefundSucceeded => -self.amount,
            _ => self.amount,
        };
        let leg = |account: &str, amount| Leg {
            account: account.to_owned(),
            amount,
        };
        vec![
            leg(&clearing(&self.currency), amount),
            leg(&self.payer, -amount),
            leg(&self.payer, amount),
            leg(&self.payee, -amount),
        ]
    }
}

/// Posts a transaction, once under one `id`. The database refuses it unless it balances.
pub(crate) async fn post(
    connection: &mut Connection,
    id: &str,
    event_type: EventType,
    movement: &Movement,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sql::query(
        "INSERT INTO accounts (id, type, currency, name, created_at) \
         VALUES (?, 'asset', ?, 'Due from the provider', ?) ON CONFLICT DO NOTHING",
    )
    .bind(clearing(&movement.currency))
    .bind(&movement.currency)
    .bind(now.nanos())
    .execute(&mut *connection)
    .await?;
    let legs = movement.legs(event_type).into_iter();
    let legs: Value = legs
        .map(|leg| json!({ "account": leg.account, "amount": leg.amount }))
        .collect();
    insert(connection, id, (movement, event_type.as_str()), &legs, now).await
}

async fn insert(
    connection: &mut Connection,
    id: &str,
    (movement, transaction_type): (&Movement, &str),
    legs: &Value,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sql::query(
        "INSERT INTO ledger_transactions (id, payment, type, currency, legs, posted_at) \
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(id)
    .bind(&movement.payment)
    .bind(transaction_type)
    .bind(&movement.currency)
    .bind(legs.to_string())
    .bind(now.nanos())
    .execute(connection)
    .await
    .map(drop)
}

/// The sum of each currency, computed anew from all entries.
pub(crate) async fn sums(
    connection: &mut Connection,
) -> Result<Vec<(String, i64, i64)>, sqlx::Error> {
    sql::query_as(
        "SELECT a.currency, count(*), CAST(sum(e.amount) AS BIGINT) FROM ledger_entries e \
         JOIN accounts a ON a.id = e.account GROUP BY a.currency ORDER BY a.currency",
    )
    .fetch_all(connection)
    .await
}

/// Computes the whole ledger anew.
pub(crate) async fn imbalance(connection: &mut Connection) -> Result<Imbalance, sqlx::Error> {
    let overall = sums(connection).await?;
    let overall = overall.iter().map(|(_, _, sum)| sum.saturating_abs()).sum();
    let transactions = sql::query_scalar(
        "SELECT count(*) FROM (SELECT 1 FROM ledger_entries GROUP BY transaction_id \
         HAVING sum(amount) <> 0) AS unbalanced",
    )
    .fetch_one(&mut *connection)
    .await?;
    let balances = sql::query_scalar(
        "SELECT count(*) FROM (SELECT account, sum(amount) AS amount FROM ledger_entries \
         GROUP BY account) e FULL JOIN balances b ON b.account = e.account \
         WHERE b.amount IS DISTINCT FROM e.amount",
    )
    .fetch_one(connection)
    .await?;
    Ok(Imbalance {
        overall,
        transactions,
        balances,
    })
}

#[cfg(test)]
mod tests;
