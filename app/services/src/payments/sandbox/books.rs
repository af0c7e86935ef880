use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::database::{Database, Migrations, migrations};
use crate::failure::Failure;
use crate::payments::id;
use crate::payments::operation::{OperationType, Outcome, Settled};
use crate::payments::provider::Request;
use crate::payments::writer::Writer;
use crate::sql;
use crate::statement::{Operation, Statement};

pub(super) static MIGRATIONS: Migrations = migrations!(
    "migrations/payments_sandbox",
    "migrations/postgres/payments_sandbox"
);

const INSERT: Statement = Statement::new(Operation::Insert, "operations");
const SELECT: Statement = Statement::new(Operation::Select, "operations");

/// What the sandbox has done, for good.
#[derive(Debug)]
pub(super) struct Books {
    database: Database,
    writer: Writer,
}

/// Why an operation is not done, as the provider words it.
struct No(Outcome, &'static str);

impl Books {
    pub(super) fn new(database: Database, writer: Writer) -> Self {
        Self { database, writer }
    }

    pub(super) async fn find(&self, key: String) -> Result<Option<Settled>, Failure> {
        let reading = self.database.read(SELECT, move |connection| {
            Box::pin(async move { find(connection, &key).await })
        });
        reading.await
    }

    /// Does what is asked for, once under its key; whether this was the first time.
    pub(super) async fn write(
        &self,
        key: String,
        request: Request,
        declines: bool,
        now: Timestamp,
    ) -> Result<(Settled, bool), Failure> {
        let writing = self.writer.commit(INSERT, move |connection| {
            Box::pin(async move {
                if let Some(settled) = find(connection, &key).await? {
                    return Ok((settled, false));
                }
                let outcome = act(connection, &request, declines, now).await?;
                let settled = match outcome {
                    Ok(charge) => Settled {
                        key,
                        status: Outcome::Succeeded,
                        charge: Some(charge),
                        reason: None,
                    },
                    Err(No(status, reason)) => Settled {
                        key,
                        status,
                        charge: None,
                        reason: Some(reason.to_owned()),
                    },
                };
                keep(connection, &request, &settled, now).await?;
                Ok((settled, true))
            })
        });
        writing.await
    }
}

async fn find(connection: &mut Connection, key: &str) -> Result<Option<Settled>, sqlx::Error> {
    let found: Option<(String, Option<String>, Option<String>)> =
        sql::query_as("SELECT status, charge, reason FROM operations WHERE key = ?")
            .bind(key)
            .fetch_optional(connection)
            .await?;
    Ok(found.map(|(status, charge, reason)| Settled {
        key: key.to_owned(),
        status: match status.as_str() {
            "succeeded" => Outcome::Succeeded,
            "declined" => Outcome::Declined,
            _ => Outcome::Rejected,
        },
        charge,
        reason,
    }))
}

async fn keep(
    connection: &mut Connection,
    request: &Request,
    settled: &Settled,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sql::query(
        "INSERT INTO operations (key, type, amount, status, charge, reason, done_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&settled.key)
    .bind(request.operation.as_str())
    .bind(request.amount)
    .bind(settled.status.as_str())
    .bind(&settled.charge)
    .bind(&settled.reason)
    .bind(now.nanos())
    .execute(connection)
    .await
    .map(drop)
}

async fn act(
    connection: &mut Connection,
    request: &Request,
    declines: bool,
    now: Timestamp,
) -> Result<Result<String, No>, sqlx::Error> {
    let makes_a_charge = matches!(
        request.operation,
        OperationType::Charge | OperationType::Authorise
    );
    if makes_a_charge {
        let Some(method) = &request.method else {
            return Ok(Err(No(Outcome::Rejected, "no_payment_method")));
        };
        let declines = match method.reveal() {
            "tok_declined" => true,
            "tok_sure" => false,
            _ => declines,
        };
        if declines {
            return Ok(Err(No(Outcome::Declined, "insufficient_funds")));
        }
        return charge(connection, request, now).await.map(Ok);
    }
    let update = match request.operation {
        OperationType::Capture => sql::query(
            "UPDATE charges SET captured = ?2 \
             WHERE id = ?1 AND captured = 0 AND is_void = 0 AND ?2 <= amount",
        ),
        OperationType::Void => {
            sql::query("UPDATE charges SET is_void = 1 WHERE id = ?1 AND captured = 0 AND ?2 >= 0")
        }
        _ => sql::query(
            "UPDATE charges SET refunded = refunded + ?2 \
             WHERE id = ?1 AND refunded + ?2 <= captured",
        ),
    };
    let Some(charge) = &request.charge else {
        return Ok(Err(No(Outcome::Rejected, "no_charge")));
    };
    let updated = update.bind(charge).bind(request.amount);
    let updated = updated.execute(connection).await?.rows_affected();
    Ok(if updated == 1 {
        Ok(charge.clone())
    } else {
        Err(No(Outcome::Rejected, "not_possible"))
    })
}

async fn charge(
    connection: &mut Connection,
    request: &Request,
    now: Timestamp,
) -> Result<String, sqlx::Error> {
    let id = id::draw("ch", now);
    let captured = match request.operation {
        OperationType::Charge => request.amount,
        _ => 0,
    };
    sql::query("INSERT INTO charges (id, amount, currency, captured) VALUES (?, ?, ?, ?)")
        .bind(&id)
        .bind(request.amount)
        .bind(&request.currency)
        .bind(captured)
        .execute(connection)
        .await?;
    Ok(id)
}
