//! What a pipe made of the records: a table whose every number leads to the records it counts.

use serde_json::Value;
use watchfire_logsearch::LogTable;

use super::rows::text_of;
use super::state::LogsUrl;
use crate::charts::{Svg, meter};
use crate::{figures, query_text};

/// A row of the table.
#[derive(Debug, Clone)]
pub(crate) struct TableRow {
    /// One for each field that was asked for.
    pub(crate) cells: Vec<String>,
    pub(crate) count: String,
    /// Of all records of the query.
    pub(crate) share: String,
    /// Of the highest count.
    pub(crate) bar: Svg,
    /// The records that were counted.
    pub(crate) href: String,
}

#[derive(Debug, Clone)]
pub(crate) struct TableView {
    pub(crate) columns: Vec<String>,
    pub(crate) rows: Vec<TableRow>,
    /// The pipe, as it was written.
    pub(crate) pipe: String,
    pub(crate) note: String,
}

pub(super) fn table(found: &LogTable, url: &LogsUrl) -> TableView {
    let fields = found.columns.len().saturating_sub(1);
    let (filter, pipe) = query_text::split_pipe(&url.query);
    let pipe = pipe.trim_start_matches('|').trim();
    let most = found.rows.iter().map(|row| count(row)).max();
    let most = most.unwrap_or(0).max(1);
    let is_hist = pipe.starts_with("hist");
    let row = |(at, row): (usize, &Vec<Value>)| {
        let values = &row[..fields.min(row.len())];
        // The steps of a histogram follow each other without a gap.
        let next = found.rows.get(at + 1).and_then(|row| row.first());
        let step = |value| Step { start: value, next };
        let named = found.columns.iter().zip(values);
        let clauses = named.map(|(field, value)| {
            if is_hist {
                step(value).clause(field)
            } else {
                clause(field, value)
            }
        });
        let narrowed = clauses.fold(filter.trim().to_owned(), |query, clause| {
            query_text::with(&query, &clause)
        });
        let cells = values.iter().map(|value| {
            if is_hist {
                step(value).cell()
            } else {
                cell(value)
            }
        });
        TableRow {
            cells: cells.collect(),
            count: figures::count(count(row)),
            share: figures::percent(count(row) as f64 / found.records.max(1) as f64),
            bar: meter(count(row) as f64 / most as f64),
            href: url.with_query(&narrowed).href(),
        }
    };
    TableView {
        columns: found.columns[..fields].to_vec(),
        rows: found.rows.iter().enumerate().map(row).collect(),
        pipe: pipe.to_owned(),
        note: match found.error {
            0 => String::new(),
            error => format!("each count may be {} too small", figures::count(error)),
        },
    }
}

fn count(row: &[Value]) -> u64 {
    row.last().and_then(Value::as_u64).unwrap_or(0)
}

/// The clause that means the records of one value.
fn clause(field: &str, value: &Value) -> String {
    match value {
        Value::Null => format!("-{field}:*"),
        value => query_text::term(field, &text_of(value)),
    }
}

fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "none".to_owned(),
        value => text_of(value),
    };
    match figures::cut(&text, 200) {
        (cut, false) => format!("{cut}…"),
        (_, true) => text,
    }
}

/// A step of a histogram, up to where the next one begins; the last one has the highest values.
struct Step<'a> {
    start: &'a Value,
    next: Option<&'a Value>,
}

impl Step<'_> {
    fn clause(&self, field: &str) -> String {
        let start = query_text::quoted(&text_of(self.start));
        match self.next {
            Some(next) => format!(
                "{field}:[{start} TO {}}}",
                query_text::quoted(&text_of(next))
            ),
            None => format!("{field}:>={start}"),
        }
    }

    fn cell(&self) -> String {
        let start = text_of(self.start);
        match self.next {
            Some(next) => format!("{start} to {}", text_of(next)),
            None => format!("{start} and more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use watchfire_logsearch::Explain;
    use watchfire_schemas::TimeRange;

    use super::*;
    use crate::range::Asked;

    fn shown(query: &str, columns: &[&str], rows: &Value) -> TableView {
        let rows = rows.as_array().unwrap().iter();
        let found = LogTable {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: rows.map(|row| row.as_array().unwrap().clone()).collect(),
            records: 10,
            error: 0,
            partial: false,
            took: Duration::ZERO,
            explain: Explain::default(),
            hints: Vec::new(),
        };
        table(
            &found,
            &LogsUrl::new(query, Asked::absolute(TimeRange::ALL)),
        )
    }

    fn query_of(row: &TableRow) -> &str {
        let query = row.href.split("q=").nth(1).unwrap();
        query.split('&').next().unwrap()
    }

    #[test]
    fn every_count_leads_to_its_records() {
        let rows = json!([["a b", true, 6], [null, 5, 3]]);
        let table = shown("x | count by f, g", &["f", "g", "count"], &rows);
        assert_eq!(table.columns, ["f", "g"]);
        assert_eq!(query_of(&table.rows[0]), "x%20f:%22a%20b%22%20g:true");
        assert_eq!(query_of(&table.rows[1]), "x%20-f:%2A%20g:5");
        assert_eq!(
            (
                table.rows[0].share.as_str(),
                table.rows[1].cells[0].as_str()
            ),
            ("60 %", "none")
        );
    }

    #[test]
    fn a_step_leads_to_its_range() {
        let rows = json!([[0, 5], [0.1, 2], [0.2, 3]]);
        let table = shown("| hist d by 0.1", &["d", "count"], &rows);
        assert_eq!(table.rows[1].cells, ["0.1 to 0.2"]);
        assert_eq!(query_of(&table.rows[1]), "d:%5B0.1%20TO%200.2%7D");
        assert_eq!(query_of(&table.rows[2]), "d:%3E%3D0.2");
        let rows = json!([["2026-11-22T05:00:00Z", 5], ["2026-11-22T06:00:00Z", 1]]);
        let table = shown("| hist timestamp", &["timestamp", "count"], &rows);
        assert!(query_of(&table.rows[0]).contains("%5B%222026-11-22T05:00:00Z%22%20TO"));
    }
}
