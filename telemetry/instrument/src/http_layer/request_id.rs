use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::trace_context::random_id;

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id taken from a caller.
const LONGEST: usize = 128;

/// The id of a request, in its extensions: the caller's `x-request-id` or one that we made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The caller's, if there is one that cannot do harm in a header or a log; else a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(X_REQUEST_ID).and_then(|id| id.to_str().ok());
        let given = given.filter(|id| is_harmless(id));
        Self(given.map_or_else(random_id, Arc::from))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_harmless(id: &str) -> bool {
    let allowed = |b: u8| {
        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b'+' | b'=')
    };
    (1..=LONGEST).contains(&id.len()) && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(given: &str, is_taken: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(X_REQUEST_ID, HeaderValue::from_str(given).unwrap());
        assert_eq!(
            RequestId::of(&headers).as_str() == given,
            is_taken,
            "{given}"
        );
    }

    #[test]
    fn a_callers_id_is_taken_if_it_is_harmless() {
        check("7d2f-01", true);
        check("Root=1-5e1b4151-5ac6c58dc39a6f6a2c9a0a4f", true);
        check("", false);
        check("two words", false);
        check("<script>", false);
        check(&"x".repeat(129), false);
        assert_eq!(RequestId::of(&HeaderMap::new()).as_str().len(), 36);
    }
}
