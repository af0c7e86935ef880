use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;

use crate::problem::Problem;

const DEFAULT: u32 = 50;
const MOST: u32 = 200;

/// How many entries a page is to have.
pub(super) fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    let limit = asked.unwrap_or(DEFAULT);
    let detail = format!("the parameter limit must be from 1 to {MOST}");
    let refused = || Problem::new(StatusCode::BAD_REQUEST, detail);
    (1..=MOST)
        .contains(&limit)
        .then_some(limit)
        .ok_or_else(refused)
}

/// Where the next page begins, for the client to give back as it is.
pub(super) fn cursor(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

pub(super) fn read_cursor(cursor: &str) -> Result<String, Problem> {
    let refused = || {
        let detail = "the parameter cursor must be one that a page gave as next";
        Problem::new(StatusCode::BAD_REQUEST, detail)
    };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    String::from_utf8(bytes).map_err(|_| refused())
}
