//! What routing holds, in the database.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection, SqlitePool};
use watchfire_schemas::Timestamp;

use super::alert::{Origin, RoutedAlert};
use super::held::{Change, Group, GroupId, Held};
use crate::incident::store::{from_json, time, to_json};

pub(crate) fn hex(fingerprint: u64) -> String {
    format!("{fingerprint:016x}")
}

pub(crate) async fn load(pool: &SqlitePool) -> Result<Held, sqlx::Error> {
    let mut alerts = HashMap::new();
    for row in sqlx::query("SELECT * FROM routed_alerts")
        .fetch_all(pool)
        .await?
    {
        let alert = alert(&row)?;
        alerts.insert(alert.fingerprint(), alert);
    }
    let mut groups = BTreeMap::new();
    for row in sqlx::query("SELECT * FROM alert_groups")
        .fetch_all(pool)
        .await?
    {
        let group = Group {
            receiver: row.try_get("receiver")?,
            labels: from_json(row.try_get("labels")?)?,
            next_flush: Timestamp::from_nanos(row.try_get("next_flush")?),
            has_flushed: row.try_get("has_flushed")?,
            members: BTreeSet::new(),
        };
        groups.insert(group_id(&row)?, group);
    }
    let mut held = Held {
        alerts,
        groups,
        version: 0,
    };
    let rows = sqlx::query("SELECT * FROM alert_group_members");
    let joins = rows.fetch_all(pool).await?;
    let joins = joins.iter().map(|row| {
        let digits: String = row.try_get("fingerprint")?;
        let member = u64::from_str_radix(&digits, 16);
        let member = member.map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Change::Join(group_id(row)?, member))
    });
    held.apply(joins.collect::<Result<_, sqlx::Error>>()?);
    Ok(held)
}

fn group_id(row: &SqliteRow) -> Result<GroupId, sqlx::Error> {
    Ok(GroupId {
        route: row.try_get("route")?,
        key: row.try_get("group_key")?,
    })
}

fn alert(row: &SqliteRow) -> Result<RoutedAlert, sqlx::Error> {
    let origin: String = row.try_get("origin")?;
    Ok(RoutedAlert {
        origin: if origin == Origin::Rules.as_str() {
            Origin::Rules
        } else {
            Origin::Received
        },
        labels: from_json(row.try_get("labels")?)?,
        annotations: from_json(row.try_get("annotations")?)?,
        starts_at: Timestamp::from_nanos(row.try_get("starts_at")?),
        ends_at: time(row, "ends_at")?,
        times_out: row.try_get("times_out")?,
        updated_at: Timestamp::from_nanos(row.try_get("updated_at")?),
        generator_url: row.try_get("generator_url")?,
    })
}

/// Writes changes in their order.
pub(crate) async fn write(
    tx: &mut SqliteConnection,
    changes: &[Change],
) -> Result<(), sqlx::Error> {
    for change in changes {
        match change {
            Change::Alert(alert) => save_alert(tx, alert).await?,
            Change::Group(id, group) => save_group(tx, id, group).await?,
            Change::ForgetAlert(fingerprint) => {
                sqlx::query("DELETE FROM routed_alerts WHERE fingerprint = $1")
                    .bind(hex(*fingerprint))
                    .execute(&mut *tx)
                    .await?;
            }
            Change::ForgetGroup(id) => forget_group(tx, id).await?,
            Change::Join(id, fingerprint) => {
                let join = "INSERT OR IGNORE INTO alert_group_members \
                            (route, group_key, fingerprint) VALUES ($1, $2, $3)";
                member(tx, join, id, *fingerprint).await?;
            }
            Change::Leave(id, fingerprint) => {
                let leave = "DELETE FROM alert_group_members \
                             WHERE route = $1 AND group_key = $2 AND fingerprint = $3";
                member(tx, leave, id, *fingerprint).await?;
            }
        }
    }
    Ok(())
}

async fn save_alert(tx: &mut SqliteConnection, alert: &RoutedAlert) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO routed_alerts (fingerprint, origin, labels, annotations, starts_at, ends_at, \
         times_out, updated_at, generator_url) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (fingerprint) DO UPDATE SET origin = excluded.origin, \
         annotations = excluded.annotations, starts_at = excluded.starts_at, \
         ends_at = excluded.ends_at, times_out = excluded.times_out, \
         updated_at = excluded.updated_at, generator_url = excluded.generator_url",
    )
    .bind(hex(alert.fingerprint()))
    .bind(alert.origin.as_str())
    .bind(to_json(&alert.labels)?)
    .bind(to_json(&alert.annotations)?)
    .bind(alert.starts_at.nanos())
    .bind(alert.ends_at.map(Timestamp::nanos))
    .bind(alert.times_out)
    .bind(alert.updated_at.nanos())
    .bind(&alert.generator_url)
    .execute(tx)
    .await?;
    Ok(())
}

async fn save_group(
    tx: &mut SqliteConnection,
    id: &GroupId,
    group: &Group,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO alert_groups (route, group_key, receiver, labels, next_flush, has_flushed) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (route, group_key) DO UPDATE SET receiver = excluded.receiver, \
         next_flush = excluded.next_flush, has_flushed = excluded.has_flushed",
    )
    .bind(&id.route)
    .bind(&id.key)
    .bind(&group.receiver)
    .bind(to_json(&group.labels)?)
    .bind(group.next_flush.nanos())
    .bind(group.has_flushed)
    .execute(tx)
    .await?;
    Ok(())
}

async fn forget_group(tx: &mut SqliteConnection, id: &GroupId) -> Result<(), sqlx::Error> {
    for forget in [
        "DELETE FROM alert_group_members WHERE route = $1 AND group_key = $2",
        "DELETE FROM alert_groups WHERE route = $1 AND group_key = $2",
    ] {
        sqlx::query(forget)
            .bind(&id.route)
            .bind(&id.key)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

async fn member(
    tx: &mut SqliteConnection,
    sql: &'static str,
    id: &GroupId,
    fingerprint: u64,
) -> Result<(), sqlx::Error> {
    sqlx::query(sql)
        .bind(&id.route)
        .bind(&id.key)
        .bind(hex(fingerprint))
        .execute(tx)
        .await?;
    Ok(())
}
