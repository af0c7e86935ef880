use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use http::{HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use crate::content::answer::Refusal;
use crate::content::asked::Asked;
use crate::content::media_type::JSON_API;
use crate::content::problem::Problem;
use crate::database::StoreError;

/// How long an answer may be kept without asking again. The sources are read every 15 s: a cache
/// adds a fraction of what the way here takes anyway.
const FRESH: HeaderValue = HeaderValue::from_static("public, max-age=2");

/// A document, or that the client has it already, or why there is none. This is the one place
/// where failures of requests are written down.
pub(crate) fn reply(outcome: Result<Vec<u8>, Refusal>, asked: &Asked) -> Response {
    let failure = match outcome {
        Ok(document) => return found(document, asked),
        Err(Refusal::Problem(problem)) => return problem.into_response(),
        Err(Refusal::Failure(failure)) if failure.kind() == StoreError::UNSTORABLE => {
            let detail = "a value holds the character U+0000";
            let title = "Bad request";
            return Problem::new(StatusCode::BAD_REQUEST, "bad_request", title, detail)
                .into_response();
        }
        Err(Refusal::Failure(failure)) => failure,
    };
    failure.report(format_args!("request for {} failed", asked.uri.path()));
    let problem = if failure.is::<StoreError>() {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Unavailable",
            "the content database does not answer",
        )
    } else {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error",
            "the request could not be answered",
        )
    };
    problem.into_response()
}

fn found(document: Vec<u8>, asked: &Asked) -> Response {
    let tag = tag(&document);
    let is_known = asked.known.iter().any(|known| names(known, &tag));
    let caching = [(CACHE_CONTROL, FRESH), (ETAG, tag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, caching).into_response();
    }
    let content_type = (CONTENT_TYPE, HeaderValue::from_static(JSON_API));
    (caching, [content_type], document).into_response()
}

/// The entity tag: the same for the same bytes, whichever instance wrote them.
fn tag(document: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(document);
    let tag = format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&digest[..16]));
    HeaderValue::from_str(&tag).expect("base64 is plain text")
}

/// Whether `If-None-Match` names this tag, or any. It is compared weakly, as RFC 9110 has it.
fn names(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let Ok(known) = known.to_str() else {
        return false;
    };
    let strong = |one: &str| one.trim().trim_start_matches("W/").to_owned();
    known.split(',').any(|one| {
        let one = strong(one);
        one == "*" || one.as_bytes() == tag.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_the_client_has_is_known_by_its_tag() {
        let ours = tag(b"{}");
        let text = ours.to_str().unwrap();
        let check = |known: &str, expected: bool| {
            assert_eq!(names(&known.parse().unwrap(), &ours), expected, "{known}");
        };
        check(text, true);
        check(&format!("W/{text}"), true);
        check(&format!("\"other\", {text}"), true);
        check("*", true);
        check("\"other\"", false);
        check("", false);
        assert_ne!(tag(b"{}"), tag(b"[]"));
    }
}
