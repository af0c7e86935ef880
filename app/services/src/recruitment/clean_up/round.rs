use std::collections::HashSet;
use std::path::Path;

use watchfire_schemas::Timestamp;

use crate::database::connection::Connection;
use crate::failure::{Failure, Kind, Via, frame};
use crate::recruitment::api::Api;
use crate::recruitment::candidate::erasure::erase;
use crate::recruitment::clean_up::{Extent, Policy, Reason, Removals};
use crate::recruitment::document::digest::Digest;
use crate::recruitment::document::reference;
use crate::recruitment::trail::{Act, Deed};
use crate::sql;
use crate::statement::{Operation, Statement};

const LOOK: Statement = Statement::new(Operation::Select, "files");
const ERASE: Statement = Statement::new(Operation::Update, "candidates");
const FORGET: Statement = Statement::new(Operation::Delete, "documents");
const REMOVE: Statement = Statement::new(Operation::Delete, "files");
/// So many at most in one round, of each sort: the next round takes the rest.
const AT_ONCE: i64 = 500;

#[derive(Debug, thiserror::Error)]
#[error("the folder of files cannot be read")]
struct NotListed(#[source] std::io::Error);

impl Kind for NotListed {
    fn kind(&self) -> &'static str {
        "NotListed"
    }
}

/// What a round is about to take away.
#[derive(Debug)]
pub(super) struct Plan {
    candidates: Vec<String>,
    documents: Vec<(String, String)>,
    unreferenced: Vec<(Digest, u64)>,
    unknown: Vec<(Digest, u64)>,
    abandoned: Vec<std::path::PathBuf>,
}

/// Looks for what the policy gives up, and takes nothing away.
pub(super) async fn plan(api: &Api, policy: Policy, extent: Extent) -> Result<Plan, Failure> {
    let now = api.clock.now();
    let listed = |error| Failure::new(NotListed(error), frame!("plan"));
    // The files come first: one that is placed later is not on this list.
    let stored = match extent {
        Extent::Rows => Vec::new(),
        Extent::RowsAndFiles => api.files.stored().await.map_err(listed)?,
    };
    let abandoned = api.files.abandoned().await.map_err(listed)?;
    let looking = api.database.read(LOOK, move |connection| {
        Box::pin(async move { given_up(connection, policy, now, extent).await })
    });
    let GivenUp {
        candidates,
        documents,
        unreferenced,
        known,
    } = looking.await.via(frame!("plan"))?;
    let unknown = stored
        .into_iter()
        .filter(|(digest, _)| !known.contains(digest))
        .collect();
    Ok(Plan {
        candidates,
        documents,
        unreferenced,
        unknown,
        abandoned,
    })
}

struct GivenUp {
    candidates: Vec<String>,
    documents: Vec<(String, String)>,
    unreferenced: Vec<(Digest, u64)>,
    known: HashSet<Digest>,
}

async fn given_up(
    connection: &mut Connection,
    policy: Policy,
    now: Timestamp,
    extent: Extent,
) -> Result<GivenUp, sqlx::Error> {
    let candidates =
        sql::query_scalar("SELECT id FROM candidates WHERE state = 'active' AND retain_until <= ? ORDER BY retain_until LIMIT ?")
            .bind(now.nanos())
            .bind(AT_ONCE)
            .fetch_all(&mut *connection)
            .await?;
    let documents = sql::query_as(
        "SELECT documents.id, digest FROM documents JOIN applications ON applications.id = application \
         WHERE decided_at <= ? LIMIT ?",
    )
    .bind((now - policy.decided).nanos())
    .bind(AT_ONCE)
    .fetch_all(&mut *connection)
    .await?;
    let unreferenced: Vec<(String, i64)> =
        sql::query_as("SELECT digest, size FROM files WHERE reference_count = 0 AND unreferenced_since <= ? LIMIT ?")
            .bind((now - policy.unreferenced).nanos())
            .bind(AT_ONCE)
            .fetch_all(&mut *connection)
            .await?;
    let known: Vec<String> = match extent {
        Extent::Rows => Vec::new(),
        Extent::RowsAndFiles => {
            let digests = sql::query_scalar("SELECT digest FROM files");
            digests.fetch_all(connection).await?
        }
    };
    let sized = unreferenced.into_iter();
    let sized = sized.filter_map(|(digest, size)| {
        Some((digest.parse().ok()?, u64::try_from(size).unwrap_or(0)))
    });
    Ok(GivenUp {
        candidates,
        documents,
        unreferenced: sized.collect(),
        known: known
            .iter()
            .filter_map(|digest| digest.parse().ok())
            .collect(),
    })
}

impl Plan {
    /// What it comes to if nothing happens in between.
    pub(super) async fn removals(&self) -> Removals {
        let mut removals = Removals {
            candidates: self.candidates.len() as u64,
            documents: self.documents.len() as u64,
            ..Removals::default()
        };
        for (_, size) in &self.unreferenced {
            removals.count(Reason::Unreferenced, *size);
        }
        for (_, size) in &self.unknown {
            removals.count(Reason::Unknown, *size);
        }
        for path in &self.abandoned {
            removals.count(Reason::Abandoned, size(path).await);
        }
        removals
    }

