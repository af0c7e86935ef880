use axum::extract::FromRequestParts;
use http::header::{ETAG, IF_MATCH};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::problem::Problem;

/// The versions that a change may be made on: what `If-Match` says. A request without it is
/// answered 428, so that nobody overwrites what they have not seen.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum IfMatch {
    Any,
    /// Strong entity tags, as they were written.
    OneOf(Vec<String>),
}

/// The entity tag of a resource's version.
pub(crate) fn entity_tag(version: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).expect("a number is a header value")
}

impl IfMatch {
    /// Answers 412, with the tag that would have been right, unless the resource is at one of the
    /// versions.
    pub(crate) fn check(&self, version: i64) -> Result<(), Problem> {
        let tag = entity_tag(version);
        let matches = match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.iter().any(|given| given.as_bytes() == tag.as_bytes()),
        };
        if matches {
            return Ok(());
        }
        let detail = "it was changed since: read it again, and decide anew";
        Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail).header(ETAG, tag))
    }

    fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let mut tags = Vec::new();
        for header in headers.get_all(IF_MATCH) {
            let text = header.to_str().map_err(|_| malformed())?;
            for tag in text.split(',').map(str::trim) {
                match tag.strip_prefix("W/").unwrap_or(tag) {
                    "*" => return Ok(Self::Any),
                    quoted
                        if quoted.len() >= 2
                            && quoted.starts_with('"')
                            && quoted.ends_with('"') =>
                    {
                        tags.push(tag.to_owned());
                    }
                    _ => return Err(malformed()),
                }
            }
        }
        if tags.is_empty() {
            let detail = "If-Match is needed, with the ETag of what is to be changed";
            return Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, detail));
        }
        Ok(Self::OneOf(tags))
    }
}

fn malformed() -> Problem {
    let detail = "If-Match: expected entity tags such as \"3\", or *";
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::read(&parts.headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: Option<&str>, version: i64, expected: u16) {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert(IF_MATCH, header.parse().unwrap());
        }
        let outcome = IfMatch::read(&headers).and_then(|tags| tags.check(version));
        let status = outcome.map_or_else(|problem| problem.status().as_u16(), |()| 200);
        assert_eq!(status, expected, "{header:?}");
    }

    #[test]
    fn a_change_needs_the_version_that_it_was_made_on() {
        check(Some("\"3\""), 3, 200);
        check(Some("\"2\", \"3\""), 3, 200);
        check(Some("*"), 3, 200);
        check(Some("\"2\""), 3, 412);
        check(Some("W/\"3\""), 3, 412);
        check(Some("3"), 3, 400);
        check(Some("\"3"), 3, 400);
        check(Some("\""), 3, 400);
        check(Some(""), 3, 400);
        check(None, 3, 428);
    }
}
