use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::FromRow;
use watchfire_schemas::Timestamp;

use crate::payments::api::Api;
use crate::payments::api::answer;
use crate::payments::ledger;
use crate::problem::{InQuery, Problem};
use crate::sql::QueryBuilder;
use crate::statement::{Operation, Statement};

const ENTRIES: Statement = Statement::new(Operation::Select, "ledger_entries");
const CHECK: Statement = Statement::new(Operation::Count, "ledger_entries");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    cursor: Option<i64>,
    limit: Option<i64>,
    account: Option<String>,
    payment: Option<String>,
}

#[derive(Debug, FromRow)]
struct Entry {
    seq: i64,
    transaction_id: String,
    r#type: String,
    payment: String,
    account: String,
    currency: String,
    amount: i64,
    posted_at: i64,
}

impl Entry {
    fn shown(&self) -> Value {
        json!({
            "number": self.seq,
            "transaction": self.transaction_id,
            "type": self.r#type,
            "payment": self.payment,
            "account": self.account,
            "currency": self.currency,
            "amount": self.amount,
            "posted_at": Timestamp::from_nanos(self.posted_at),
        })
    }
}

pub(super) async fn entries(
    State(api): State<Arc<Api>>,
    InQuery(listing): InQuery<Listing>,
) -> Result<Response, Problem> {
    let limit = answer::limit(listing.limit)?;
    let mut sql = QueryBuilder::new(
        "SELECT e.seq, e.transaction_id, t.type, t.payment, e.account, t.currency, \
         e.amount, t.posted_at \
         FROM ledger_entries e JOIN ledger_transactions t ON t.id = e.transaction_id \
         WHERE e.seq > ",
    );
    sql.push_bind(listing.cursor.unwrap_or(0));
    // Only what is asked for, so that its index is of use.
    if let Some(account) = listing.account {
        sql.push(" AND e.account = ").push_bind(account);
    }
    if let Some(payment) = listing.payment {
        sql.push(" AND t.payment = ").push_bind(payment);
    }
    sql.push(" ORDER BY e.seq LIMIT ").push_bind(limit + 1);
    let rows = api.database.read(ENTRIES, move |connection| {
        Box::pin(async move { sql.build_query_as::<Entry>().fetch_all(connection).await })
    });
    let rows = rows
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    Ok(answer::list(
        "entries",
        rows,
        limit,
        |row| row.seq,
        Entry::shown,
    ))
}

/// Computes the ledger anew, from all its entries.
pub(super) async fn check(State(api): State<Arc<Api>>) -> Result<Response, Problem> {
    let found = api.database.read(CHECK, |connection| {
        Box::pin(async move {
            let sums = ledger::sums(&mut *connection).await?;
            let imbalance = ledger::imbalance(connection).await?;
            Ok((sums, imbalance))
        })
    });
    let (sums, imbalance) = found
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    let currencies: Value = sums
        .iter()
        .map(|(currency, entries, sum)| json!({ "currency": currency, "entries": entries, "sum": sum }))
        .collect();
    Ok(axum::Json(json!({
        "balanced": imbalance == ledger::Imbalance::default(),
        "currencies": currencies,
        "unbalanced_transactions": imbalance.transactions,
        "wrong_balances": imbalance.balances,
    }))
    .into_response())
}
