use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::database::connection::Connection;
use crate::problem::{InPath, Problem};
use crate::recruitment::access::By;
use crate::recruitment::api::{Api, absent};
use crate::recruitment::candidate::{Candidate, CandidateState};
use crate::recruitment::document::reference;
use crate::recruitment::id::Id;
use crate::recruitment::trail::{Act, Deed};
use crate::sql;
use crate::statement::{Operation, Statement};

const ERASE: Statement = Statement::new(Operation::Update, "candidates");

/// `POST /v1/candidates/{id}/erasure`: as often as one likes, the first time counts.
pub(crate) async fn erasure(
    State(api): State<Api>,
    caller: By,
    InPath(id): InPath<Id>,
) -> Result<Json<Value>, Problem> {
    let deed = api.deed(&caller);
    let (by, asking) = (deed.clone(), caller.0.clone());
    let written = api.change(ERASE, move |connection| {
        Box::pin(async move {
            let Some(candidate) = Candidate::fetch(connection, id, &asking).await? else {
                return Ok(Err(absent("candidate", id)));
            };
            let acts = match candidate.state {
                CandidateState::Active => erase(connection, &candidate.id, &by).await?,
                CandidateState::Erased => Vec::new(),
            };
            let candidate = Candidate::fetch(connection, id, &asking).await?;
            Ok(candidate
                .map(|candidate| (candidate, acts))
                .ok_or_else(|| absent("candidate", id)))
        })
    });
    let (candidate, acts) = written.await?;
    for act in &acts {
        api.tell(&deed, act);
    }
    Ok(Json(candidate.view(&caller)))
}

/// Takes away all that tells of one person, in the caller's transaction: their name and addresses,
/// what they hoped to earn, what was written about them, their documents. Applications that are
/// under way end. The trail keeps of each of them that it happened, not what there was.
pub(crate) async fn erase(
    connection: &mut Connection,
    id: &str,
    deed: &Deed,
) -> Result<Vec<Act>, sqlx::Error> {
    let now = deed.at.nanos();
    sql::query(
        "UPDATE candidates SET state = 'erased', name = NULL, email = NULL, email_key = NULL, \
         phone = NULL, version = version + 1, updated_at = ? WHERE id = ?",
    )
    .bind(now)
    .bind(id)
    .execute(&mut *connection)
    .await?;
    let ended: Vec<(String, String)> = sql::query_as(
        "UPDATE applications SET state = 'withdrawn', reason = 'erased', decided_at = ?, \
         version = version + 1, updated_at = ? WHERE candidate = ? AND state = 'active' \
         RETURNING id, stage",
    )
    .bind(now)
    .bind(now)
    .bind(id)
    .fetch_all(&mut *connection)
    .await?;
    sql::query("UPDATE applications SET note = NULL, salary_amount = NULL, salary_currency = NULL WHERE candidate = ?")
        .bind(id)
        .execute(&mut *connection)
        .await?;
    let notes = sql::query(
        "UPDATE assessments SET note = NULL WHERE note IS NOT NULL \
         AND application IN (SELECT id FROM applications WHERE candidate = ?)",
    )
    .bind(id)
    .execute(&mut *connection)
    .await?
    .rows_affected();
    let documents: Vec<(String, String)> = sql::query_as(
        "SELECT documents.id, digest FROM documents JOIN applications ON applications.id = application \
         WHERE candidate = ?",
    )
    .bind(id)
    .fetch_all(&mut *connection)
    .await?;
    for (document, digest) in &documents {
        reference::let_go(connection, document, digest, deed.at).await?;
    }
    let mut acts = vec![Act {
        kind: "candidate",
        verb: "erased",
        object: id.to_owned(),
        before: json!({ "state": "active" }),
        after: json!({
            "state": "erased",
            "applications_ended": ended.len(),
            "notes_removed": notes,
            "documents_removed": documents.len(),
        }),
    }];
    acts.extend(ended.into_iter().map(ended_by_erasure));
    acts.extend(documents.into_iter().map(removed_by_erasure));
    for act in &acts {
        deed.record(connection, act).await?;
    }
    Ok(acts)
}

fn ended_by_erasure((application, stage): (String, String)) -> Act {
    Act {
        kind: "application",
        verb: "withdrawn",
        object: application,
        before: json!({ "state": "active", "stage": stage, "reason": null }),
        after: json!({ "state": "withdrawn", "stage": stage, "reason": "erased" }),
    }
}

fn removed_by_erasure((document, digest): (String, String)) -> Act {
    Act {
        kind: "document",
        verb: "removed",
        object: document,
        before: json!({ "digest": digest }),
        after: Value::Null,
    }
}
