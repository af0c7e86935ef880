//! Documents: what candidates hand in. The content is kept once for each SHA-256, however many
//! documents refer to it, and is read through links that are signed and expire.

pub(crate) mod api;
pub(crate) mod digest;
pub(crate) mod download;
pub(crate) mod files;
mod format;
mod range;
pub(crate) mod reference;
pub(crate) mod upload;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::FromRow;
use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::recruitment::access::{Caller, Scope};
use crate::recruitment::id::Id;
use crate::sql::QueryBuilder;

/// What a document is. It gives the name under which it is downloaded: the one that it had at home
/// often holds the person's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "kebab-case")]
#[sqlx(type_name = "text", rename_all = "kebab-case")]
pub(crate) enum DocumentKind {
    Cv,
    CoverLetter,
    Certificate,
    WorkSample,
    Other,
}

/// A row of the table, with what is known of its content.
#[derive(Debug, Clone, FromRow)]
pub(crate) struct Document {
    pub(crate) id: String,
    pub(crate) application: String,
    pub(crate) digest: String,
    pub(crate) kind: DocumentKind,
    pub(crate) size: i64,
    pub(crate) content_type: String,
    pub(crate) created_by: String,
    pub(crate) created_at: i64,
}

/// What a [`Document`] is read from, up to its conditions.
pub(crate) const SELECT: &str = "SELECT documents.id, application, documents.digest, kind, size, content_type, \
     created_by, documents.created_at FROM documents JOIN files ON files.digest = documents.digest WHERE true";

impl DocumentKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cv => "cv",
            Self::CoverLetter => "cover-letter",
            Self::Certificate => "certificate",
            Self::WorkSample => "work-sample",
            Self::Other => "other",
        }
    }
}

impl Document {
    pub(crate) async fn fetch(
        connection: &mut Connection,
        id: Id,
        caller: &Caller,
    ) -> Result<Option<Self>, sqlx::Error> {
        let mut sql = QueryBuilder::new(SELECT);
        sql.push(" AND documents.id = ").push_bind(id.to_string());
        caller.restrict(&mut sql, Scope::Applications("application"));
        sql.build_query_as().fetch_optional(connection).await
    }

    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "application": self.application,
            "kind": self.kind,
            "digest": self.digest,
            "size": self.size,
            "content_type": self.content_type,
            "created_by": self.created_by,
            "created_at": Timestamp::from_nanos(self.created_at),
        })
    }
}
