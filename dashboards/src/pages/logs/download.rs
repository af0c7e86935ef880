//! The records of a query as NDJSON, newest first, written as they are read.

use axum::body::Body;
use axum::response::Response;
use futures_util::stream;
use http::{HeaderValue, header};
use watchfire_logsearch::{FoundLog, LogPage, QueryError};

use super::state::LogsUrl;
use crate::pages::Fault;
use crate::{Console, ask, query_text};

/// Records of one download; more is for `watchfire search`.
const MOST: usize = 100_000;
/// Records held in memory at a time.
const AT_ONCE: usize = 2_000;

/// Where a download stands.
struct Reading {
    console: Console,
    url: LogsUrl,
    left: usize,
    /// The page read last; the first is read before anything is answered, so that a query that
    /// cannot be read is an error and no half file.
    page: Option<LogPage>,
}

pub(super) async fn answer(console: Console, mut url: LogsUrl) -> Result<Response, Fault> {
    url.query = query_text::split_pipe(&url.query).0.trim().to_owned();
    let page = read(&console, &url, None).await.map_err(Fault::Events)?;
    let name = format!(
        "logs-{}.ndjson",
        url.asked.range.end.nanos() / 1_000_000_000
    );
    let reading = Reading {
        console,
        url,
        left: MOST,
        page: Some(page),
    };
    let body = Body::from_stream(stream::try_unfold(reading, step));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    headers.insert(
        header::CONTENT_DISPOSITION,
        disposition.expect("a name of digits is a header's value"),
    );
    Ok(response)
}

/// The lines of a page, and the page after it.
async fn step(mut reading: Reading) -> Result<Option<(Vec<u8>, Reading)>, QueryError> {
    let Some(page) = reading.page.take() else {
        return Ok(None);
    };
    let lines = lines(page.records.iter().take(reading.left));
    reading.left = reading.left.saturating_sub(page.records.len());
    if let Some(cursor) = page.next.as_deref().filter(|_| reading.left > 0) {
        reading.page = Some(read(&reading.console, &reading.url, Some(cursor)).await?);
    }
    Ok(Some((lines, reading)))
}

async fn read(
    console: &Console,
    url: &LogsUrl,
    cursor: Option<&str>,
) -> Result<LogPage, QueryError> {
    ask::logs(console, &url.query, url.asked.range, AT_ONCE, cursor).await
}

/// Each record's own line with its id put first.
pub(super) fn lines<'a>(records: impl Iterator<Item = &'a FoundLog>) -> Vec<u8> {
    let mut out = Vec::new();
    for found in records {
        out.extend_from_slice(crate::api::line_with_id(found).get().as_bytes());
        out.push(b'\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;

    #[test]
    fn a_record_is_a_line() {
        let page = samples::log_page();
        let text = String::from_utf8(lines(page.records.iter().take(3))).unwrap();
        let read: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(read.len(), 3);
        assert_eq!(read[0]["id"], page.records[0].id.to_string());
    }
}
