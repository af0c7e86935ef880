use serde_json::Value;

use crate::content::collection::{Attribute, Collection, Form, PLACES, Pairs};
use crate::content::sync::row::{Changes, columns};
use crate::database::connection::Connection;
use crate::sql::{self, Text};

// What a page brings is bound as one JSON array and written by one statement a table: the names in
// the text are those of the declarations, the values are all bound.

/// Writes what a page of entries changes.
pub(super) async fn changes(
    connection: &mut Connection,
    collection: &Collection,
    changes: &Changes,
) -> Result<(), sqlx::Error> {
    let columns = columns(collection);
    let rows: Vec<&Vec<Value>> = changes.rows.values().collect();
    let rows = serde_json::json!(rows).to_string();
    let deleted = Value::from(changes.deleted.clone()).to_string();
    if !changes.rows.is_empty() {
        run(connection, upsert(collection, &columns), &rows).await?;
    }
    if !changes.deleted.is_empty() {
        let table = collection.table;
        let delete = format!("DELETE FROM {table} WHERE id IN (SELECT value FROM json_each(?))");
        run(connection, delete.into(), &deleted).await?;
    }
    for ((pairs, _), at) in collection.listed_pairs().zip(columns.len()..) {
        let Pairs { table, ours, .. } = pairs;
        let delete = |ids: &str| format!("DELETE FROM {table} WHERE {ours} IN ({ids})");
        let of_rows = Text::Each {
            sqlite: delete("SELECT value ->> 0 FROM json_each(?)").into(),
            postgres: delete("SELECT value ->> 0 FROM jsonb_array_elements(?::jsonb)").into(),
        };
        run(connection, of_rows, &rows).await?;
        let of_deleted = delete("SELECT value FROM json_each(?)");
        run(connection, of_deleted.into(), &deleted).await?;
        run(connection, insert_pairs(pairs, at), &rows).await?;
    }
    if collection.table == PLACES.table {
        refresh_tree(connection).await?;
    }
    Ok(())
}

/// Remembers how far a feed has been read.
pub(super) async fn position(
    connection: &mut Connection,
    feed: &str,
    cursor: u64,
) -> Result<(), sqlx::Error> {
    sql::query(
        "INSERT INTO sync_position (feed, cursor) VALUES (?, ?) \
         ON CONFLICT (feed) DO UPDATE SET cursor = excluded.cursor",
    )
    .bind(feed)
    .bind(i64::try_from(cursor).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(())
}

fn upsert(collection: &Collection, columns: &[String]) -> Text {
    let table = collection.table;
    let values: Vec<String> = (0..columns.len())
        .map(|at| format!("value ->> {at}"))
        .collect();
    let typed = values.iter().zip(columns);
    let typed: Vec<String> = typed
        .map(|(value, column)| format!("({value}){}", cast(collection, column)))
        .collect();
    let kept = columns[1..].iter();
    let kept: Vec<String> = kept
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    let columns = columns.join(", ");
    let insert = |values: &[String], rows: &str| {
        // Without the condition SQLite would take ON CONFLICT for that of a join.
        format!(
            "INSERT INTO {table} ({columns}) SELECT {} FROM {rows} WHERE true \
             ON CONFLICT (id) DO UPDATE SET {}",
            values.join(", "),
            kept.join(", ")
        )
    };
    Text::Each {
        sqlite: insert(&values, "json_each(?)").into(),
        postgres: insert(&typed, "jsonb_array_elements(?::jsonb)").into(),
    }
}

/// How Postgres reads a column from a text.
fn cast(collection: &Collection, column: &str) -> &'static str {
    let of_column = |attribute: &&Attribute| attribute.column == column;
    let attribute = collection.attributes.iter().find(of_column);
    match attribute.map(|attribute| attribute.form) {
        Some(Form::Integer | Form::Time) => "::bigint",
        Some(Form::Real) => "::double precision",
        Some(Form::Text | Form::OpeningHours | Form::Texts) | None => "",
    }
}

/// The pairs that each row lists in its array at `at`. One that is listed twice counts where it is
/// listed last.
fn insert_pairs(pairs: &Pairs, at: usize) -> Text {
    let Pairs {
        table,
        ours,
        theirs,
        order,
        ..
    } = pairs;
    let order = order.unwrap_or("position");
    let sqlite = format!(
        "INSERT INTO {table} ({ours}, {theirs}, {order}) \
         SELECT entry.value ->> 0, listed.value, listed.key \
         FROM json_each(?) AS entry, json_each(entry.value, '$[{at}]') AS listed WHERE true \
         ON CONFLICT ({ours}, {theirs}) DO UPDATE SET {order} = excluded.{order}"
    );
    let postgres = format!(
        "INSERT INTO {table} ({ours}, {theirs}, {order}) \
         SELECT entry.value ->> 0, listed.value, max(listed.place) - 1 \
         FROM jsonb_array_elements(?::jsonb) AS entry (value), \
         jsonb_array_elements_text(entry.value -> {at}) WITH ORDINALITY AS listed (value, place) \
         GROUP BY 1, 2 ON CONFLICT ({ours}, {theirs}) DO UPDATE SET {order} = excluded.{order}"
    );
    Text::Each {
        sqlite: sqlite.into(),
        postgres: postgres.into(),
    }
}

/// Makes the index of what lies beneath what anew, if the places no longer agree with it.
async fn refresh_tree(connection: &mut Connection) -> Result<(), sqlx::Error> {
    let stale: bool = sql::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM places \
           LEFT JOIN beneath AS own ON own.ancestor = places.id AND own.place = places.id \
           LEFT JOIN beneath AS above ON above.place = places.id AND above.depth = 1 \
           WHERE own.place IS NULL OR places.parent IS DISTINCT FROM above.ancestor) \
         OR EXISTS (SELECT 1 FROM beneath WHERE depth = 0 AND place NOT IN (SELECT id FROM places))",
    )
    .fetch_one(&mut *connection)
    .await?;
    if !stale {
        return Ok(());
    }
    sql::query("DELETE FROM beneath")
        .execute(&mut *connection)
        .await?;
    // A parent may be named before it has come; a source that names a place above itself must not
    // keep us going for ever.
    sql::query(
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

async fn run(connection: &mut Connection, text: Text, values: &str) -> Result<(), sqlx::Error> {
    let statement = sql::query(text).bind(values);
    statement.execute(connection).await?;
    Ok(())
}
