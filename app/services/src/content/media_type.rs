use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE};

/// The media type of JSON:API.
pub(crate) const JSON_API: &str = "application/vnd.api+json";

/// Whether a client that sent these `Accept` headers takes a JSON:API document. An instance with
/// parameters other than `profile` does not count (`ext` would name an extension; we have none).
pub(crate) fn is_acceptable(headers: &HeaderMap) -> bool {
    let mut any = false;
    for value in headers.get_all(ACCEPT) {
        any = true;
        // A value that is no text cannot name our type.
        let text = value.to_str().unwrap_or_default();
        if split(text, ',').any(accepts) {
            return true;
        }
    }
    !any
}

/// Whether a request's body may be read: it says that it is JSON:API, and asks for no extension.
pub(crate) fn is_supported(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let (media_type, mut parameters) = parts(value.to_str().unwrap_or_default());
    media_type.eq_ignore_ascii_case(JSON_API)
        && parameters.all(|(name, value)| is_ours(&name, value))
}

/// Profiles may be named, and are not heeded; of extensions we have none, and none may be named.
fn is_ours(name: &str, value: &str) -> bool {
    let uris = value.trim_matches('"').split_ascii_whitespace();
    name == "profile" || (name == "ext" && uris.count() == 0)
}

fn accepts(range: &str) -> bool {
    let (media_type, parameters) = parts(range);
    let (mut refused, mut parametrised) = (false, false);
    for (name, value) in parameters {
        if name == "q" {
            refused = value.parse::<f32>().is_ok_and(|weight| weight <= 0.0);
        } else {
            parametrised |= !is_ours(&name, value);
        }
    }
    let ours = media_type.eq_ignore_ascii_case(JSON_API) && !parametrised;
    !refused && (ours || matches!(media_type, "*/*" | "application/*"))
}

fn parts(text: &str) -> (&str, impl Iterator<Item = (String, &str)>) {
    let mut parts = split(text, ';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let parameters = parts.filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (name.trim().to_ascii_lowercase(), value.trim())
    });
    (media_type, parameters)
}

/// The parts between separators, those within quotation marks apart.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |c| {
        is_quoted ^= c == '"';
        c == separator && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accept(text: &str, expected: bool) {
        let headers = HeaderMap::from_iter([(ACCEPT, text.parse().unwrap())]);
        assert_eq!(is_acceptable(&headers), expected, "{text}");
    }

    fn content_type(text: &str, expected: bool) {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, text.parse().unwrap())]);
        assert_eq!(is_supported(&headers), expected, "{text}");
    }

    #[test]
    fn accept_needs_one_clean_alternative() {
        accept("application/vnd.api+json", true);
        accept("application/vnd.api+json; charset=utf-8", false);
        accept(
            "application/vnd.api+json; charset=utf-8, application/vnd.api+json",
            true,
        );
        accept(
            "application/vnd.api+json;profile=\"https://example.com/x\"",
            true,
        );
        accept(
            "application/vnd.api+json;ext=\"https://example.com/x\"",
            false,
        );
        accept("application/vnd.api+json;ext=\"\"", true);
        accept(
            "application/vnd.api+json;profile=\"https://example.com/a,b;c https://example.com/d\"",
            true,
        );
        accept("text/html, */*;q=0.1", true);
        accept("*/*;q=0", false);
        accept("text/html", false);
        assert!(is_acceptable(&HeaderMap::new()));
    }

    #[test]
    fn a_body_must_be_plain_json_api() {
        content_type("application/vnd.api+json", true);
        content_type("application/vnd.api+json; charset=utf-8", false);
        content_type(
            "application/vnd.api+json; profile=\"https://example.com/x\"",
            true,
        );
        content_type(
            "application/vnd.api+json; ext=\"https://example.com/x\"",
            false,
        );
        content_type("application/json", false);
        assert!(is_supported(&HeaderMap::new()));
    }
}
