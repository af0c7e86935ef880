use http::HeaderMap;
use http::header::IF_NONE_MATCH;

/// What a client holds: the version that it has reached. It is weak, since the time of the next
/// sync in an answer is not part of it.
pub(crate) fn etag(epoch: &str, reached: u64) -> String {
    format!("W/\"{epoch}.{reached}\"")
}

/// Whether the client holds `etag` already.
pub(crate) fn is_held(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
    let held = opaque(etag);
    let values = headers.get_all(IF_NONE_MATCH).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || opaque(tag) == held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        let check = |asked: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, asked.parse().unwrap());
            assert_eq!(is_held(&headers, &etag("e1", 7)), expected, "{asked}");
        };
        check("W/\"e1.7\"", true);
        check("\"e1.7\"", true);
        check("\"x\", W/\"e1.7\"", true);
        check("*", true);
        check("W/\"e1.77\"", false);
        check("W/\"e2.7\"", false);
        check("", false);
        assert!(!is_held(&HeaderMap::new(), &etag("e1", 7)));
    }
}
