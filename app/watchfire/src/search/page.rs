use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use watchfire_schemas::Timestamp;

use crate::api::{Api, ApiError};

/// The most records that the API gives at once.
const MOST: u64 = 1_000;

/// One answer of `/api/v1/logs`.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) records: Vec<Box<RawValue>>,
    /// What a pipe makes of the records.
    #[serde(default)]
    pub(crate) table: Option<Table>,
    pub(crate) total: u64,
    pub(crate) total_is_exact: bool,
    pub(crate) next: Option<String>,
    pub(crate) partial: bool,
    #[serde(default)]
    pub(crate) hints: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Table {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
}

/// The pages of a search, newest first.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    api: &'a Api,
    query: &'a str,
    start: String,
    end: Option<String>,
    cursor: Option<String>,
    ended: bool,
}

impl<'a> Pages<'a> {
    pub(crate) fn new(
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
    pub(crate) async fn next(&mut self, wanted: u64) -> Result<Option<Page>, ApiError> {
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
