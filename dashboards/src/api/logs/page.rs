use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use watchfire_logsearch::{Explain, FoundLog, LogPage, LogTable, QueryPlan};

/// A page of records, or the table that a pipe makes of them. Each record is its own canonical line
/// with its id put first.
#[derive(Debug, Serialize)]
pub(in crate::api) struct PageOfRecords {
    records: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<Table>,
    total: u64,
    total_is_exact: bool,
    next: Option<String>,
    partial: bool,
    took_ms: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<Value>,
}

#[derive(Debug, Serialize)]
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
    /// By how much each count may be too small.
    count_error: u64,
}

impl From<LogPage> for PageOfRecords {
    fn from(page: LogPage) -> Self {
        Self {
            records: page.records.iter().map(line_with_id).collect(),
            table: None,
            total: page.total,
            total_is_exact: page.total_is_exact,
            next: page.next,
            partial: page.partial,
            took_ms: millis(page.took),
            hints: page.hints,
            explain: None,
        }
    }
}

impl From<LogTable> for PageOfRecords {
    fn from(table: LogTable) -> Self {
        Self {
            records: Vec::new(),
            table: Some(Table {
                columns: table.columns,
                rows: table.rows,
                count_error: table.error,
            }),
            total: table.records,
            total_is_exact: !table.partial,
            next: None,
            partial: table.partial,
            took_ms: millis(table.took),
            hints: table.hints,
            explain: None,
        }
    }
}

impl PageOfRecords {
    /// The same with how it came about: what [`Explain`] says, and the query as it was understood.
    pub(super) fn explained(self, mut explain: Explain, plan: QueryPlan) -> Self {
        explain.clauses = plan.clauses;
        let mut told = json!(explain);
        told["query"] = plan.query.into();
        told["pipe"] = plan.pipe.into();
        told["took_ms"] = self.took_ms.into();
        Self {
            explain: Some(told),
            ..self
        }
    }
}

pub(crate) fn line_with_id(found: &FoundLog) -> Box<RawValue> {
    let line = found.record.to_line();
    let line = format!("{{\"id\":\"{}\",{}", found.id, &line[1..]);
    RawValue::from_string(line).expect("a canonical line is a JSON object that is not empty")
}

/// To the microsecond.
fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}
