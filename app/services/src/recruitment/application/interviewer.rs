use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};

use crate::problem::{InPath, Problem};
use crate::recruitment::access::By;
use crate::recruitment::api::{Api, absent};
use crate::recruitment::application::Application;
use crate::recruitment::id::Id;
use crate::recruitment::text::Slug;
use crate::recruitment::trail::Act;
use crate::sql;
use crate::statement::{Operation, Statement};

const LIST: Statement = Statement::new(Operation::Select, "interviewers");
const ASSIGN: Statement = Statement::new(Operation::Upsert, "interviewers");
const RELEASE: Statement = Statement::new(Operation::Delete, "interviewers");

/// `GET /v1/applications/{id}/interviewers`
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
            let subjects: Vec<String> = sql::query_scalar(
                "SELECT subject FROM interviewers WHERE application = ? ORDER BY subject",
            )
            .bind(id.to_string())
            .fetch_all(connection)
            .await?;
            Ok(Some(subjects))
        })
    });
    let subjects = read.await?.ok_or_else(|| absent("application", id))?;
    Ok(Json(json!({ "interviewers": subjects })))
}

/// `PUT /v1/applications/{id}/interviewers/{subject}`
pub(crate) async fn assign(
    State(api): State<Api>,
    caller: By,
    InPath((id, subject)): InPath<(Id, Slug)>,
) -> Result<StatusCode, Problem> {
    alter(&api, &caller, id, subject, Change::Assign).await
}

/// `DELETE /v1/applications/{id}/interviewers/{subject}`
pub(crate) async fn release(
    State(api): State<Api>,
    caller: By,
    InPath((id, subject)): InPath<(Id, Slug)>,
) -> Result<StatusCode, Problem> {
    alter(&api, &caller, id, subject, Change::Release).await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Assign,
    Release,
}

/// One that is assigned may be assigned again, one that is not released again: nothing happens.
async fn alter(
    api: &Api,
    caller: &By,
    id: Id,
    subject: Slug,
    change: Change,
) -> Result<StatusCode, Problem> {
    let deed = api.deed(caller);
    let (by, asking) = (deed.clone(), caller.0.clone());
    let (statement, verb, sql) = match change {
        Change::Assign => (
            ASSIGN,
            "assigned",
            "INSERT INTO interviewers (application, subject) VALUES (?, ?) ON CONFLICT DO NOTHING",
        ),
        Change::Release => (
            RELEASE,
            "released",
            "DELETE FROM interviewers WHERE application = ? AND subject = ?",
        ),
    };
    let written = api.change(statement, move |connection| {
        Box::pin(async move {
            if Application::fetch(connection, id, &asking).await?.is_none() {
                return Ok(Err(absent("application", id)));
            }
            let done = sql::query(sql)
                .bind(id.to_string())
                .bind(subject.as_str())
                .execute(&mut *connection)
                .await?;
            if done.rows_affected() == 0 {
                return Ok(Ok(None));
            }
            let named = json!({ "interviewer": subject });
            let (before, after) = match change {
                Change::Assign => (Value::Null, named),
                Change::Release => (named, Value::Null),
            };
            let act = Act {
                kind: "application",
                verb,
                object: id.to_string(),
                before,
                after,
            };
            by.record(connection, &act).await?;
            Ok(Ok(Some(act)))
        })
    });
    if let Some(act) = written.await? {
        api.tell(&deed, &act);
    }
    Ok(StatusCode::NO_CONTENT)
}
