//! Alert states in the database.

use std::collections::BTreeMap;

use sqlx::{Row, SqliteConnection, SqlitePool};
use watchfire_schemas::LabelSet;

use crate::alert_state::{AlertStates, TrackedAlert};
use crate::incident::store::{from_json, to_json};

/// All states, by their rules' keys.
pub(crate) async fn load(pool: &SqlitePool) -> Result<BTreeMap<String, AlertStates>, sqlx::Error> {
    let rows = sqlx::query("SELECT rule_key, body FROM alert_states")
        .fetch_all(pool)
        .await?;
    let mut states: BTreeMap<String, AlertStates> = BTreeMap::new();
    for row in rows {
        let body: String = row.try_get("body")?;
        let tracked: TrackedAlert = from_json(&body)?;
        let of_rule = states.entry(row.try_get("rule_key")?).or_default();
        of_rule.insert(tracked.alert.labels.clone(), tracked);
    }
    Ok(states)
}

/// Writes what differs between the states of a rule before and after an evaluation. A value that
/// moves is no reason to write: the next evaluation tells it anew.
pub(crate) async fn save(
    tx: &mut SqliteConnection,
    rule_key: &str,
    before: &AlertStates,
    after: &AlertStates,
) -> Result<(), sqlx::Error> {
    for labels in before.keys().filter(|labels| !after.contains_key(*labels)) {
        forget_alert(tx, rule_key, labels).await?;
    }
    for (labels, tracked) in after {
        if before
            .get(labels)
            .is_some_and(|known| !differs(known, tracked))
        {
            continue;
        }
        sqlx::query(
            "INSERT INTO alert_states (rule_key, labels, body) VALUES ($1, $2, $3) \
             ON CONFLICT (rule_key, labels) DO UPDATE SET body = excluded.body",
        )
        .bind(rule_key)
        .bind(to_json(labels)?)
        .bind(to_json(tracked)?)
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

/// Forgets one alert.
pub(crate) async fn forget_alert(
    tx: &mut SqliteConnection,
    rule_key: &str,
    labels: &LabelSet,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM alert_states WHERE rule_key = $1 AND labels = $2")
        .bind(rule_key)
        .bind(to_json(labels)?)
        .execute(tx)
        .await?;
    Ok(())
}

/// Whether two sets of states differ in what a restart must find again.
pub(crate) fn differ(before: &AlertStates, after: &AlertStates) -> bool {
    before.len() != after.len()
        || after.iter().any(|(labels, tracked)| {
            before
                .get(labels)
                .is_none_or(|known| differs(known, tracked))
        })
}

fn differs(a: &TrackedAlert, b: &TrackedAlert) -> bool {
    let state = |t: &TrackedAlert| (t.alert.state, t.alert.active_at, t.alert.fired_at);
    state(a) != state(b)
        || a.alert.resolved_at != b.alert.resolved_at
        || a.alert.kept_since != b.alert.kept_since
}

/// Forgets the states of rules that are no more.
pub(crate) async fn forget(pool: &SqlitePool, rule_key: &str) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM alert_states WHERE rule_key = $1")
        .bind(rule_key)
        .execute(pool)
        .await?;
    Ok(())
}
