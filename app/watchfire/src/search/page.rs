use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use watchfire_schemas::Timestamp;

use crate::api::{Api, ApiError};

/// The most records that the API gives at once.
const MOST: u64 = 1_000;

/// One answer of `/api/v1/logs`.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    pub(super) records: Vec<Box<RawValue>>,
    /// What a pipe makes of the records.
    #[serde(default)]
    pub(super) table: Option<Table>,
    pub(super) total: u64,
    pub(super) total_is_exact: bool,
    pub(super) next: Option<String>,
    pub(super) partial: bool,
    #[serde(default)]
    pub(super) hints: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Table {
    pub(super) columns: Vec<String>,
    pub(super) rows: Vec<Vec<Value>>,
}

/// The pages of a search, newest first.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    api: &'a Api,
    query: &'a str,
    start: String,
    end: Option<String>,
    cursor: Option<String>,
    ended: bool,
}

impl<'a> Pages<'a> {
    pub(super) fn new(
        api: &'a Api,
        query: &'a str,
        start: Timestamp,
        end: Option<Timestamp>,
    ) -> Self {
        Self {
            api,
            query,
            start: start.to_string(),
            end: end.map(|end| end.to_string()),
            cursor: None,
            ended: false,
        }
    }

    /// The next page, of at most `wanted` records.
    pub(super) async fn next(&mut self, wanted: u64) -> Result<Option<Page>, ApiError> {
        if self.ended {
            return Ok(None);
        }
        let limit = wanted.min(MOST).to_string();
        let mut parameters = vec![
            ("q", self.query),
            ("start", self.start.as_str()),
            ("limit", limit.as_str()),
        ];
        if let Some(end) = &self.end {
            parameters.push(("end", end));
        }
        if let Some(cursor) = &self.cursor {
            parameters.push(("cursor", cursor));
        }
        let page: Page = self.api.get("/api/v1/logs", &parameters).await?;
        self.cursor.clone_from(&page.next);
        self.ended = page.next.is_none();
        Ok(Some(page))
    }
}
