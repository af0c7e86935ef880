//! What a pipe makes of the records of a query.

mod axis;
mod count;
mod hist;
mod steps;
mod time;

use std::sync::Arc;

use serde_json::Value;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::fields::Dataset;
use crate::filter::hint_at;
use crate::plan::clauses;
use crate::queries::{meant, parsed};
use crate::query::Pipe;
use crate::query_types::{Explain, LogTable, LogTableSearch, QueryError};
use crate::row_values::ValuesOf;
use crate::scope::Scope;
use crate::store::EventStore;
use crate::top_values::free_text;
use crate::watch::Watch;

/// A table is no longer than this.
const MAX_ROWS: usize = 10_000;
/// How many values `top` gives if it does not say.
const TOP: usize = 10;

impl EventStore {
    /// Answers a query that ends in a pipe; one without a pipe is counted.
    pub async fn log_table(
        self: &Arc<Self>,
        search: LogTableSearch,
    ) -> Result<LogTable, QueryError> {
        let allowed = search.deadline;
        self.ask("log_table", allowed, move |store, watch| {
            table(store.logs.as_ref(), &search, watch)
        })
        .await
    }

    /// The same of spans.
    pub async fn span_table(
        self: &Arc<Self>,
        search: LogTableSearch,
    ) -> Result<LogTable, QueryError> {
        let allowed = search.deadline;
        self.ask("span_table", allowed, move |store, watch| {
            table(store.spans.as_ref(), &search, watch)
        })
        .await
    }
}

fn table<D: Dataset>(
    engine: &Engine<D>,
    search: &LogTableSearch,
    watch: &Watch,
) -> Result<LogTable, QueryError> {
    let started = Instant::now();
    let query = parsed(&search.query)?;
    let (filter, mut hints) = meant(&query.filter, engine)?;
    let pipe = query.pipe.unwrap_or(Pipe::Count(Vec::new()));
    for field in pipe.fields() {
        hints.extend(hint_at::<D>(field, engine));
    }
    let scope = Scope {
        snapshot: &engine.snapshot(),
        filter: &filter,
        range: search.range,
        watch,
    };
    let mut explain = Explain {
        clauses: clauses::<D>(&query.filter),
        ..Explain::default()
    };
    let limit = search.limit.clamp(1, MAX_ROWS);
    let made = make(&scope, &pipe, limit, &mut explain).map_err(QueryError::Store)?;
    hints.extend(made.hints);
    let columns = pipe.fields().iter().map(String::as_str).chain(["count"]);
    Ok(LogTable {
        columns: columns.map(str::to_owned).collect(),
        rows: made.rows,
        records: made.records,
        error: made.error,
        partial: made.partial,
        took: started.elapsed(),
        explain,
        hints,
    })
}

/// The rows of a table and how it came to them.
#[derive(Debug, Default)]
struct Made {
    rows: Vec<Vec<Value>>,
    records: u64,
    error: u64,
    partial: bool,
    hints: Vec<String>,
}

fn make<D: Dataset>(
    scope: &Scope<'_, D>,
    pipe: &Pipe,
    limit: usize,
    explain: &mut Explain,
) -> std::io::Result<Made> {
    let of: Vec<_> = pipe
        .fields()
        .iter()
        .map(|field| ValuesOf::named::<D>(field))
        .collect();
    let texts = pipe.fields().iter().zip(&of);
    let texts: Vec<_> = texts
        .filter(|(_, of)| of.is_text::<D>())
        .map(|(field, _)| free_text(field))
        .collect();
    if !texts.is_empty() {
        // How many there are can be told all the same.
        let counted = count::count(scope, &[], limit, explain)?;
        return Ok(Made {
            rows: Vec::new(),
            hints: texts,
            ..counted
        });
    }
    match pipe {
        Pipe::Count(_) => count::count(scope, &of, limit, explain),
        Pipe::Top { most, .. } => {
            let most = most.unwrap_or(TOP).min(limit);
            count::top(scope, &of, most, explain)
        }
        Pipe::Hist { step, .. } if time::is_time::<D>(&of[0]) => {
            time::time(scope, *step, limit, explain)
        }
        Pipe::Hist { field, step } => hist::hist(scope, field, &of[0], *step, limit, explain),
    }
}
