//! The questions about spans that the store answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use watchfire_schemas::{RecordId, Span, TimeRange, TraceId};

use crate::field_list::field_list;
use crate::filter::hint_at;
use crate::queries::{meant, parsed, position, run};
use crate::query::Expr;
use crate::query_types::{
    FieldList, FieldValues, QueryError, SpanComparison, SpanComparisonSearch, SpanGroupSearch,
    SpanGroups, SpanPage, SpanScatter, SpanScatterSearch, SpanSearch, TraceOutline, TraceSpans,
    ValueSearch,
};
use crate::row_values::ValuesOf;
use crate::scope::Scope;
use crate::span_comparison::span_comparison;
use crate::span_groups::span_groups;
use crate::span_scatter::{Drawn, span_scatter};
use crate::spans::Spans;
use crate::store::EventStore;
use crate::top_values::top_values;
use crate::trace::{trace, trace_spans};
use crate::trace_outline::trace_outline;
use crate::watch::Watch;

/// More whole spans are not read at once.
const MOST_SPANS: usize = 1_000;
/// Spans are grouped by no more fields.
const MOST_FIELDS: usize = 4;

impl EventStore {
    /// Spans, newest first by their start.
    pub async fn search_spans(
        self: &Arc<Self>,
        search: SpanSearch,
    ) -> Result<SpanPage, QueryError> {
        let allowed = search.deadline;
        self.ask("search_spans", allowed, move |store, watch| {
            let started = Instant::now();
            let (filter, hints) = meant(&parsed(&search.query)?.filter, store.spans.as_ref())?;
            let before = position(search.cursor.as_deref())?;
            let page = run(
                &store.spans,
                filter,
                search.range,
                search.limit,
                before,
                watch,
            )?;
            Ok(SpanPage {
                spans: page.records,
                total: page.total,
                total_is_exact: page.total_is_exact,
                next: page.next,
                partial: page.partial,
                took: started.elapsed(),
                hints,
            })
        })
        .await
    }

    /// The spans of a trace, by start; needs no time range. Of a trace of more than 10,000 spans
    /// the earliest.
    pub async fn trace(
        self: &Arc<Self>,
        id: TraceId,
        deadline: Duration,
    ) -> Result<TraceSpans, QueryError> {
        self.ask("trace", deadline, move |store, watch| {
            trace(&store.spans.snapshot(), id, watch).map_err(QueryError::Store)
        })
        .await
    }

    /// What a picture of a whole trace takes, by start; needs no time range. Of a trace of more
    /// than 100,000 spans the earliest.
    pub async fn trace_outline(
        self: &Arc<Self>,
        id: TraceId,
        deadline: Duration,
    ) -> Result<TraceOutline, QueryError> {
        self.ask("trace_outline", deadline, move |store, watch| {
            trace_outline(&store.spans.snapshot(), id, watch).map_err(QueryError::Store)
        })
        .await
    }

    /// Whole spans of a trace by their ids, 1,000 at most, in the order asked. One that is gone is
    /// left out.
    pub async fn trace_spans(
        self: &Arc<Self>,
        trace: TraceId,
        ids: Vec<RecordId>,
        deadline: Duration,
    ) -> Result<Vec<(RecordId, Span)>, QueryError> {
        if ids.len() > MOST_SPANS {
            return Err(QueryError::TooCostly {
                reason: format!("at most {MOST_SPANS} spans are read at once"),
            });
        }
        self.ask("trace_spans", deadline, move |store, watch| {
            let snapshot = store.spans.snapshot();
            trace_spans(&snapshot, trace, &ids, watch).map_err(QueryError::Store)
        })
        .await
    }

    /// Figures of the spans of a query by the values of fields.
    pub async fn span_groups(
        self: &Arc<Self>,
        search: SpanGroupSearch,
    ) -> Result<SpanGroups, QueryError> {
        if search.by.len() > MOST_FIELDS {
            return Err(QueryError::TooCostly {
                reason: format!("spans are grouped by at most {MOST_FIELDS} fields"),
            });
        }
        let allowed = search.deadline;
        self.ask("span_groups", allowed, move |store, watch| {
            let started = Instant::now();
            let by = search
                .by
                .iter()
                .map(|name| ValuesOf::named::<Spans>(bare(name)));
            let by: Vec<ValuesOf> = by.collect();
            let unknown = search.by.iter();
            let unknown =
                unknown.filter_map(|name| hint_at::<Spans>(bare(name), store.spans.as_ref()));
            let (query, range) = (&search.query, search.range);
            scoped(store, query, range, watch, |scope, mut hints| {
                let groups = span_groups(scope, &by, search.limit).map_err(QueryError::Store)?;
                hints.extend(unknown);
                Ok(SpanGroups {
                    hints,
                    took: started.elapsed(),
                    ..groups
                })
            })
        })
        .await
    }

