use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::failure::{Failure, Via, frame};
use crate::messages::channel::Channel;
use crate::messages::recipient::Recipient;
use crate::messages::store::Store;
use crate::sql::{self, Row};
use crate::statement::{Operation, Statement};

/// What a recipient is not to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// Nothing at all: the address takes nothing, or its owner wants nothing.
    All,
    /// No marketing: there is no consent.
    Marketing,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Suppression {
    pub(crate) channel: String,
    pub(crate) recipient: String,
    scope: String,
    reason: String,
    created_at: Timestamp,
}

const SELECT: Statement = Statement::new(Operation::Select, "suppressions");
const UPSERT: Statement = Statement::new(Operation::Upsert, "suppressions");
const DELETE: Statement = Statement::new(Operation::Delete, "suppressions");

impl Scope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Marketing => "marketing",
        }
    }
}

impl Store {
    /// Puts an address on the list, in place of what was said of it before.
    pub(crate) async fn suppress(
        &self,
        channel: Channel,
        recipient: Recipient,
        (scope, reason): (Scope, String),
    ) -> Result<(), Failure> {
        let now = self.clock.now();
        let writing = self.journal.write(UPSERT, move |connection: &mut Connection| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let sql = "INSERT INTO suppressions (channel, recipient, scope, reason, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (channel, recipient) DO UPDATE SET scope = excluded.scope, reason = excluded.reason";
                sql::query(sql)
                    .bind(channel.as_str())
                    .bind(recipient.as_str())
                    .bind(scope.as_str())
                    .bind(reason)
                    .bind(now.nanos())
                    .execute(connection)
                    .await?;
                Ok(())
            })
        });
        writing.await.via(frame!("Store::suppress"))
    }

    /// Takes an address off the list; whether it was there.
    pub(crate) async fn allow(
        &self,
        channel: Channel,
        recipient: Recipient,
    ) -> Result<bool, Failure> {
        let deleting = self.journal.write(
            DELETE,
            move |connection: &mut Connection| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let sql = "DELETE FROM suppressions WHERE channel = ? AND recipient = ?";
                    let query = sql::query(sql)
                        .bind(channel.as_str())
                        .bind(recipient.as_str());
                    Ok(query.execute(connection).await?.rows_affected() > 0)
                })
            },
        );
        deleting.await.via(frame!("Store::allow"))
    }

    pub(crate) async fn suppression(
        &self,
        channel: Channel,
        recipient: Recipient,
    ) -> Result<Option<Suppression>, Failure> {
        let reading = self.database.read(SELECT, move |connection| {
            Box::pin(async move {
                let sql = "SELECT channel, recipient, scope, reason, created_at FROM suppressions WHERE channel = ? AND recipient = ?";
                let query = sql::query(sql).bind(channel.as_str()).bind(recipient.as_str());
                let row = query.fetch_optional(connection).await?;
                row.as_ref().map(Suppression::read).transpose()
            })
        });
        reading.await.via(frame!("Store::suppression"))
    }

    /// A page of the list, by channel and address, after the given ones.
    pub(crate) async fn suppressions(
        &self,
        (channel, recipient): (String, String),
        limit: u32,
    ) -> Result<Vec<Suppression>, Failure> {
        let reading = self.database.read(SELECT, move |connection| {
            Box::pin(async move {
                let sql = "SELECT channel, recipient, scope, reason, created_at FROM suppressions WHERE (channel, recipient) > (?, ?) ORDER BY channel, recipient LIMIT ?";
                let query = sql::query(sql).bind(channel).bind(recipient).bind(i64::from(limit));
                let rows = query.fetch_all(connection).await?;
                rows.iter().map(Suppression::read).collect()
            })
        });
        reading.await.via(frame!("Store::suppressions"))
    }
}

/// Puts an address on the list. What is said of it already is not weakened.
pub(super) async fn add(
    connection: &mut Connection,
    (channel, recipient): (&str, &str),
    scope: Scope,
    reason: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO suppressions (channel, recipient, scope, reason, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (channel, recipient) DO UPDATE SET scope = excluded.scope, reason = excluded.reason WHERE suppressions.scope = 'marketing' AND excluded.scope = 'all'";
    sql::query(sql)
        .bind(channel)
        .bind(recipient)
        .bind(scope.as_str())
        .bind(reason)
        .bind(now.nanos())
        .execute(connection)
        .await?;
    Ok(())
}

impl Suppression {
    fn read(row: &Row) -> Result<Self, sqlx::Error> {
        Ok(Self {
            channel: row.try_get(0)?,
            recipient: row.try_get(1)?,
            scope: row.try_get(2)?,
            reason: row.try_get(3)?,
            created_at: Timestamp::from_nanos(row.try_get(4)?),
        })
    }
}
