//! The questions that the store answers. Each runs on a thread that may block, and stops when
//! nobody waits for it any more.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use watchfire_schemas::{RecordId, TimeRange};

use crate::engine::Engine;
use crate::fields::{Dataset, find};
use crate::filter::{Filter, affordable, hint_at, resolve};
use crate::histogram::{Bars, histogram};
use crate::patterns::{PatternList, PatternSearch, patterns};
use crate::plan::clauses;
use crate::query::{Expr, Query, parse};
use crate::query_types::{
    Explain, FieldValue, FieldValues, FoundLog, Histogram, LogPage, LogSearch, QueryError,
    ValueSearch,
};
use crate::row::Position;
use crate::scope::Scope;
use crate::search::{Page, Search, search};
use crate::store::EventStore;
use crate::top_values::top_values;
use crate::watch::Watch;

/// How long a question without a deadline of its own may take.
const PATIENCE: Duration = Duration::from_secs(30);

impl EventStore {
    /// Log records, newest first.
    pub async fn search_logs(self: &Arc<Self>, search: LogSearch) -> Result<LogPage, QueryError> {
        let allowed = search.deadline;
        self.ask("search_logs", allowed, move |store, watch| {
            log_page(&store.logs, &search, watch)
        })
        .await
    }

    /// Quarantined lines, newest first.
    pub async fn search_quarantine(
        self: &Arc<Self>,
        search: LogSearch,
    ) -> Result<LogPage, QueryError> {
        let allowed = search.deadline;
        self.ask("search_quarantine", allowed, move |store, watch| {
            log_page(&store.quarantine, &search, watch)
        })
        .await
    }

    /// One record by its id.
    pub async fn log(self: &Arc<Self>, id: RecordId) -> Result<Option<FoundLog>, QueryError> {
        self.ask("log", PATIENCE, move |store, watch| {
            let field = find(crate::logs::Logs::fields(), "id").expect("the table has the field");
            let number = id.as_u64() as i64;
            let filter = Filter::Number {
                field,
                low: number,
                high: number,
            };
            let page = run(&store.logs, filter, TimeRange::ALL, 1, None, watch)?;
            if page.partial {
                watch.check().map_err(QueryError::Store)?;
            }
            Ok(page
                .records
                .into_iter()
                .next()
                .map(|(id, record)| FoundLog { id, record }))
        })
        .await
    }

    /// Counts by severity over the whole range, in steps aligned to multiples of `step`; empty
    /// steps included.
    pub async fn log_histogram(
        self: &Arc<Self>,
        query: String,
        range: TimeRange,
        step: Duration,
        deadline: Duration,
    ) -> Result<Histogram, QueryError> {
        self.ask("log_histogram", deadline, move |store, watch| {
            let (filter, _) = understand(&query, store.logs.as_ref())?;
            let bars = Bars::new(range, step)?;
            histogram(&store.logs.snapshot(), &filter, bars, watch).map_err(QueryError::Store)
        })
        .await
    }

    /// The most frequent values of a field among the records of a query.
    pub async fn top_values(
        self: &Arc<Self>,
        query: String,
        range: TimeRange,
        field: String,
        limit: usize,
    ) -> Result<Vec<FieldValue>, QueryError> {
        let search = ValueSearch {
            query,
            range,
            field,
            limit,
            deadline: PATIENCE,
        };
        Ok(self.field_values(search).await?.values)
    }

    /// The most frequent values of a field among the records of a query, and how sure that is.
    pub async fn field_values(
        self: &Arc<Self>,
        search: ValueSearch,
    ) -> Result<FieldValues, QueryError> {
        let allowed = search.deadline;
        self.ask("field_values", allowed, move |store, watch| {
            let engine = store.logs.as_ref();
            let (filter, mut hints) = understand(&search.query, engine)?;
            let field = search.field.strip_prefix('@').unwrap_or(&search.field);
            hints.extend(hint_at::<crate::logs::Logs>(field, engine));
            let scope = Scope {
                snapshot: &engine.snapshot(),
                filter: &filter,
                range: search.range,
                watch,
            };
            let mut found = top_values(&scope, field, search.limit).map_err(QueryError::Store)?;
            hints.append(&mut found.hints);
            Ok(FieldValues { hints, ..found })
        })
        .await
    }

