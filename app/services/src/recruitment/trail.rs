//! The audit trail: who did what when. An entry is written in the transaction of the change that it
//! tells of, and never edited. Each holds a hash over itself and the hash before it, so that a row
//! that is changed, taken out or put in breaks the chain.
//!
//! As nothing can be taken out of it, nothing personal goes in: of a member that tells of a person
//! it says that it changed.

pub(crate) mod api;
mod verification;

use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::FromRow;
use watchfire_schemas::{Timestamp, TraceId};
use watchfire_telemetry::current_trace_id;

use crate::database::connection::Connection;
use crate::recruitment::access::Caller;
use crate::recruitment::document::digest::hexadecimal;
use crate::sql::{self, Text, both};

/// The number of the last entry, also when it was taken away since.
pub(crate) const LAST: Text = both(
    "SELECT seq FROM sqlite_sequence WHERE name = 'audit'",
    "SELECT last FROM audit_sequence",
);

/// Who does something, and when.
#[derive(Debug, Clone)]
pub(crate) struct Deed {
    pub(crate) actor: String,
    pub(crate) role: &'static str,
    pub(crate) at: Timestamp,
    trace_id: Option<TraceId>,
}

/// One change. Before and after are objects of the members that changed, null where there is none.
#[derive(Debug, Clone)]
pub(crate) struct Act {
    /// What is changed: `application`.
    pub(crate) kind: &'static str,
    /// What is done to it: `moved`.
    pub(crate) verb: &'static str,
    pub(crate) object: String,
    pub(crate) before: Value,
    pub(crate) after: Value,
}

/// What stands in the trail for the value of a member that tells of a person.
pub(crate) const WITHHELD: &str = "[withheld]";

/// The actor of what the service does by itself.
const RETENTION: &str = "retention";

impl Deed {
    pub(crate) fn of(caller: &Caller, at: Timestamp) -> Self {
        Self {
            actor: caller.subject.as_str().to_owned(),
            role: caller.role.as_str(),
            at,
            trace_id: current_trace_id(),
        }
    }

    /// Of the clean-up, which keeps to the policy of retention.
    pub(crate) fn of_retention(at: Timestamp) -> Self {
        Self {
            actor: RETENTION.to_owned(),
            role: "system",
            at,
            trace_id: current_trace_id(),
        }
    }

    /// Adds an entry. To be called within the transaction of the change.
    pub(crate) async fn record(
        &self,
        connection: &mut Connection,
        act: &Act,
    ) -> Result<(), sqlx::Error> {
        let last: Option<i64> = sql::query_scalar(LAST)
            .fetch_optional(&mut *connection)
            .await?;
        let previous: Option<String> =
            sql::query_scalar("SELECT hash FROM audit ORDER BY sequence DESC LIMIT 1")
                .fetch_optional(&mut *connection)
                .await?;
        let mut entry = Entry {
            sequence: last.unwrap_or(0) + 1,
            at: self.at.nanos(),
            actor: self.actor.clone(),
            role: self.role.to_owned(),
            action: format!("{}.{}", act.kind, act.verb),
            kind: act.kind.to_owned(),
            object: act.object.clone(),
            trace_id: self.trace_id.map(|id| id.to_string()),
            before: act.before.to_string(),
            after: act.after.to_string(),
            hash: String::new(),
        };
        entry.hash = entry.hash_after(previous.as_deref().unwrap_or(""));
        entry.insert(connection).await
    }
}

/// A row of the trail.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Entry {
    pub(crate) sequence: i64,
    pub(crate) at: i64,
    pub(crate) actor: String,
    pub(crate) role: String,
    pub(crate) action: String,
    pub(crate) kind: String,
    pub(crate) object: String,
    pub(crate) trace_id: Option<String>,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) hash: String,
}

impl Entry {
    /// The hash that the entry should have behind one with the hash `previous`, which is empty for
    /// the first: SHA-256 over a JSON array of all its members.
    pub(crate) fn hash_after(&self, previous: &str) -> String {
        let whole = serde_json::json!([
            previous,
            self.sequence,
            self.at,
            self.actor,
            self.role,
            self.action,
            self.kind,
            self.object,
            self.trace_id,
            self.before,
            self.after,
        ]);
        hexadecimal(&Sha256::digest(whole.to_string()))
    }

    async fn insert(self, connection: &mut Connection) -> Result<(), sqlx::Error> {
        sql::query(
            "INSERT INTO audit (sequence, at, actor, role, action, kind, object, trace_id, before, after, hash) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(self.sequence)
        .bind(self.at)
        .bind(self.actor)
        .bind(self.role)
        .bind(self.action)
        .bind(self.kind)
        .bind(self.object)
        .bind(self.trace_id)
        .bind(self.before)
        .bind(self.after)
        .bind(self.hash)
        .execute(connection)
        .await?;
        Ok(())
    }
}
