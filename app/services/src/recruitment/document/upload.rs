use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt;

use serde_json::Value;

use crate::database::connection::Connection;
use crate::failure::{Failure, Kind, frame};
use crate::problem::{InPath, InQuery, Problem};
use crate::recruitment::access::{By, Caller};
use crate::recruitment::api::{Api, Outcome, absent, conflict};
use crate::recruitment::application::{Application, ApplicationState};
use crate::recruitment::document::digest::Digest;
use crate::recruitment::document::files::{Files, Incoming};
use crate::recruitment::document::format::Format;
use crate::recruitment::document::reference::{self, Content};
use crate::recruitment::document::{Document, DocumentKind, SELECT};
use crate::recruitment::id::Id;
use crate::recruitment::instruments::Upload;
use crate::recruitment::trail::{Act, Deed};
use crate::sql;
use crate::statement::{Operation, Statement};

const LOOK: Statement = Statement::new(Operation::Select, "applications");
const INSERT: Statement = Statement::new(Operation::Insert, "documents");
/// The most bytes that a document may hold.
pub(crate) const MAX: u64 = 10 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    kind: DocumentKind,
}

/// Why a content could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("the content cannot be written")]
pub(crate) struct NotWritten(#[source] std::io::Error);

impl Kind for NotWritten {
    fn kind(&self) -> &'static str {
        "NotWritten"
    }
}

/// `PUT /v1/applications/{id}/documents/{digest}`: the same twice is one document.
pub(crate) async fn upload(
    State(api): State<Api>,
    caller: By,
    InPath((id, digest)): InPath<(Id, Digest)>,
    InQuery(asked): InQuery<Asked>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let looking = caller.0.clone();
    let there = api.look(LOOK, move |connection| {
        Box::pin(async move { Application::fetch(connection, id, &looking).await })
    });
    there.await?.ok_or_else(|| absent("application", id))?;

    let deed = api.deed(&caller);
    let mut arrival = Arrival::new(&headers, digest).map_err(|refused| refused.tell(&api))?;
    let mut incoming = api
        .files
        .receive(Id::at(deed.at))
        .await
        .map_err(not_written)?;
    arrival
        .take(&mut incoming, body)
        .await
        .map_err(|refused| refused.tell(&api))?;
    let content = arrival.content().map_err(|refused| refused.tell(&api))?;

    let (by, asking, files) = (deed.clone(), caller.0.clone(), api.files.clone());
    let written = api.change(INSERT, move |connection| {
        Box::pin(async move {
            let new = (id, asked.kind, content);
            enter(connection, new, &asking, &by, (&files, &incoming)).await
        })
    });
    let kept = written
        .await
        .inspect_err(|_| api.instruments.uploaded(Upload::Refused, 0))?;
    let outcome = if kept.is_new {
        Upload::Stored
    } else {
        Upload::Deduplicated
    };
    api.instruments.uploaded(outcome, content.size);
    if kept.is_new {
        api.instruments.stored(content.size);
    }
    if let Some(act) = &kept.act {
        api.tell(&deed, act);
    }
    let status = if kept.act.is_some() {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(kept.document.view())).into_response())
}

/// A content as far as it has arrived.
struct Arrival {
    named: Format,
    expected: Digest,
    head: Vec<u8>,
    hash: Sha256,
    size: u64,
}

/// Why a content is not taken.
enum Refused {
    TooLarge,
    WrongType(String),
    WrongDigest(Digest),
    BrokenOff,
    NotWritten(std::io::Error),
}

impl Arrival {
    /// What the headers say, before anything arrives.
    fn new(headers: &HeaderMap, expected: Digest) -> Result<Self, Refused> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let length = text(CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        if length.is_some_and(|length| length > MAX) {
            return Err(Refused::TooLarge);
        }
        let named = text(CONTENT_TYPE).and_then(Format::named);
        let named = named.ok_or_else(|| {
            let known = Format::ALL.map(Format::content_type).join(", ");
            Refused::WrongType(format!("Content-Type: expected one of {known}"))
        })?;
        Ok(Self {
            named,
            expected,
            head: Vec::new(),
            hash: Sha256::new(),
            size: 0,
        })
    }