    /// Takes away what is still to be taken away when its turn comes. A file that cannot be removed
    /// stays for the next round, and holds up no other.
    pub(super) async fn carry_out(self, api: &Api, policy: Policy) -> Result<Removals, Failure> {
        let mut removals = Removals::default();
        for candidate in self.candidates {
            let erased = erase_expired(api, candidate)
                .await
                .via(frame!("Plan::carry_out"))?;
            removals.candidates += u64::from(erased);
        }
        for (document, digest) in self.documents {
            let forgotten = forget(api, document, digest)
                .await
                .via(frame!("Plan::carry_out"))?;
            removals.documents += u64::from(forgotten);
        }
        let files = self
            .unreferenced
            .into_iter()
            .map(|file| (file, Reason::Unreferenced));
        let files = files.chain(self.unknown.into_iter().map(|file| (file, Reason::Unknown)));
        for ((digest, size), reason) in files {
            match remove(api, digest, policy).await {
                Ok(true) => {
                    removals.count(reason, size);
                    told_removed(api, digest, (reason, size));
                }
                Ok(false) => {}
                Err(failure) => failure.report(format_args!("file {digest} is not removed")),
            }
        }
        for path in self.abandoned {
            let bytes = size(&path).await;
            match tokio::fs::remove_file(&path).await {
                Ok(()) => {
                    removals.count(Reason::Abandoned, bytes);
                    api.instruments.removed(Reason::Abandoned, bytes);
                }
                Err(error) => tracing::warn!(
                    "file {} that was given up is not removed: {error}",
                    path.display()
                ),
            }
        }
        Ok(removals)
    }
}

fn told_removed(api: &Api, digest: Digest, (reason, size): (Reason, u64)) {
    api.instruments.removed(reason, size);
    let (digest, reason) = (digest.to_string(), reason.as_str());
    tracing::info!(
        "recruitment.digest" = digest,
        "recruitment.reason" = reason,
        "file {digest} removed: {reason}"
    );
}

async fn size(path: &Path) -> u64 {
    tokio::fs::metadata(path).await.map_or(0, |file| file.len())
}

/// Erases a candidate unless they were given more time since, or are erased.
async fn erase_expired(api: &Api, candidate: String) -> Result<bool, Failure> {
    let deed = Deed::of_retention(api.clock.now());
    let by = deed.clone();
    let written = api.database.write(ERASE, move |connection| {
        Box::pin(async move {
            let is_over: Option<String> = sql::query_scalar(
                "SELECT id FROM candidates WHERE id = ? AND state = 'active' AND retain_until <= ?",
            )
            .bind(&candidate)
            .bind(by.at.nanos())
            .fetch_optional(&mut *connection)
            .await?;
            match is_over {
                Some(_) => erase(connection, &candidate, &by).await,
                None => Ok(Vec::new()),
            }
        })
    });
    let acts = written.await.via(frame!("erase_expired"))?;
    Ok(told(api, &deed, &acts))
}

async fn forget(api: &Api, document: String, digest: String) -> Result<bool, Failure> {
    let deed = Deed::of_retention(api.clock.now());
    let by = deed.clone();
    let written = api.database.write(FORGET, move |connection| {
        Box::pin(async move {
            let there: Option<String> = sql::query_scalar("SELECT id FROM documents WHERE id = ?")
                .bind(&document)
                .fetch_optional(&mut *connection)
                .await?;
            if there.is_none() {
                return Ok(None);
            }
            reference::let_go(connection, &document, &digest, by.at).await?;
            let act = Act {
                kind: "document",
                verb: "expired",
                object: document,
                before: serde_json::json!({ "digest": digest }),
                after: serde_json::Value::Null,
            };
            by.record(connection, &act).await?;
            Ok(Some(act))
        })
    });
    let act = written.await.via(frame!("forget"))?;
    Ok(told(api, &deed, act.as_slice()))
}

/// Tells of what was done; whether anything was.
fn told(api: &Api, deed: &Deed, acts: &[Act]) -> bool {
    for act in acts {
        api.tell(deed, act);
    }
    !acts.is_empty()
}

/// Removes a stored file that no document refers to, with its row. Within the one transaction that
/// writes: an upload of the same content comes before it, and the file stays, or after it, and
/// places the file anew. The file goes before the row, so that what ends in between leaves a row
/// whose file is gone, which the next round removes and the next upload of the content mends.
async fn remove(api: &Api, digest: Digest, policy: Policy) -> Result<bool, Failure> {
    let files = api.files.clone();
    let latest = (api.clock.now() - policy.unreferenced).nanos();
    let written = api.database.write(REMOVE, move |connection| {
        Box::pin(async move {
            let name = digest.to_string();
            let is_held: bool = sql::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM documents WHERE digest = ?) OR EXISTS (SELECT 1 FROM files \
                 WHERE digest = ? AND (reference_count > 0 OR unreferenced_since > ?))",
            )
            .bind(&name)
            .bind(&name)
            .bind(latest)
            .fetch_one(&mut *connection)
            .await?;
            if is_held {
                return Ok(false);
            }
            files.remove(digest).await.map_err(sqlx::Error::Io)?;
            sql::query("DELETE FROM files WHERE digest = ?")
                .bind(&name)
                .execute(connection)
                .await?;
            Ok(true)
        })
    });
    written.await.via(frame!("remove"))
}
