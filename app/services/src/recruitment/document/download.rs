use std::io::SeekFrom;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use watchfire_schemas::Timestamp;

use crate::failure::{Failure, Kind, frame};
use crate::problem::{InPath, InQuery, Problem};
use crate::recruitment::api::{Api, absent};
use crate::recruitment::document::digest::Digest;
use crate::recruitment::document::format::Format;
use crate::recruitment::document::range::{self, Asked};
use crate::recruitment::document::{Document, SELECT};
use crate::recruitment::id::Id;
use crate::recruitment::instruments::Refusal;
use crate::sql::QueryBuilder;
use crate::statement::{Operation, Statement};

const LOOK: Statement = Statement::new(Operation::Select, "documents");
/// So much of a file is in memory at once.
const PIECE: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Signed {
    /// Seconds since the epoch.
    expires: i64,
    sig: String,
}

/// Why a content could not be handed out.
#[derive(Debug, thiserror::Error)]
#[error("the content {digest} cannot be read")]
struct NotRead {
    digest: String,
    #[source]
    source: std::io::Error,
}

impl Kind for NotRead {
    fn kind(&self) -> &'static str {
        "NotRead"
    }
}

/// `GET /v1/files/{id}`: the content of a document, for who holds a link to it.
pub(crate) async fn download(
    State(api): State<Api>,
    InPath(id): InPath<Id>,
    InQuery(signed): InQuery<Signed>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let now = api.clock.now();
    let end = Timestamp::from_secs(signed.expires);
    if !api.keyring.is_link(id, signed.expires, &signed.sig) || now >= end {
        api.instruments.refused(Refusal::Signature);
        let detail = "the link is not one of ours, or has expired";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let read = api.look(LOOK, move |connection| {
        Box::pin(async move {
            let mut sql = QueryBuilder::new(SELECT);
            sql.push(" AND documents.id = ").push_bind(id.to_string());
            sql.build_query_as::<Document>()
                .fetch_optional(connection)
                .await
        })
    });
    let document = read.await?.ok_or_else(|| absent("document", id))?;
    answer(&api, &document, &headers, end.since(now).as_secs()).await
}

async fn answer(
    api: &Api,
    document: &Document,
    headers: &HeaderMap,
    good_for: u64,
) -> Result<Response, Problem> {
    let mut known = described(document, good_for);
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let tag = format!("\"{}\"", document.digest);
    if text(IF_NONE_MATCH).is_some_and(|tags| names(tags, &tag)) {
        known.remove(CONTENT_TYPE);
        return Ok((StatusCode::NOT_MODIFIED, known).into_response());
    }
    let size = u64::try_from(document.size).unwrap_or(0);
    let range = text(RANGE).filter(|_| text(IF_RANGE).is_none_or(|given| given == tag));
    let (status, first, length) = match range::read(range, size) {
        Asked::Whole => (StatusCode::OK, 0, size),
        Asked::Part { first, last } => {
            known.insert(
                CONTENT_RANGE,
                written(&format!("bytes {first}-{last}/{size}")),
            );
            (StatusCode::PARTIAL_CONTENT, first, last - first + 1)
        }
        Asked::Beyond => {
            let detail = format!("Range: the content has {size} bytes");
            return Err(Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, detail)
                .header(CONTENT_RANGE, written(&format!("bytes */{size}"))));
        }
    };
    known.insert(CONTENT_LENGTH, length.into());
    let body = body(api, document, first, length).await?;
    Ok((status, known, body).into_response())
}

/// What is told of a content beside itself. It never changes: what changes has another name.
fn described(document: &Document, good_for: u64) -> HeaderMap {
    let extension = Format::named(&document.content_type).map_or("bin", Format::extension);
    let name = format!(
        "attachment; filename=\"{}.{extension}\"",
        document.kind.as_str()
    );
    let kept = format!("private, max-age={good_for}, immutable");
    let headers = [
        (CONTENT_TYPE, written(&document.content_type)),
        (ETAG, written(&format!("\"{}\"", document.digest))),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (CACHE_CONTROL, written(&kept)),
        (CONTENT_DISPOSITION, written(&name)),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    headers.into_iter().collect()
}

fn written(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("it is made of numbers and of names that we chose")
}

/// Whether `If-None-Match` names the tag; a weak one is as good there.
fn names(tags: &str, tag: &str) -> bool {
    let mut tags = tags.split(',').map(str::trim);
    tags.any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

/// The bytes from `first` on, read as the client takes them. A file that is removed meanwhile is
/// read to its end all the same.
async fn body(api: &Api, document: &Document, first: u64, length: u64) -> Result<Body, Problem> {
    let lost = |source| {
        let digest = document.digest.clone();
        Problem::from(Failure::new(NotRead { digest, source }, frame!("body")))
    };
    let digest: Digest = document
        .digest
        .parse()
        .map_err(|what| lost(std::io::Error::other(what)))?;
    let mut file = api.files.open(digest).await.map_err(lost)?;
    file.seek(SeekFrom::Start(first)).await.map_err(lost)?;
    let pieces = stream::try_unfold((file, length), |(mut file, left)| async move {
        let read = piece(&mut file, left).await?;
        Ok::<_, std::io::Error>(read.map(|piece| {
            let left = left - piece.len() as u64;
            (piece, (file, left))
        }))
    });
    Ok(Body::from_stream(pieces))
}

async fn piece(file: &mut File, left: u64) -> std::io::Result<Option<Bytes>> {
    let wanted = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
    if wanted == 0 {
        return Ok(None);
    }
    let mut piece = vec![0; wanted];
    file.read_exact(&mut piece).await?;
    Ok(Some(piece.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others() {
        let check =
            |tags: &str, expected: bool| assert_eq!(names(tags, "\"a\""), expected, "{tags}");
        check("\"a\"", true);
        check("W/\"a\"", true);
        check("\"b\", \"a\"", true);
        check("*", true);
        check("\"b\"", false);
        check("a", false);
    }
}