    /// The same among quarantined lines.
    pub async fn quarantined_values(
        self: &Arc<Self>,
        search: ValueSearch,
    ) -> Result<FieldValues, QueryError> {
        let allowed = search.deadline;
        self.ask("quarantined_values", allowed, move |store, watch| {
            let engine = store.quarantine.as_ref();
            let (filter, _) = understand(&search.query, engine)?;
            let scope = Scope {
                snapshot: &engine.snapshot(),
                filter: &filter,
                range: search.range,
                watch,
            };
            top_values(&scope, &search.field, search.limit).map_err(QueryError::Store)
        })
        .await
    }

    /// Which patterns the records of a query follow, with their counts and what has changed.
    pub async fn log_patterns(
        self: &Arc<Self>,
        search: PatternSearch,
    ) -> Result<PatternList, QueryError> {
        let allowed = search.deadline;
        self.ask("log_patterns", allowed, move |store, watch| {
            let (filter, _) = understand(&search.query, store.logs.as_ref())?;
            let snapshot = store.logs.snapshot();
            patterns(&snapshot, &store.patterns, &filter, &search, watch).map_err(QueryError::Store)
        })
        .await
    }

    pub(crate) async fn ask<T: Send + 'static>(
        self: &Arc<Self>,
        query: &'static str,
        allowed: Duration,
        answer: impl FnOnce(&Self, &Watch) -> Result<T, QueryError> + Send + 'static,
    ) -> Result<T, QueryError> {
        let (watch, _cancel_on_drop) = Watch::start(allowed);
        let admitted = self.gate.admit(&watch, allowed).await;
        let admitted = admitted.inspect_err(|_| self.metrics.count_refused(query))?;
        let store = Arc::clone(self);
        let answered = tokio::task::spawn_blocking(move || {
            let started = Instant::now();
            let watch = admitted.begin(&watch);
            let answer = answer(&store, &watch);
            store
                .metrics
                .observe_query(query, started.elapsed().as_secs_f64());
            answer
        });
        let answer = answered
            .await
            .map_err(|error| QueryError::Store(io::Error::other(error)))?;
        answer.map_err(|error| match error {
            QueryError::Store(cause) if cause.kind() == io::ErrorKind::TimedOut => {
                QueryError::TimedOut
            }
            QueryError::Store(cause) if cause.kind() == io::ErrorKind::QuotaExceeded => {
                QueryError::TooCostly {
                    reason: cause.to_string(),
                }
            }
            other => other,
        })
    }
}

fn log_page<D>(engine: &Engine<D>, search: &LogSearch, watch: &Watch) -> Result<LogPage, QueryError>
where
    D: Dataset<Record = watchfire_schemas::LogRecord>,
{
    let started = Instant::now();
    let query = parsed(&search.query)?.filter;
    let (filter, hints) = meant(&query, engine)?;
    let before = position(search.cursor.as_deref())?;
    let page = run(engine, filter, search.range, search.limit, before, watch)?;
    Ok(LogPage {
        records: page
            .records
            .into_iter()
            .map(|(id, record)| FoundLog { id, record })
            .collect(),
        total: page.total,
        total_is_exact: page.total_is_exact,
        next: page.next,
        partial: page.partial,
        took: started.elapsed(),
        explain: Explain {
            clauses: clauses::<D>(&query),
            ..page.explain
        },
        hints,
    })
}

pub(crate) fn run<D: Dataset>(
    engine: &Engine<D>,
    filter: Filter,
    range: TimeRange,
    limit: usize,
    before: Option<Position>,
    watch: &Watch,
) -> Result<Page<D::Record>, QueryError> {
    let asked = Search {
        filter,
        range,
        limit,
        before,
    };
    search(&engine.snapshot(), &asked, watch).map_err(QueryError::Store)
}

fn understand<D: Dataset>(
    query: &str,
    engine: &Engine<D>,
) -> Result<(Filter, Vec<String>), QueryError> {
    meant(&parsed(query)?.filter, engine)
}

/// What a query means for a dataset, unless to answer it would cost too much.
pub(crate) fn meant<D: Dataset>(
    query: &Expr,
    engine: &Engine<D>,
) -> Result<(Filter, Vec<String>), QueryError> {
    let (filter, hints) = resolve::<D>(query, engine);
    affordable(&filter).map_err(|reason| QueryError::TooCostly { reason })?;
    Ok((filter, hints))
}

pub(crate) fn parsed(query: &str) -> Result<Query, QueryError> {
    parse(query).map_err(|error| QueryError::Parse {
        column: error.column,
        reason: error.reason,
    })
}

pub(crate) fn position(cursor: Option<&str>) -> Result<Option<Position>, QueryError> {
    let read = |cursor| Position::from_cursor(cursor).ok_or(QueryError::Cursor);
    cursor.map(read).transpose()
}
