//! What each receiver knows of a group, and whether it is to be told again.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::{Row, SqliteConnection};
use watchfire_schemas::Timestamp;

use crate::incident::store::{from_json, to_json};
use crate::receivers::NoticeReason;

/// How long it is remembered at most what a receiver knows.
const RETENTION: Duration = Duration::from_hours(120);

/// Alerts by their fingerprints.
pub(crate) type Fingerprints = BTreeSet<String>;

/// What was told last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogEntry {
    pub at: Timestamp,
    pub firing: Fingerprints,
    pub resolved: Fingerprints,
}

/// What a receiver wants of a group's life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wishes {
    pub send_resolved: bool,
    pub repeat_interval: Duration,
}

/// Why the receiver is to be told of the group as it stands at `entry.at`; none if it is not.
pub(crate) fn reason(
    known: Option<&LogEntry>,
    entry: &LogEntry,
    wishes: Wishes,
) -> Option<NoticeReason> {
    let fires = !entry.firing.is_empty();
    let Some(known) = known else {
        return fires.then_some(NoticeReason::First);
    };
    if !entry.firing.is_subset(&known.firing) {
        let is_first = known.firing.is_empty();
        return Some(if is_first {
            NoticeReason::First
        } else {
            NoticeReason::NewAlerts
        });
    }
    if !fires {
        return (!known.firing.is_empty()).then_some(NoticeReason::AllResolved);
    }
    if wishes.send_resolved && !entry.resolved.is_subset(&known.resolved) {
        return Some(NoticeReason::SomeResolved);
    }
    let is_due = known.at < entry.at - wishes.repeat_interval;
    is_due.then_some(NoticeReason::RepeatInterval)
}

pub(crate) async fn entry(
    tx: &mut SqliteConnection,
    group_key: &str,
    integration: &str,
) -> Result<Option<LogEntry>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT at, firing, resolved FROM notification_log \
         WHERE group_key = $1 AND integration = $2",
    )
    .bind(group_key)
    .bind(integration)
    .fetch_optional(tx)
    .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    Ok(Some(LogEntry {
        at: Timestamp::from_nanos(row.try_get("at")?),
        firing: from_json(row.try_get("firing")?)?,
        resolved: from_json(row.try_get("resolved")?)?,
    }))
}

pub(crate) async fn write(
    tx: &mut SqliteConnection,
    (group_key, integration): (&str, &str),
    entry: &LogEntry,
    repeat_interval: Duration,
) -> Result<(), sqlx::Error> {
    let kept = RETENTION.min(repeat_interval.saturating_mul(2));
    sqlx::query(
        "INSERT INTO notification_log (group_key, integration, at, firing, resolved, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (group_key, integration) DO UPDATE SET at = excluded.at, \
         firing = excluded.firing, resolved = excluded.resolved, expires_at = excluded.expires_at",
    )
    .bind(group_key)
    .bind(integration)
    .bind(entry.at.nanos())
    .bind(to_json(&entry.firing)?)
    .bind(to_json(&entry.resolved)?)
    .bind((entry.at + kept).nanos())
    .execute(tx)
    .await?;
    Ok(())
}

pub(crate) async fn forget_expired(
    tx: &mut SqliteConnection,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM notification_log WHERE expires_at < $1")
        .bind(now.nanos())
        .execute(tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: i64, firing: &str, resolved: &str) -> LogEntry {
        let set = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        LogEntry {
            at: Timestamp::from_secs(at),
            firing: set(firing),
            resolved: set(resolved),
        }
    }

    fn check(known: Option<(&str, &str)>, now: (&str, &str), expected: Option<NoticeReason>) {
        let known = known.map(|(firing, resolved)| entry(1_000, firing, resolved));
        let entry = entry(1_100, now.0, now.1);
        let wishes = Wishes {
            send_resolved: true,
            repeat_interval: Duration::from_secs(200),
        };
        assert_eq!(
            reason(known.as_ref(), &entry, wishes),
            expected,
            "{known:?} {entry:?}"
        );
    }

    #[test]
    fn a_receiver_is_told_what_is_new_to_it() {
        check(None, ("a", ""), Some(NoticeReason::First));
        check(None, ("", "a"), None);
        check(Some(("a", "")), ("a", ""), None);
        check(Some(("a", "")), ("a b", ""), Some(NoticeReason::NewAlerts));
        check(
            Some(("a b", "")),
            ("a", "b"),
            Some(NoticeReason::SomeResolved),
        );
        check(Some(("a", "b")), ("a", "b"), None);
        check(Some(("a b", "")), ("a", ""), None);
        check(Some(("a", "")), ("", "a"), Some(NoticeReason::AllResolved));
        check(Some(("", "a")), ("", "a"), None);
        check(Some(("", "a")), ("", "b"), None);
        check(Some(("", "a")), ("a", ""), Some(NoticeReason::First));
    }

    #[test]
    fn it_is_told_again_when_the_interval_is_over() {
        let known = entry(1_000, "a b", "");
        let wishes = |send_resolved| Wishes {
            send_resolved,
            repeat_interval: Duration::from_secs(200),
        };
        let check = |at: i64, resolved: &str, send_resolved, expected| {
            let entry = entry(at, "a", resolved);
            assert_eq!(
                reason(Some(&known), &entry, wishes(send_resolved)),
                expected,
                "{at}"
            );
        };
        check(1_200, "", true, None);
        check(1_201, "", true, Some(NoticeReason::RepeatInterval));
        check(1_100, "b", false, None);
        check(1_201, "b", false, Some(NoticeReason::RepeatInterval));
    }
}
