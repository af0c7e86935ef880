use std::time::Duration;

use axum::Json;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use watchfire_schemas::Timestamp;

use crate::content::FORWARDED_PREFIX;
use crate::problem::{InPath, Problem};
use crate::recruitment::access::By;
use crate::recruitment::api::{Api, absent};
use crate::recruitment::application::Application;
use crate::recruitment::document::{Document, SELECT, reference};
use crate::recruitment::id::Id;
use crate::recruitment::trail::Act;
use crate::sql::QueryBuilder;
use crate::statement::{Operation, Statement};

const LIST: Statement = Statement::new(Operation::Select, "documents");
const DELETE: Statement = Statement::new(Operation::Delete, "documents");
const LINK: Statement = Statement::new(Operation::Insert, "audit");
/// How long a link is good.
const GOOD_FOR: Duration = Duration::from_mins(5);

/// `GET /v1/applications/{id}/documents`
pub(crate) async fn list(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
) -> Result<Json<Value>, Problem> {
    let read = api.look(LIST, move |connection| {
        Box::pin(async move {
            if Application::fetch(connection, id, &caller).await?.is_none() {
                return Ok(None);
            }
            let mut sql = QueryBuilder::new(SELECT);
            sql.push(" AND application = ")
                .push_bind(id.to_string())
                .push(" ORDER BY documents.id");
            let found: Vec<Document> = sql.build_query_as().fetch_all(connection).await?;
            Ok(Some(found))
        })
    });
    let found = read.await?.ok_or_else(|| absent("application", id))?;
    let found: Vec<Value> = found.iter().map(Document::view).collect();
    Ok(Json(json!({ "documents": found })))
}

/// `GET /v1/documents/{id}`
pub(crate) async fn show(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
) -> Result<Json<Value>, Problem> {
    let read = api.look(LIST, move |connection| {
        Box::pin(async move { Document::fetch(connection, id, &caller).await })
    });
    let document = read.await?.ok_or_else(|| absent("document", id))?;
    Ok(Json(document.view()))
}

/// `DELETE /v1/documents/{id}`: its content goes when the clean-up finds that nothing refers to it.
pub(crate) async fn remove(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
) -> Result<StatusCode, Problem> {
    let deed = api.deed(&caller);
    let by = deed.clone();
    let written = api.change(DELETE, move |connection| {
        Box::pin(async move {
            let Some(document) = Document::fetch(connection, id, &caller).await? else {
                return Ok(Err(absent("document", id)));
            };
            reference::let_go(connection, &document.id, &document.digest, by.at).await?;
            let act = Act {
                kind: "document",
                verb: "removed",
                object: document.id.clone(),
                before: document.view(),
                after: Value::Null,
            };
            by.record(connection, &act).await?;
            Ok(Ok(act))
        })
    });
    let act = written.await?;
    api.tell(&deed, &act);
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/documents/{id}/links`: who may see a document is given an address of its content that
/// needs no token and is good for some minutes.
pub(crate) async fn link(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let deed = api.deed(&caller);
    let expires = (deed.at + GOOD_FOR).millis() / 1000;
    let expires_at = Timestamp::from_secs(expires);
    let by = deed.clone();
    let written = api.change(LINK, move |connection| {
        Box::pin(async move {
            let Some(document) = Document::fetch(connection, id, &caller).await? else {
                return Ok(Err(absent("document", id)));
            };
            let act = Act {
                kind: "document",
                verb: "linked",
                object: document.id,
                before: Value::Null,
                after: json!({ "expires_at": expires_at }),
            };
            by.record(connection, &act).await?;
            Ok(Ok(act))
        })
    });
    let act = written.await?;
    api.tell(&deed, &act);
    let prefix = headers
        .get(FORWARDED_PREFIX)
        .and_then(|prefix| prefix.to_str().ok());
    let prefix = prefix
        .filter(|prefix| is_prefix(prefix))
        .unwrap_or_default();
    let sig = api.keyring.link(id, expires);
    let url = format!("{prefix}/v1/files/{id}?expires={expires}&sig={sig}");
    Ok((
        StatusCode::CREATED,
        Json(json!({ "url": url, "expires_at": expires_at })),
    ))
}

/// Whether it is a path that an address can begin with, and cannot become another host.
fn is_prefix(text: &str) -> bool {
    let fine = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'/' | b'-' | b'_');
    text.starts_with('/') && !text.starts_with("//") && text.bytes().all(fine)
}
