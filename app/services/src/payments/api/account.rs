use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::FromRow;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::payments::api::Api;
use crate::payments::api::answer;
use crate::payments::ledger::is_reserved;
use crate::payments::money::Currency;
use crate::problem::{Body, InPath, InQuery, Problem};
use crate::sql;
use crate::statement::{Operation, Statement};

const INSERT: Statement = Statement::new(Operation::Insert, "accounts");
const SELECT: Statement = Statement::new(Operation::Select, "accounts");
const LONGEST_NAME: usize = 140;

/// An account that is to be there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Opening {
    r#type: AccountType,
    currency: Currency,
    name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AccountType {
    Asset,
    Liability,
    Equity,
    Revenue,
    Expense,
}

#[derive(Debug, Clone, FromRow)]
struct Account {
    id: String,
    r#type: String,
    currency: String,
    name: String,
    created_at: i64,
    balance: i64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    cursor: Option<String>,
    limit: Option<i64>,
}

impl AccountType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::Liability => "liability",
            Self::Equity => "equity",
            Self::Revenue => "revenue",
            Self::Expense => "expense",
        }
    }
}

impl Account {
    /// Debits are positive: what is owed to a payee is a negative balance.
    fn shown(&self) -> Value {
        json!({
            "id": self.id,
            "type": self.r#type,
            "currency": self.currency,
            "name": self.name,
            "balance": self.balance,
            "created_at": Timestamp::from_nanos(self.created_at),
        })
    }

    async fn find(connection: &mut Connection, id: &str) -> Result<Option<Self>, sqlx::Error> {
        sql::query_as(
            "SELECT a.id, a.type, a.currency, a.name, a.created_at, \
             coalesce(b.amount, 0) AS balance \
             FROM accounts a LEFT JOIN balances b ON b.account = a.id WHERE a.id = ?",
        )
        .bind(id)
        .fetch_optional(connection)
        .await
    }
}

/// Opens an account under the id that the client chose; the same again changes nothing.
pub(super) async fn open(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
    Body(opening): Body<Opening>,
) -> Result<Response, Problem> {
    let id = answer::id(id)?;
    if is_reserved(&id) {
        let detail = format!("the account {id} is one that the ledger opens itself");
        return Err(Problem::unprocessable(detail));
    }
    let length = opening.name.chars().count();
    if !(1..=LONGEST_NAME).contains(&length) || opening.name.chars().any(char::is_control) {
        let detail = format!("a name has 1 to {LONGEST_NAME} characters, none of control");
        return Err(Problem::unprocessable("the account cannot be opened").at("/name", detail));
    }
    let now = api.clock.now();
    let (kind, currency) = (opening.r#type.as_str(), opening.currency.as_str());
    let work = api.writer.commit(INSERT, move |connection| {
        Box::pin(async move {
            let inserted = sql::query(
                "INSERT INTO accounts (id, type, currency, name, created_at) \
                 VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(&id)
            .bind(kind)
            .bind(currency)
            .bind(&opening.name)
            .bind(now.nanos())
            .execute(&mut *connection)
            .await?;
            let is_new = inserted.rows_affected() == 1;
            let found = Account::find(connection, &id).await?;
            let found = found.ok_or(sqlx::Error::RowNotFound)?;
            let is_same = (found.r#type.as_str(), found.currency.as_str(), &found.name)
                == (kind, currency, &opening.name);
            Ok((is_new, is_same, found))
        })
    });
    let (is_new, is_same, account) = work
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    if !is_same {
        let detail = format!("the account {} is there, and another", account.id);
        return Err(Problem::new(StatusCode::CONFLICT, detail));
    }
    let status = if is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, axum::Json(account.shown())).into_response())
}

pub(super) async fn show(
    State(api): State<Arc<Api>>,
    InPath(id): InPath<String>,
) -> Result<Response, Problem> {
    let id = answer::id(id)?;
    let missing = Problem::not_found(format!("there is no account {id}"));
    let found = api.database.read(SELECT, move |connection| {
        Box::pin(async move { Account::find(connection, &id).await })
    });
    let found = found
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    Ok(axum::Json(found.ok_or(missing)?.shown()).into_response())
}

pub(super) async fn list(
    State(api): State<Arc<Api>>,
    InQuery(listing): InQuery<Listing>,
) -> Result<Response, Problem> {
    let limit = answer::limit(listing.limit)?;
    let rows = api.database.read(SELECT, move |connection| {
        Box::pin(async move {
            let rows: Vec<Account> = sql::query_as(
                "SELECT a.id, a.type, a.currency, a.name, a.created_at, \
                 coalesce(b.amount, 0) AS balance \
                 FROM accounts a LEFT JOIN balances b ON b.account = a.id \
                 WHERE a.id > ? ORDER BY a.id LIMIT ?",
            )
            .bind(listing.cursor.unwrap_or_default())
            .bind(limit + 1)
            .fetch_all(connection)
            .await?;
            Ok(rows)
        })
    });
    let mut rows = rows
        .await
        .map_err(|failure| answer::unavailable(&failure))?;
    let there_is_more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| there_is_more).map(|row| &row.id);
    let accounts: Value = rows.iter().map(Account::shown).collect();
    Ok(axum::Json(json!({ "accounts": accounts, "next": next })).into_response())
}
