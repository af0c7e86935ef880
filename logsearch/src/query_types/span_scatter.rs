use std::time::Duration;

use watchfire_schemas::{SpanId, TimeRange, Timestamp, TraceId};

/// A search for when spans began and how long they took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanScatterSearch {
    /// In the query language; of one with a pipe, what stands before it.
    pub query: String,
    /// When the spans began.
    pub range: TimeRange,
    /// How many steps of time; from 1 to 1,000.
    pub columns: usize,
    /// How many steps of duration; from 1 to 200.
    pub rows: usize,
    /// How many of the slowest are told one by one, and how many of the slowest that failed.
    pub outliers: usize,
    /// How long it may take; what is counted until then is the answer.
    pub deadline: Duration,
}

/// Spans by their start and, in steps that grow by a factor, their duration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanScatter {
    /// The times that are drawn: those that were asked for.
    pub range: Option<TimeRange>,
    /// The least and the greatest duration that is drawn: 1, 2 or 5 times a power of ten, around all
    /// that were found. Both zero where there is no span.
    pub durations: (Duration, Duration),
    /// How many steps of time.
    pub columns: usize,
    /// How many steps of duration.
    pub rows: usize,
    /// Those with a span in them, by column, then by row.
    pub cells: Vec<ScatterCell>,
    /// The slowest first.
    pub outliers: Vec<SpanOutlier>,
    /// How many spans the query means.
    pub total: u64,
    /// Whether the deadline cut the answer short; the newest spans are looked at first.
    pub partial: bool,
    /// How long it took.
    pub took: Duration,
    /// "did you mean", where a field is unknown.
    pub hints: Vec<String>,
}

/// The spans of one step of time and of duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScatterCell {
    /// From 0, the earliest.
    pub column: u32,
    /// From 0, the shortest.
    pub row: u32,
    /// How many.
    pub spans: u64,
    /// How many of them have the status of an error.
    pub errors: u64,
    /// One of them: a failed one if there is any, and of those the slowest.
    pub example: (TraceId, SpanId),
}

/// A span that stands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanOutlier {
    /// Its trace.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// When it began.
    pub start: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// Whether its status is an error.
    pub is_error: bool,
    /// Who emitted it.
    pub service: String,
    /// The operation.
    pub name: String,
}

impl SpanScatter {
    /// When the spans of a column began: the start is inside, the end is not.
    pub fn column_times(&self, column: u32) -> Option<TimeRange> {
        let range = self.range?;
        let at = |column: u32| Timestamp::from_nanos(column_edge(range, self.columns, column));
        Some(TimeRange {
            start: at(column),
            end: at(column.saturating_add(1)),
        })
    }

    /// How long the spans of a row took: the least is inside, the greatest is not. The first row
    /// begins at zero.
    pub fn row_durations(&self, row: u32) -> (Duration, Duration) {
        let edge = |row: u32| Duration::from_nanos(row_edge(self.durations, self.rows, row));
        let least = if row == 0 { Duration::ZERO } else { edge(row) };
        (least, edge(row.saturating_add(1)))
    }
}

/// Where a column begins, in nanoseconds.
pub(crate) fn column_edge(range: TimeRange, columns: usize, column: u32) -> i64 {
    let (start, end) = (
        i128::from(range.start.nanos()),
        i128::from(range.end.nanos()),
    );
    let columns = (columns.max(1)) as i128;
    let column = i128::from(column).min(columns);
    // Rounded up, so that it is the first time of which the column number comes out.
    let offset = ((end - start).max(0) * column + columns - 1) / columns;
    i64::try_from(start + offset).unwrap_or(i64::MAX)
}

/// Where a row begins, in nanoseconds.
pub(crate) fn row_edge(durations: (Duration, Duration), rows: usize, row: u32) -> u64 {
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let (least, greatest) = (nanos(durations.0), nanos(durations.1));
    if least == 0 || row == 0 {
        return least;
    }
    if row as usize >= rows {
        return greatest;
    }
    let share = f64::from(row) / rows as f64;
    let factor = (greatest as f64 / least as f64).powf(share);
    ((least as f64 * factor).round() as u64).clamp(least, greatest)
}
