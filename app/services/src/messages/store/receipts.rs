use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::failure::{Failure, Via, frame};
use crate::messages::store::Store;
use crate::messages::store::suppressions::{self, Scope};
use crate::sql;
use crate::statement::{Operation, Statement};

/// What a provider tells of a message.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReceiptEvent {
    /// The provider's own: the same event may come again.
    pub(crate) id: String,
    /// Our id, which the provider was given with the message.
    pub(crate) message: String,
    #[serde(rename = "type")]
    pub(crate) kind: ReceiptKind,
    pub(crate) at: Timestamp,
    pub(crate) detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReceiptKind {
    Delivered,
    /// Not delivered, and perhaps another message will be.
    Undelivered,
    /// Not delivered, and nothing ever will be at this address.
    Bounced,
    Opened,
    Clicked,
    /// The recipient takes it for an abuse.
    Complained,
    Unsubscribed,
}

/// What became of the receipts of one call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Applied {
    pub(crate) new: u32,
    pub(crate) duplicates: u32,
    /// Of messages that are not ours, or no longer kept.
    pub(crate) unknown: u32,
    /// Those of the new ones.
    #[serde(skip)]
    pub(crate) kinds: Vec<ReceiptKind>,
}

const RECEIPTS: Statement = Statement::new(Operation::Insert, "receipts");

impl ReceiptKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Undelivered => "undelivered",
            Self::Bounced => "bounced",
            Self::Opened => "opened",
            Self::Clicked => "clicked",
            Self::Complained => "complained",
            Self::Unsubscribed => "unsubscribed",
        }
    }

    /// Who may not be written to after it.
    const fn suppresses(self) -> Option<Scope> {
        match self {
            Self::Bounced => Some(Scope::All),
            Self::Complained | Self::Unsubscribed => Some(Scope::Marketing),
            _ => None,
        }
    }
}

impl Store {
    /// Applies what a provider tells, in whatever order and however often it does.
    pub(crate) async fn receive(
        &self,
        provider: &'static str,
        events: Vec<ReceiptEvent>,
    ) -> Result<Applied, Failure> {
        let now = self.clock.now();
        let receiving = self.journal.write(
            RECEIPTS,
            move |connection: &mut Connection| -> BoxFuture<'_, _> {
                Box::pin(async move {
                    let mut applied = Applied::default();
                    for event in &events {
                        apply(connection, provider, event, now, &mut applied).await?;
                    }
                    Ok(applied)
                })
            },
        );
        receiving.await.via(frame!("Store::receive"))
    }
}

async fn apply(
    connection: &mut Connection,
    provider: &'static str,
    event: &ReceiptEvent,
    now: Timestamp,
    applied: &mut Applied,
) -> Result<(), sqlx::Error> {
    let known =
        sql::query("SELECT channel, recipient FROM messages WHERE id = ?").bind(&event.message);
    let Some(message) = known.fetch_optional(&mut *connection).await? else {
        applied.unknown += 1;
        return Ok(());
    };
    let sql = "INSERT INTO receipts (provider, event, message, kind, at, received_at, detail) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    let inserted = sql::query(sql)
        .bind(provider)
        .bind(&event.id)
        .bind(&event.message)
        .bind(event.kind.as_str())
        .bind(event.at.nanos())
        .bind(now.nanos())
        .bind(&event.detail)
        .execute(&mut *connection)
        .await?;
    if inserted.rows_affected() == 0 {
        applied.duplicates += 1;
        return Ok(());
    }
    applied.new += 1;
    applied.kinds.push(event.kind);
    advance(connection, event, now).await?;
    if let Some(scope) = event.kind.suppresses() {
        let (channel, recipient): (String, String) = (message.try_get(0)?, message.try_get(1)?);
        let reason = format!("{} on {}", event.kind.as_str(), event.at);
        suppressions::add(connection, (&channel, &recipient), scope, &reason, now).await?;
    }
    Ok(())
}

/// Moves the message on. The earliest time of each kind stays; who opened it got it; and what was
/// delivered once remains so.
async fn advance(
    connection: &mut Connection,
    event: &ReceiptEvent,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let sql = match event.kind {
        ReceiptKind::Delivered => {
            "UPDATE messages SET state = 'delivered', reason = NULL, delivered_at = CASE WHEN delivered_at < ?1 THEN delivered_at ELSE ?1 END, sent_at = coalesce(sent_at, ?2) WHERE id = ?3"
        }
        ReceiptKind::Opened => {
            "UPDATE messages SET state = 'delivered', reason = NULL, delivered_at = coalesce(delivered_at, ?1), opened_at = CASE WHEN opened_at < ?1 THEN opened_at ELSE ?1 END, sent_at = coalesce(sent_at, ?2) WHERE id = ?3"
        }
        ReceiptKind::Clicked => {
            "UPDATE messages SET state = 'delivered', reason = NULL, delivered_at = coalesce(delivered_at, ?1), opened_at = coalesce(opened_at, ?1), clicked_at = CASE WHEN clicked_at < ?1 THEN clicked_at ELSE ?1 END, sent_at = coalesce(sent_at, ?2) WHERE id = ?3"
        }
        ReceiptKind::Undelivered | ReceiptKind::Bounced => {
            "UPDATE messages SET state = 'undelivered', reason = coalesce(?4, 'the provider could not deliver it'), sent_at = coalesce(sent_at, ?2) WHERE id = ?3 AND delivered_at IS NULL"
        }
        ReceiptKind::Complained | ReceiptKind::Unsubscribed => return Ok(()),
    };
    sql::query(sql)
        .bind(event.at.nanos())
        .bind(now.nanos())
        .bind(&event.message)
        .bind(&event.detail)
        .execute(connection)
        .await?;
    Ok(())
}