    /// The spans of a query by when they began and how long they took.
    pub async fn span_scatter(
        self: &Arc<Self>,
        search: SpanScatterSearch,
    ) -> Result<SpanScatter, QueryError> {
        let allowed = search.deadline;
        self.ask("span_scatter", allowed, move |store, watch| {
            let started = Instant::now();
            let drawn = Drawn {
                columns: search.columns,
                rows: search.rows,
                outliers: search.outliers,
            };
            let (query, range) = (&search.query, search.range);
            scoped(store, query, range, watch, |scope, hints| {
                let scatter = span_scatter(scope, drawn).map_err(QueryError::Store)?;
                Ok(SpanScatter {
                    hints,
                    took: started.elapsed(),
                    ..scatter
                })
            })
        })
        .await
    }

    /// Which values are more frequent among the spans of a region than among the others of a query.
    pub async fn span_comparison(
        self: &Arc<Self>,
        search: SpanComparisonSearch,
    ) -> Result<SpanComparison, QueryError> {
        let allowed = search.deadline;
        self.ask("span_comparison", allowed, move |store, watch| {
            let region = parsed(&search.region)?.filter;
            let (inside, mut all_hints) = meant(&region, store.spans.as_ref())?;
            let named = names(&region);
            let (query, range) = (&search.query, search.range);
            scoped(store, query, range, watch, |scope, hints| {
                let comparison = span_comparison(scope, &inside, &named, search.limit)
                    .map_err(QueryError::Store)?;
                all_hints.extend(hints);
                all_hints.extend(comparison.hints);
                Ok(SpanComparison {
                    hints: all_hints,
                    ..comparison
                })
            })
        })
        .await
    }

    /// The fields that the spans of a query have, with what they hold and in how many spans.
    pub async fn span_fields(
        self: &Arc<Self>,
        query: String,
        range: TimeRange,
        deadline: Duration,
    ) -> Result<FieldList, QueryError> {
        self.ask("span_fields", deadline, move |store, watch| {
            scoped(store, &query, range, watch, |scope, _| {
                field_list(scope).map_err(QueryError::Store)
            })
        })
        .await
    }

    /// The most frequent values of a field among the spans of a query.
    pub async fn span_values(
        self: &Arc<Self>,
        search: ValueSearch,
    ) -> Result<FieldValues, QueryError> {
        let allowed = search.deadline;
        self.ask("span_values", allowed, move |store, watch| {
            let field = bare(&search.field);
            let unknown = hint_at::<Spans>(field, store.spans.as_ref());
            let (query, range) = (&search.query, search.range);
            scoped(store, query, range, watch, |scope, mut hints| {
                let found = top_values(scope, field, search.limit).map_err(QueryError::Store)?;
                hints.extend(unknown);
                hints.extend(found.hints);
                Ok(FieldValues { hints, ..found })
            })
        })
        .await
    }
}

/// Answers a question about the spans that a query means.
fn scoped<T>(
    store: &EventStore,
    query: &str,
    range: TimeRange,
    watch: &Watch,
    answer: impl FnOnce(&Scope<'_, Spans>, Vec<String>) -> Result<T, QueryError>,
) -> Result<T, QueryError> {
    let engine = store.spans.as_ref();
    let (filter, hints) = meant(&parsed(query)?.filter, engine)?;
    let scope = Scope {
        snapshot: &engine.snapshot(),
        filter: &filter,
        range,
        watch,
    };
    answer(&scope, hints)
}

/// The name of a field without the sign that may stand before it.
fn bare(name: &str) -> &str {
    name.strip_prefix('@').unwrap_or(name)
}

/// The fields that a query names.
fn names(query: &Expr) -> Vec<String> {
    let mut names = Vec::new();
    query.each_clause(&mut |clause| {
        if let Expr::Field { name, .. } = clause {
            names.push(name.clone());
        }
    });
    names
}
