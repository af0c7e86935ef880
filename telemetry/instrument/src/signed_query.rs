use std::borrow::Cow;

/// Parameters that hold a signature, with which alone an address opens something: those that the
/// semantic conventions of `url.query` and `url.full` name.
const SIGNATURES: [&str; 4] = ["AWSAccessKeyId", "Signature", "X-Goog-Signature", "sig"];
/// Parameters that hold a credential, by their usual names.
const CREDENTIALS: [&str; 6] = [
    "access_token",
    "api_key",
    "apikey",
    "client_secret",
    "password",
    "token",
];
const REDACTED: &str = "REDACTED";

/// The query without its signatures and credentials, which must never be told.
pub(crate) fn without_signatures(query: &str) -> Cow<'_, str> {
    let is_signature = |pair: &str| {
        let name = pair.split('=').next().unwrap_or(pair);
        let is_usual = |known: &&str| known.eq_ignore_ascii_case(name);
        SIGNATURES.contains(&name) || CREDENTIALS.iter().any(is_usual)
    };
    if !query.split('&').any(is_signature) {
        return Cow::Borrowed(query);
    }
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_signature(pair) => format!("{name}={REDACTED}"),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: &str) {
        assert_eq!(without_signatures(query), expected);
    }

    #[test]
    fn signatures_are_not_told() {
        check("page=2&sort=sig", "page=2&sort=sig");
        check("expires=7&sig=a-b_c", "expires=7&sig=REDACTED");
        check(
            "Signature=x&sig=y&a=b",
            "Signature=REDACTED&sig=REDACTED&a=b",
        );
        check(
            "a=token&token=x&API_KEY=y",
            "a=token&token=REDACTED&API_KEY=REDACTED",
        );
        check("sig", "sig");
        check("", "");
    }
}
