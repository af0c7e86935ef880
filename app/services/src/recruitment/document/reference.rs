//! How many documents refer to a content. To be changed within the transaction that changes the
//! documents.

use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::recruitment::document::digest::Digest;
use crate::sql;

/// A content that a document is about to refer to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Content {
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Its media type.
    pub(crate) media_type: &'static str,
}

/// Counts one document more; whether the content is a new one.
pub(crate) async fn hold(
    connection: &mut Connection,
    content: Content,
    now: Timestamp,
) -> Result<bool, sqlx::Error> {
    let created_at: i64 = sql::query_scalar(
        "INSERT INTO files (digest, size, content_type, reference_count, created_at) VALUES (?, ?, ?, 1, ?) \
         ON CONFLICT (digest) DO UPDATE SET reference_count = files.reference_count + 1, unreferenced_since = NULL \
         RETURNING files.created_at",
    )
    .bind(content.digest.to_string())
    .bind(i64::try_from(content.size).unwrap_or(i64::MAX))
    .bind(content.media_type)
    .bind(now.nanos())
    .fetch_one(connection)
    .await?;
    Ok(created_at == now.nanos())
}

/// Takes a document away and counts one less. From when none is left the content may go.
pub(crate) async fn let_go(
    connection: &mut Connection,
    document: &str,
    digest: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sql::query("DELETE FROM documents WHERE id = ?")
        .bind(document)
        .execute(&mut *connection)
        .await?;
    sql::query(
        "UPDATE files SET unreferenced_since = CASE WHEN reference_count = 1 THEN ? END, \
         reference_count = reference_count - 1 WHERE digest = ?",
    )
    .bind(now.nanos())
    .bind(digest)
    .execute(connection)
    .await?;
    Ok(())
}
