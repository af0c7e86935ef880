//! Records as dense rows: time, severity, service, chosen columns, message.

use std::time::Duration;

use serde_json::Value;
use watchfire_logsearch::FoundLog;
use watchfire_schemas::{LogRecord, RecordId};

use super::highlight::{Needles, Piece};
use super::state::LogsUrl;
use crate::figures::{self, When};
use crate::pages::log_view::{LogContext, LogView, log_view, one_line};

/// Characters of a column's value in a row.
const CELL: usize = 60;

/// One record as a row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: String,
    /// Unfolds the row, or folds it again.
    pub(crate) href: String,
    pub(crate) time: When,
    pub(crate) severity: &'static str,
    pub(crate) service: String,
    pub(crate) cells: Vec<String>,
    /// The first line of the message.
    pub(crate) pieces: Vec<Piece>,
    /// The type of the exception that it tells of.
    pub(crate) exception: String,
    /// All of it, if it is unfolded.
    pub(crate) body: Option<LogView>,
    /// It is the one that the others stand around.
    pub(crate) is_middle: bool,
}

/// A column of the list.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The list without it.
    pub(crate) without: String,
}

/// Rows, and what they have in common.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    pub(crate) rows: Vec<Row>,
    pub(crate) columns: Vec<Column>,
    /// The range is so long that a time needs its day.
    pub(crate) is_dated: bool,
    /// Words of the query, for what the script adds.
    pub(crate) words: String,
}

impl Lines {
    /// The names of the columns as the script reads them.
    pub(crate) fn column_names(&self) -> String {
        let names = self.columns.iter().map(|column| column.name.as_str());
        names.collect::<Vec<_>>().join(",")
    }
}

/// The rows of a list. One of them may be unfolded.
pub(super) fn lines(records: &[FoundLog], url: &LogsUrl) -> Lines {
    let context = LogContext::within(url);
    let style = Style::of(url);
    let row = |found: &FoundLog| {
        let is_open = url.open == Some(found.id);
        let href = if is_open {
            url.folded()
        } else {
            url.unfolding(found.id)
        };
        let body = is_open.then(|| log_view(found, &context));
        style.row(found, href, body)
    };
    style.lines(records.iter().map(row).collect(), url)
}

/// Rows around one, which is unfolded, oldest first. `link` leads to the same around another.
pub(super) fn lines_around(
    records: &[FoundLog],
    middle: RecordId,
    body: LogView,
    url: &LogsUrl,
    link: &dyn Fn(RecordId) -> String,
) -> Lines {
    let style = Style::of(url);
    let mut body = Some(body);
    let row = |found: &FoundLog| {
        let is_middle = found.id == middle;
        let body = if is_middle { body.take() } else { None };
        Row {
            is_middle,
            ..style.row(found, link(found.id), body)
        }
    };
    style.lines(records.iter().map(row).collect(), url)
}

/// How the rows of a list are written.
struct Style<'a> {
    needles: Needles,
    columns: &'a [String],
    is_dated: bool,
}

impl<'a> Style<'a> {
    fn of(url: &'a LogsUrl) -> Self {
        Self {
            needles: Needles::of(&url.query),
            columns: &url.columns,
            is_dated: url.asked.length() > Duration::from_hours(24),
        }
    }

    fn row(&self, found: &FoundLog, href: String, body: Option<LogView>) -> Row {
        let record = &found.record;
        let time = if self.is_dated {
            When::dated_millis(record.timestamp)
        } else {
            When::millis(record.timestamp)
        };
        let exception = record.exception.as_ref();
        Row {
            id: found.id.to_string(),
            href,
            time,
            severity: record.severity.as_str(),
            service: record.service.clone(),
            cells: self.columns.iter().map(|name| cell(record, name)).collect(),
            pieces: self.needles.cut(&one_line(&record.message)),
            exception: exception.map_or_else(String::new, |exception| {
                figures::cut(&exception.kind, CELL).0.to_owned()
            }),
            body,
            is_middle: false,
        }
    }

    fn lines(&self, rows: Vec<Row>, url: &LogsUrl) -> Lines {
        let column = |name: &String| Column {
            name: name.clone(),
            without: url.with_column_turned(name).href(),
        };
        Lines {
            rows,
            columns: self.columns.iter().map(column).collect(),
            is_dated: self.is_dated,
            words: self.needles.single_words(),
        }
    }
}

/// What a record has in a column; nothing if it has not the field.
fn cell(record: &LogRecord, name: &str) -> String {
    let exception = record.exception.as_ref();
    let text = match name.trim_start_matches('@') {
        "service" | "service.name" => Some(record.service.clone()),
        "severity" => Some(record.severity.as_str().to_owned()),
        "message" => Some(one_line(&record.message)),
        "event_name" => record.event_name.clone(),
        "trace_id" => record.trace_id.map(|id| id.to_string()),
        "span_id" => record.span_id.map(|id| id.to_string()),
        "exception.type" => exception.map(|exception| exception.kind.clone()),
        "exception.message" => exception.map(|exception| one_line(&exception.message)),
        "exception_group" => record.exception_group.clone(),
        "pattern_id" => record.pattern_id.clone(),
        other => record.attributes.get(other).map(text_of),
    };
    let text = text.unwrap_or_default();
    match figures::cut(&text, CELL) {
        (cut, false) => format!("{cut}…"),
        (_, true) => text,
    }
}

/// A value as a person reads it.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::samples;
    use crate::params::Params;

    #[test]
    fn a_row_has_its_columns_and_one_is_unfolded() {
        let page = samples::log_page();
        let id = page.records[2].id;
        let asked = format!("q=tile&cols=http.route,nothing&open={id}");
        let url = LogsUrl::from_params(&Params::parse(&asked), samples::now()).unwrap();
        let lines = lines(&page.records, &url);
        assert_eq!(lines.rows[0].cells, ["/places/nearby", ""]);
        assert_eq!(lines.column_names(), "http.route,nothing");
        assert!(lines.rows[0].pieces.iter().any(|piece| piece.is_match));
        let open: Vec<bool> = lines.rows.iter().map(|row| row.body.is_some()).collect();
        assert_eq!(open.iter().filter(|open| **open).count(), 1);
        assert!(open[2] && !lines.rows[2].href.contains("open="));
        assert!(
            lines.rows[1]
                .href
                .contains(&format!("#r-{}", page.records[1].id))
        );
    }
}
