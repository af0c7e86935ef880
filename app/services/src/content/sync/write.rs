use serde_json::Value;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::content::collection::{Collection, PLACES, Pairs};
use crate::content::sync::row::{Changes, columns};

// What a page brings is bound as one JSON array and written by one statement a table: the names in
// the text are those of the declarations, the values are all bound.

/// Writes what a page of entries changes.
pub(super) async fn changes(
    connection: &mut SqliteConnection,
    collection: &Collection,
    changes: &Changes,
) -> Result<(), sqlx::Error> {
    let columns = columns(collection);
    let rows: Vec<&Vec<Value>> = changes.rows.values().collect();
    let rows = serde_json::json!(rows).to_string();
    let deleted = Value::from(changes.deleted.clone()).to_string();
    if !changes.rows.is_empty() {
        run(connection, upsert(collection.table, &columns), &rows).await?;
    }
    if !changes.deleted.is_empty() {
        let table = collection.table;
        let delete = format!("DELETE FROM {table} WHERE id IN (SELECT value FROM json_each(?))");
        run(connection, delete, &deleted).await?;
    }
    for ((pairs, _), at) in collection.listed_pairs().zip(columns.len()..) {
        let Pairs { table, ours, .. } = pairs;
        let delete = |ids: &str| format!("DELETE FROM {table} WHERE {ours} IN ({ids})");
        let of_rows = delete("SELECT value ->> 0 FROM json_each(?)");
        run(connection, of_rows, &rows).await?;
        let of_deleted = delete("SELECT value FROM json_each(?)");
        run(connection, of_deleted, &deleted).await?;
        run(connection, insert_pairs(pairs, at), &rows).await?;
    }
    if collection.table == PLACES.table {
        refresh_tree(connection).await?;
    }
    Ok(())
}

/// Remembers how far a feed has been read.
pub(super) async fn position(
    connection: &mut SqliteConnection,
    feed: &str,
    cursor: u64,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO sync_position (feed, cursor) VALUES (?, ?) \
         ON CONFLICT (feed) DO UPDATE SET cursor = excluded.cursor",
    )
    .bind(feed)
    .bind(i64::try_from(cursor).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(())
}

fn upsert(table: &str, columns: &[String]) -> String {
    let values: Vec<String> = (0..columns.len())
        .map(|at| format!("value ->> {at}"))
        .collect();
    let kept = columns[1..].iter();
    let kept: Vec<String> = kept
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    // Without the condition SQLite would take ON CONFLICT for that of a join.
    format!(
        "INSERT INTO {table} ({}) SELECT {} FROM json_each(?) WHERE true \
         ON CONFLICT (id) DO UPDATE SET {}",
        columns.join(", "),
        values.join(", "),
        kept.join(", ")
    )
}

/// The pairs that each row lists in its array at `at`. One that is listed twice counts where it is
/// listed last.
fn insert_pairs(pairs: &Pairs, at: usize) -> String {
    let Pairs {
        table,
        ours,
        theirs,
        order,
        ..
    } = pairs;
    let order = order.unwrap_or("position");
    format!(
        "INSERT INTO {table} ({ours}, {theirs}, {order}) \
         SELECT entry.value ->> 0, listed.value, listed.key \
         FROM json_each(?) AS entry, json_each(entry.value, '$[{at}]') AS listed WHERE true \
         ON CONFLICT ({ours}, {theirs}) DO UPDATE SET {order} = excluded.{order}"
    )
}

/// Makes the index of what lies beneath what anew, if the places no longer agree with it.
async fn refresh_tree(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let stale: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM places \
           LEFT JOIN beneath AS own ON own.ancestor = places.id AND own.place = places.id \
           LEFT JOIN beneath AS above ON above.place = places.id AND above.depth = 1 \
           WHERE own.place IS NULL OR places.parent IS NOT above.ancestor) \
         OR EXISTS (SELECT 1 FROM beneath WHERE depth = 0 AND place NOT IN (SELECT id FROM places))",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !stale {
        return Ok(());
    }
    sqlx::query("DELETE FROM beneath")
        .execute(&mut *connection)
        .await?;
    // A parent may be named before it has come; a source that names a place above itself must not
    // keep us going for ever.
    sqlx::query(
        "INSERT INTO beneath (ancestor, place, depth) \
         WITH RECURSIVE up (ancestor, place, depth) AS ( \
           SELECT id, id, 0 FROM places \
           UNION ALL \
           SELECT places.parent, up.place, up.depth + 1 FROM up JOIN places ON places.id = up.ancestor \
           WHERE places.parent IS NOT NULL AND up.depth < 16) \
         SELECT ancestor, place, min(depth) FROM up GROUP BY ancestor, place",
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn run(
    connection: &mut SqliteConnection,
    text: String,
    values: &str,
) -> Result<(), sqlx::Error> {
    let statement = sqlx::query(AssertSqlSafe(text)).bind(values);
    statement.execute(connection).await?;
    Ok(())
}
