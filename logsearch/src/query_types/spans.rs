use std::time::Duration;

use watchfire_schemas::{RecordId, Span, TimeRange};

use crate::row::Position;

/// A search for spans, newest first. The query language is the same.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanSearch {
    /// In the query language; empty for everything, of one with a pipe what stands before it.
    pub query: String,
    /// When the spans began.
    pub range: TimeRange,
    /// How many spans a page has at most; 10,000 if it is more.
    pub limit: usize,
    /// As given by the page before.
    pub cursor: Option<String>,
    /// How long the search may take; what is found until then is the answer.
    pub deadline: Duration,
}

/// An answer to [`SpanSearch`].
#[derive(Debug, Clone, PartialEq)]
pub struct SpanPage {
    /// Newest first, by their start.
    pub spans: Vec<(RecordId, Span)>,
    /// How many spans the query has in its range, whatever the cursor.
    pub total: u64,
    /// Whether there was time to count all of them; otherwise there are at least so many.
    pub total_is_exact: bool,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
    /// Whether the deadline cut the answer short.
    pub partial: bool,
    /// How long it took.
    pub took: Duration,
    /// "did you mean", where a field is unknown or a value can mean nothing.
    pub hints: Vec<String>,
}

impl SpanPage {
    /// The cursor of what follows the span at `index` of the page, for who shows a part of it.
    pub fn cursor_after(&self, index: usize) -> Option<String> {
        let (id, span) = self.spans.get(index)?;
        let position = Position {
            time: span.start.nanos(),
            id: id.as_u64(),
        };
        Some(position.to_cursor())
    }
}
