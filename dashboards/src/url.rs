//! Links: percent-encoding and query strings. All state of a page is in its URL.

use std::fmt::Write;

/// A text as it stands in a path segment or a query value.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b':' | b',' => {
                out.push(char::from(byte));
            }
            _ => write!(out, "%{byte:02X}").expect("writing to memory does not fail"),
        }
    }
    out
}

/// A path with those parameters whose value is not empty.
pub(crate) fn link(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut out = path.to_owned();
    let mut separator = '?';
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        write!(out, "{separator}{name}={}", encode(value))
            .expect("writing to memory does not fail");
        separator = '&';
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_and_empty_ones_left_out() {
        assert_eq!(
            link(
                "/logs",
                &[("q", "a:\"b c\"&d=ü"), ("x", ""), ("last", "1h")]
            ),
            "/logs?q=a:%22b%20c%22%26d%3D%C3%BC&last=1h"
        );
        assert_eq!(link("/", &[("q", "")]), "/");
    }
}
