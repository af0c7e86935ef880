//! Calls that were kept and are still to be done.

use std::time::Duration;

use sqlx::{Row, SqlitePool};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use watchfire_schemas::Timestamp;

use super::asked::{Asked, Meaning, What};
use super::{Caller, pagerduty, slack};
use crate::{ActError, Actor, Alerts, Channel, HumanAct, StoreError};

/// How long it is known that a call came. The callers' own limits are far below.
const KEEP: Duration = Duration::from_hours(30 * 24);
const LONGEST_SLEEP: Duration = Duration::from_mins(10);
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(2);
const AT_ONCE: i64 = 50;

/// Told when a call was kept.
#[derive(Debug, Default)]
pub(crate) struct HookInbox(Notify);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    New,
    /// It had come before.
    Known,
}

struct Waiting {
    source: String,
    id: String,
    body: String,
    received_at: Timestamp,
}

impl Alerts {
    pub(super) async fn keep_hook(
        &self,
        caller: Caller,
        id: &str,
        body: &str,
    ) -> Result<Kept, StoreError> {
        let kept = sqlx::query(
            "INSERT INTO hook_events (source, id, received_at, body, state)
             VALUES (?, ?, ?, ?, 'waiting') ON CONFLICT (source, id) DO NOTHING",
        )
        .bind(caller.as_str())
        .bind(id)
        .bind(self.clock.now().nanos())
        .bind(body)
        .execute(&self.pool)
        .await?;
        if kept.rows_affected() == 0 {
            return Ok(Kept::Known);
        }
        self.hook_inbox.0.notify_one();
        Ok(Kept::New)
    }

    /// Does what calls ask for, in their order, until cancelled.
    pub(crate) async fn run_hooks(&self, cancel: CancellationToken) {
        while !cancel.is_cancelled() {
            let sleep = match self.do_waiting().await {
                Ok(()) => LONGEST_SLEEP,
                Err(error) => {
                    tracing::error!(%error, "what was asked from outside could not be done");
                    PAUSE_AFTER_ERROR
                }
            };
            tokio::select! {
                () = cancel.cancelled() => {}
                () = self.hook_inbox.0.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    async fn do_waiting(&self) -> Result<(), sqlx::Error> {
        forget(&self.pool, self.clock.now() - KEEP).await?;
        loop {
            let waiting = waiting(&self.pool).await?;
            if waiting.is_empty() {
                return Ok(());
            }
            for call in waiting {
                let (state, outcome) = self.done(&call).await?;
                tracing::info!(
                    caller = call.source,
                    id = call.id,
                    "a call of {}: {outcome}",
                    call.source
                );
                mark(&self.pool, &call, state, &outcome).await?;
            }
        }
    }

    /// What came of a call. An error is one of the database: the call is done later.
    async fn done(&self, call: &Waiting) -> Result<(&'static str, String), sqlx::Error> {
        let is_slack = call.source == Caller::Slack.as_str();
        let meaning = if is_slack {
            slack::meaning(&call.body, call.received_at)
        } else {
            pagerduty::meaning(&call.body, call.received_at)
        };
        let asked = match meaning {
            Meaning::Asks(asked) => asked,
            Meaning::Nothing(why) => return Ok(("ignored", why)),
        };
        // Slack's message shows who took it on only if we tell it; PagerDuty knows.
        let knows = if is_slack {
            None
        } else {
            self.outbox.only_pagerduty_of(&asked.incident).await?
        };
        match self.carry_out(&asked, knows).await {
            Ok(()) => Ok(("done", format!("{:?} by {}", asked.what, asked.who))),
            Err(ActError::Store(StoreError(error))) => Err(error),
            Err(ActError::NotFound { .. }) => {
                Ok(("ignored", "it is about no incident of ours".to_owned()))
            }
            Err(other) => Ok(("failed", other.to_string())),
        }
    }

    async fn carry_out(&self, asked: &Asked, knows: Option<String>) -> Result<(), ActError> {
        let through = knows.map_or(Channel::Api, Channel::Destination);
        let who = Actor::new(&asked.who, through);
        let act = match &asked.what {
            What::Acknowledge => HumanAct::Acknowledge,
            What::Unacknowledge => HumanAct::Unacknowledge,
            What::Resolve => HumanAct::Resolve,
            What::Reopen => HumanAct::Reopen,
            What::Assign(to) => HumanAct::Assign(Some(to.clone())),
            What::Note(text) => HumanAct::Note(text.clone()),
        };
        let done = self.act_at(&asked.incident, &who, vec![act], asked.at);
        done.await.map(drop)
    }
}

async fn waiting(pool: &SqlitePool) -> Result<Vec<Waiting>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT source, id, body, received_at FROM hook_events WHERE state = 'waiting'
         ORDER BY received_at, id LIMIT ?",
    )
    .bind(AT_ONCE)
    .fetch_all(pool)
    .await?;
    let read = rows.iter().map(|row| {
        Ok(Waiting {
            source: row.try_get("source")?,
            id: row.try_get("id")?,
            body: row.try_get("body")?,
            received_at: Timestamp::from_nanos(row.try_get("received_at")?),
        })
    });
    read.collect()
}

async fn mark(
    pool: &SqlitePool,
    call: &Waiting,
    state: &str,
    outcome: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE hook_events SET state = ?, outcome = ? WHERE source = ? AND id = ?")
        .bind(state)
        .bind(outcome)
        .bind(&call.source)
        .bind(&call.id)
        .execute(pool)
        .await
        .map(drop)
}

async fn forget(pool: &SqlitePool, before: Timestamp) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM hook_events WHERE received_at < ? AND state <> 'waiting'")
        .bind(before.nanos())
        .execute(pool)
        .await
        .map(drop)
}
