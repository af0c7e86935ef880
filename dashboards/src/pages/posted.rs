//! What forms send: an action by somebody with a name, answered by a redirect to the page.

use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, HeaderValue, header};
use watchfire_alerts::GroupStatus;

use crate::params::BadParam;
use crate::url;

const COOKIE: &str = "watchfire_name";

/// A group's state by its name.
pub(crate) fn group_status(name: &str) -> Result<GroupStatus, BadParam> {
    match name {
        "open" => Ok(GroupStatus::Open),
        "resolved" => Ok(GroupStatus::Resolved),
        "ignored" => Ok(GroupStatus::Ignored),
        "archived" => Ok(GroupStatus::Archived),
        _ => Err(BadParam::new(
            "status",
            "expected open, resolved, ignored or archived",
        )),
    }
}

/// A text that must be there and not be too long.
pub(crate) fn required<'a>(
    name: &'static str,
    text: &'a str,
    most: usize,
) -> Result<&'a str, BadParam> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(BadParam::new(name, "is required")),
        length if length > most => Err(BadParam::new(
            name,
            format!("is longer than {most} characters"),
        )),
        _ => Ok(text),
    }
}

/// Back to the page, with the name remembered for the next form.
pub(crate) fn back(path: &str, who: &str) -> Response {
    let mut response = Redirect::to(path).into_response();
    let cookie = format!(
        "{COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Strict; HttpOnly",
        url::encode(who)
    );
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// The name that the reader last acted under; a convenience, not an identity.
pub(crate) fn remembered_name(headers: &HeaderMap) -> String {
    let cookies = headers
        .get(header::COOKIE)
        .and_then(|value| value.to_str().ok());
    cookies
        .unwrap_or_default()
        .split("; ")
        .find_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('='))
        .map(decode)
        .unwrap_or_default()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let pair = tail
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_its_cookie() {
        let response = back("/incidents/1", "Zoë \"Z\"; x");
        assert_eq!(response.status(), http::StatusCode::SEE_OTHER);
        let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
        let sent = format!("other=1; {}", cookie.split(';').next().unwrap());
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, sent.parse().unwrap());
        assert_eq!(remembered_name(&headers), "Zoë \"Z\"; x");
        assert_eq!(remembered_name(&HeaderMap::new()), "");
        assert_eq!(decode("%zz%4"), "%zz%4");
    }

    #[test]
    fn a_missing_text_is_named() {
        assert_eq!(required("who", "  ", 10).unwrap_err().name, "who");
        assert_eq!(required("who", " ab ", 10), Ok("ab"));
        assert!(required("who", "abc", 2).is_err());
    }
}
