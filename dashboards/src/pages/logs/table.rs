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
    let counts: Vec<u64> = found.rows.iter().map(|row| count(row)).collect();
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let width = pipe
        .starts_with("hist")
        .then(|| bin_width(&found.rows))
        .flatten();
    let row = |(row, count): (&Vec<Value>, &u64)| {
        let values = &row[..fields.min(row.len())];
        let named = found.columns.iter().zip(values);
        let clauses = named.map(|(field, value)| clause(field, value, width));
        let narrowed = clauses.fold(filter.trim().to_owned(), |query, clause| {
            query_text::with(&query, &clause)
        });
        TableRow {
            cells: values.iter().map(|value| cell(value, width)).collect(),
            count: figures::count(*count),
            share: figures::percent(*count as f64 / found.records.max(1) as f64),
            bar: meter(*count as f64 / most as f64),
            href: url.with_query(&narrowed).href(),
        }
    };
    TableView {
        columns: found.columns[..fields].to_vec(),
        rows: found.rows.iter().zip(&counts).map(row).collect(),
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

/// The step between the bins of a histogram: the least difference of two that follow each other.
fn bin_width(rows: &[Vec<Value>]) -> Option<f64> {
    let starts: Vec<f64> = rows
        .iter()
        .filter_map(|row| row.first()?.as_f64())
        .collect();
    let steps = starts.windows(2).map(|pair| pair[1] - pair[0]);
    steps.filter(|step| *step > 0.0).min_by(f64::total_cmp)
}

/// The clause that means the records of one value.
fn clause(field: &str, value: &Value, width: Option<f64>) -> String {
    match (value, width) {
        (Value::Null, _) => format!("-{field}:*"),
        (Value::Number(start), Some(width)) => {
            let end = start.as_f64().unwrap_or_default() + width;
            format!("{field}:[{start} TO {}}}", plain(end))
        }
        (value, _) => query_text::term(field, &text_of(value)),
    }
}

fn cell(value: &Value, width: Option<f64>) -> String {
    match (value, width) {
        (Value::Null, _) => "none".to_owned(),
        (Value::Number(start), Some(width)) => {
            let end = start.as_f64().unwrap_or_default() + width;
            format!("{start} to {}", plain(end))
        }
        (value, _) => {
            let text = text_of(value);
            match figures::cut(&text, 200) {
                (cut, false) => format!("{cut}…"),
                (_, true) => text,
            }
        }
    }
}

/// A sum without the noise of its last digits.
fn plain(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
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
    fn a_bin_leads_to_its_range() {
        let rows = json!([[0, 5], [0.1, 2], [0.4, 3]]);
        let table = shown("| hist d by 0.1", &["d", "count"], &rows);
        assert_eq!(table.rows[1].cells, ["0.1 to 0.2"]);
        assert_eq!(query_of(&table.rows[2]), "d:%5B0.4%20TO%200.5%7D");
    }
}
