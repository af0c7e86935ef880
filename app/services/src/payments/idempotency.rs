use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::problem::Problem;
use crate::sql;

/// How long an answer is kept to be given again. After that the key is as new.
pub(crate) const KEPT: Duration = Duration::from_hours(24);
/// The longest key there may be.
const LONGEST: usize = 255;

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer is that of an earlier request.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Who asks, as the gateway tells it.
const X_CONSUMER: HeaderName = HeaderName::from_static("x-consumer");

/// A request that is done once, however often it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    client: String,
    key: String,
    /// Of the method's target and the body.
    fingerprint: Vec<u8>,
}

/// What is kept under a key.
#[derive(Debug)]
pub(crate) enum Kept {
    /// Nothing: the request is new.
    Nothing,
    Answer(StatusCode, String),
    /// The key was used for another request.
    Other,
}

impl Once {
    /// Reads the key of a request for `target` with `body`.
    pub(crate) fn read(
        headers: &HeaderMap,
        target: &str,
        body: &impl Serialize,
    ) -> Result<Self, Problem> {
        let wrong = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
        let missing = "the header Idempotency-Key is missing: draw a key for each request, and send it again with each repetition";
        let key = headers.get(IDEMPOTENCY_KEY);
        let key = key.ok_or_else(|| wrong(missing.to_owned()))?;
        let is_key = |key: &&str| {
            (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let key = key.to_str().ok().filter(is_key).ok_or_else(|| {
            wrong(format!(
                "the header Idempotency-Key holds 1 to {LONGEST} visible ASCII characters"
            ))
        })?;
        let client = headers.get(X_CONSUMER);
        let client = client.and_then(|client| client.to_str().ok());
        let body = serde_json::to_vec(body).unwrap_or_default();
        let mut hash = Sha256::new();
        hash.update((target.len() as u64).to_le_bytes());
        hash.update(target);
        hash.update(body);
        Ok(Self {
            client: client.unwrap_or("anonymous").to_owned(),
            key: key.to_owned(),
            fingerprint: hash.finalize().to_vec(),
        })
    }

    pub(crate) async fn find(
        &self,
        connection: &mut Connection,
        now: Timestamp,
    ) -> Result<Kept, sqlx::Error> {
        let found: Option<(Vec<u8>, i64, String)> = sql::query_as(
            "SELECT fingerprint, status, body FROM idempotency_keys \
             WHERE client = ? AND key = ? AND created_at > ?",
        )
        .bind(&self.client)
        .bind(&self.key)
        .bind((now - KEPT).nanos())
        .fetch_optional(connection)
        .await?;
        Ok(match found {
            None => Kept::Nothing,
            Some((fingerprint, status, body)) if fingerprint == self.fingerprint => {
                let status = u16::try_from(status).ok();
                let status = status.and_then(|status| StatusCode::from_u16(status).ok());
                Kept::Answer(status.unwrap_or_default(), body)
            }
            Some(_) => Kept::Other,
        })
    }

    /// Keeps the answer, in the transaction of what it tells.
    pub(crate) async fn keep(
        &self,
        connection: &mut Connection,
        status: StatusCode,
        body: &str,
        now: Timestamp,
    ) -> Result<(), sqlx::Error> {
        sql::query(
            "INSERT INTO idempotency_keys \
             (client, key, fingerprint, status, body, created_at) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (client, key) DO UPDATE SET fingerprint = excluded.fingerprint, \
             status = excluded.status, body = excluded.body, created_at = excluded.created_at",
        )
        .bind(&self.client)
        .bind(&self.key)
        .bind(&self.fingerprint)
        .bind(status.as_u16())
        .bind(body)
        .bind(now.nanos())
        .execute(connection)
        .await
        .map(drop)
    }
}

/// Forgets what is older than [`KEPT`], a bounded part at a time; how much it was.
pub(crate) async fn forget(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<u64, sqlx::Error> {
    let deleted = sql::query(
        "DELETE FROM idempotency_keys WHERE (client, key) IN \
         (SELECT client, key FROM idempotency_keys WHERE created_at <= ? LIMIT 1000)",
    );
    let deleted = deleted
        .bind((now - KEPT).nanos())
        .execute(connection)
        .await?;
    Ok(deleted.rows_affected())
}
