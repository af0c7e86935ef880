use axum::extract::{FromRequestParts, RawPathParams};
use http::header::IF_NONE_MATCH;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use crate::content::problem::Problem;

/// Says under which path the client reaches us, for the links.
pub(crate) const FORWARDED_PREFIX: &str = "x-forwarded-prefix";

/// What a request asks for, apart from its route.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The id in the path; empty for a list.
    pub(crate) id: String,
    pub(crate) uri: Uri,
    /// Put before each link.
    pub(crate) prefix: String,
    /// The `If-None-Match` headers: the versions of the answer that the client has.
    pub(crate) known: Vec<HeaderValue>,
}

impl Asked {
    /// As the client asked for it, without the query.
    pub(crate) fn path(&self) -> String {
        format!("{}{}", self.prefix, self.uri.path())
    }

    /// As the client asked for it.
    pub(crate) fn path_and_query(&self) -> String {
        let whole = self.uri.path_and_query();
        let whole = whole.map_or(self.uri.path(), |whole| whole.as_str());
        format!("{}{whole}", self.prefix)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|rejection| {
            let detail = rejection.body_text();
            Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid_path",
                "Invalid path",
                detail,
            )
        })?;
        let known = parts.headers.get_all(IF_NONE_MATCH);
        let id = params.iter().find(|(name, _)| *name == "id");
        Ok(Self {
            id: id.map(|(_, id)| id.to_owned()).unwrap_or_default(),
            uri: parts.uri.clone(),
            prefix: prefix(&parts.headers).to_owned(),
            known: known.into_iter().cloned().collect(),
        })
    }
}

/// A prefix of plain path segments; anything else is not believed.
fn prefix(headers: &HeaderMap) -> &str {
    const LONGEST: usize = 64;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    let is_believed = |value: &&str| {
        value.len() <= LONGEST
            && value.starts_with('/')
            && !value.starts_with("//")
            && value.chars().all(is_plain)
    };
    let value = headers.get(FORWARDED_PREFIX);
    let value = value.and_then(|value| value.to_str().ok());
    value.filter(is_believed).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_is_more_than_a_path_is_not_believed() {
        let check = |value: &str, expected: &str| {
            let value = value.parse().unwrap();
            let name = http::HeaderName::from_static(FORWARDED_PREFIX);
            assert_eq!(prefix(&HeaderMap::from_iter([(name, value)])), expected);
        };
        check("/api", "/api");
        check("/api/v1", "/api/v1");
        check("//evil.example", "");
        check("https://evil.example", "");
        check("/api?x=1", "");
        check(&format!("/{}", "a".repeat(64)), "");
    }
}
