//! What the console asks: delivery proof, and how each destination does.

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, QueryBuilder, Row, Sqlite, SqlitePool};

use crate::{Delivery, DeliveryState, DestinationStatus};

use super::row::{maybe_time_of, time_of};

const DELIVERIES: &str =
    "SELECT id, incident_id, destination, kind, action, state, attempts, queued_at,
            last_attempt_at, delivered_at, http_status, error
     FROM outbox";

/// The newest first; of one incident or of all.
pub(super) async fn deliveries(
    pool: &SqlitePool,
    incident: Option<&str>,
    limit: usize,
) -> Result<Vec<Delivery>, sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new(DELIVERIES);
    if let Some(incident) = incident {
        query.push(" WHERE id IN (SELECT id FROM outbox WHERE incident_id = ");
        query.push_bind(incident);
        query.push(" UNION SELECT message FROM outbox_incidents WHERE incident = ");
        query.push_bind(incident).push(")");
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query.push(" ORDER BY id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

/// What was given up, the newest first.
pub(super) async fn dead_letters(
    pool: &SqlitePool,
    limit: usize,
) -> Result<Vec<Delivery>, sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new(DELIVERIES);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query.push(" WHERE state = 'dead' ORDER BY id DESC LIMIT ");
    query.push_bind(limit);
    query.build_query_as().fetch_all(pool).await
}

pub(super) async fn delivery(pool: &SqlitePool, id: i64) -> Result<Option<Delivery>, sqlx::Error> {
    let mut query = QueryBuilder::<Sqlite>::new(DELIVERIES);
    query.push(" WHERE id = ").push_bind(id);
    query.build_query_as().fetch_optional(pool).await
}

/// The destinations of a kind that were told of an incident.
pub(super) async fn told_by_kind(
    pool: &SqlitePool,
    incident: &str,
    kind: &str,
) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT DISTINCT destination FROM outbox
         WHERE incident_id = ? AND kind = ? AND action = 'trigger' AND attempts > 0",
    )
    .bind(incident)
    .bind(kind)
    .fetch_all(pool)
    .await?;
    rows.iter().map(|row| row.try_get("destination")).collect()
}

/// By name, also those that are no longer configured but still have something waiting.
pub(super) async fn destinations(pool: &SqlitePool) -> Result<Vec<DestinationStatus>, sqlx::Error> {
    sqlx::query_as(
        "SELECT destination, kind,
                sum(state = 'queued') AS queued, sum(state = 'delivered') AS delivered,
                sum(state = 'dead') AS dead, max(delivered_at) AS last_success_at,
                (SELECT e.error FROM outbox e
                  WHERE e.destination = o.destination AND e.state IN ('queued', 'dead')
                    AND e.error IS NOT NULL
                  ORDER BY e.last_attempt_at DESC, e.id DESC LIMIT 1) AS last_error
         FROM outbox o GROUP BY destination ORDER BY destination",
    )
    .fetch_all(pool)
    .await
}

impl FromRow<'_, SqliteRow> for Delivery {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            incident: row.try_get("incident_id")?,
            destination: row.try_get("destination")?,
            kind: row.try_get("kind")?,
            action: row.try_get("action")?,
            state: state_of(&row.try_get::<String, _>("state")?)?,
            attempts: row.try_get("attempts")?,
            queued_at: time_of(row, "queued_at")?,
            last_attempt_at: maybe_time_of(row, "last_attempt_at")?,
            delivered_at: maybe_time_of(row, "delivered_at")?,
            http_status: row.try_get("http_status")?,
            error: row.try_get("error")?,
        })
    }
}

impl FromRow<'_, SqliteRow> for DestinationStatus {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let count = |column| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
        Ok(Self {
            name: row.try_get("destination")?,
            kind: row.try_get("kind")?,
            queued: count("queued")?,
            delivered: count("delivered")?,
            dead: count("dead")?,
            last_success_at: maybe_time_of(row, "last_success_at")?,
            last_error: row.try_get("last_error")?,
            breaker_open: false,
        })
    }
}

fn state_of(text: &str) -> Result<DeliveryState, sqlx::Error> {
    match text {
        "queued" => Ok(DeliveryState::Queued),
        "delivered" => Ok(DeliveryState::Delivered),
        "dead" => Ok(DeliveryState::Dead),
        "dropped" => Ok(DeliveryState::Dropped),
        _ => Err(sqlx::Error::Decode(
            format!("outbox.state is {text}").into(),
        )),
    }
}