    /// Writes the body as it comes, a piece at a time in memory, until it is safe on disk.
    async fn take(&mut self, incoming: &mut Incoming, body: Body) -> Result<(), Refused> {
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| Refused::BrokenOff)?;
            self.size += piece.len() as u64;
            if self.size > MAX {
                return Err(Refused::TooLarge);
            }
            let missing = Format::HEAD.saturating_sub(self.head.len());
            self.head.extend(piece.iter().take(missing));
            self.hash.update(&piece);
            incoming
                .file
                .write_all(&piece)
                .await
                .map_err(Refused::NotWritten)?;
        }
        incoming.file.flush().await.map_err(Refused::NotWritten)?;
        incoming.file.sync_all().await.map_err(Refused::NotWritten)
    }

    /// What has arrived, if it is what was announced.
    fn content(self) -> Result<Content, Refused> {
        let digest = Digest::of(self.hash.finalize().into());
        if digest != self.expected {
            return Err(Refused::WrongDigest(digest));
        }
        let named = self.named.content_type();
        match Format::of(&self.head) {
            Some(format) if format == self.named => Ok(Content {
                digest,
                size: self.size,
                media_type: named,
            }),
            Some(other) => {
                let other = other.content_type();
                Err(Refused::WrongType(format!(
                    "Content-Type: it says {named}, the content is {other}"
                )))
            }
            None => Err(Refused::WrongType(format!(
                "Content-Type: it says {named}, the content is not"
            ))),
        }
    }
}

impl Refused {
    fn tell(self, api: &Api) -> Problem {
        let (outcome, problem) = match self {
            Self::TooLarge => {
                let detail = format!("a document may hold {MAX} bytes");
                (
                    Upload::TooLarge,
                    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail),
                )
            }
            Self::WrongType(detail) => (
                Upload::WrongType,
                Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail),
            ),
            Self::WrongDigest(digest) => {
                let detail = "the content does not have the SHA-256 that the path names";
                (
                    Upload::WrongDigest,
                    Problem::unprocessable(detail).member("digest", digest.to_string()),
                )
            }
            Self::BrokenOff => {
                let detail = "the content did not arrive whole";
                (
                    Upload::BrokenOff,
                    Problem::new(StatusCode::BAD_REQUEST, detail),
                )
            }
            Self::NotWritten(error) => return not_written(error),
        };
        api.instruments.uploaded(outcome, 0);
        problem
    }
}

fn not_written(error: std::io::Error) -> Problem {
    Failure::new(NotWritten(error), frame!("upload")).into()
}

/// What an upload has come to.
struct Kept {
    document: Document,
    /// None if the document was there before.
    act: Option<Act>,
    /// Whether the content was not there.
    is_new: bool,
}

/// Places the file and refers to it. If the transaction comes to nothing after the file was placed,
/// the clean-up finds a file that the database does not know.
async fn enter(
    connection: &mut Connection,
    (id, kind, content): (Id, DocumentKind, Content),
    caller: &Caller,
    deed: &Deed,
    (files, incoming): (&Files, &Incoming),
) -> Outcome<Kept> {
    let Some(application) = Application::fetch(connection, id, caller).await? else {
        return Ok(Err(absent("application", id)));
    };
    if application.state != ApplicationState::Active {
        let state = application.state.as_str();
        return Ok(Err(conflict(format!("the application is {state}"))));
    }
    let digest = content.digest.to_string();
    let there: Option<Document> = sql::query_as(format!(
        "{SELECT} AND application = ? AND documents.digest = ?"
    ))
    .bind(&application.id)
    .bind(&digest)
    .fetch_optional(&mut *connection)
    .await?;
    files.place(incoming.path(), content.digest).await?;
    if let Some(document) = there {
        return Ok(Ok(Kept {
            document,
            act: None,
            is_new: false,
        }));
    }
    let is_new = reference::hold(connection, content, deed.at).await?;
    let document = Document {
        id: Id::at(deed.at).to_string(),
        application: application.id,
        digest,
        kind,
        size: i64::try_from(content.size).unwrap_or(i64::MAX),
        content_type: content.media_type.to_owned(),
        created_by: deed.actor.clone(),
        created_at: deed.at.nanos(),
    };
    sql::query(
        "INSERT INTO documents (id, application, digest, kind, created_by, created_at) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(&document.id)
    .bind(&document.application)
    .bind(&document.digest)
    .bind(document.kind.as_str())
    .bind(&document.created_by)
    .bind(document.created_at)
    .execute(&mut *connection)
    .await?;
    let act = Act {
        kind: "document",
        verb: "added",
        object: document.id.clone(),
        before: Value::Null,
        after: document.view(),
    };
    deed.record(connection, &act).await?;
    Ok(Ok(Kept {
        document,
        act: Some(act),
        is_new,
    }))
}
