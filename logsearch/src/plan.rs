//! How a query is answered.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use watchfire_schemas::TimeRange;

use crate::engine::Snapshot;
use crate::fields::{Dataset, Kind, NumberSource};
use crate::filter::{Filter, KnownNames, resolve};
use crate::groups::{Missing, group};
use crate::logs::Logs;
use crate::queries::parsed;
use crate::query::{Expr, Query};
use crate::query_types::{
    ClauseCount, ClausePlan, Explain, PrunedBy, QueryError, QueryPlan, SplitPlan,
};
use crate::scope::Scope;
use crate::spans::Spans;
use crate::split::{Split, answered_by};
use crate::store::EventStore;
use crate::watch::Watch;

/// How long it may take to look at every split from outside.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many clauses are told: nobody reads a longer plan.
const MOST_CLAUSES: usize = 100;
/// How long the clauses are counted by themselves.
const COUNTING: Duration = Duration::from_secs(1);

/// How a query over logs would be answered, whatever the store holds.
pub fn plan_query(query: &str) -> Result<QueryPlan, QueryError> {
    plan_alone::<Logs>(query)
}

/// The same of a query over spans.
pub fn plan_span_query(query: &str) -> Result<QueryPlan, QueryError> {
    plan_alone::<Spans>(query)
}

fn plan_alone<D: Dataset>(query: &str) -> Result<QueryPlan, QueryError> {
    let query = parsed(query)?;
    let (_, hints) = resolve::<D>(&query.filter, &AnyName);
    Ok(plan::<D>(&query, None, hints))
}

impl EventStore {
    /// How a query over logs would be answered.
    pub async fn explain_query(
        self: &Arc<Self>,
        query: String,
        range: TimeRange,
    ) -> Result<QueryPlan, QueryError> {
        self.ask("explain_query", PATIENCE, move |store, watch| {
            let query = parsed(&query)?;
            let (filter, hints) = resolve::<Logs>(&query.filter, store.logs.as_ref());
            let snapshot = store.logs.snapshot();
            let splits = split_plan(&snapshot, &filter, range).map_err(QueryError::Store)?;
            let mut plan = plan::<Logs>(&query, Some(splits), hints);
            let counting = watch.at_most(COUNTING);
            let mut clauses = plan.clauses.iter_mut();
            query.filter.each_clause(&mut |clause| {
                if let Some(told) = clauses.next() {
                    told.alone = count_alone(&snapshot, clause, range, &counting);
                }
            });
            Ok(plan)
        })
        .await
    }
}

fn plan<D: Dataset>(query: &Query, splits: Option<SplitPlan>, hints: Vec<String>) -> QueryPlan {
    QueryPlan {
        query: query.filter.to_string(),
        pipe: query.pipe.as_ref().map(ToString::to_string),
        clauses: clauses::<D>(&query.filter),
        splits,
        hints,
    }
}

/// What answers each clause.
pub(crate) fn clauses<D: Dataset>(query: &Expr) -> Vec<ClausePlan> {
    let mut clauses = Vec::new();
    query.each_clause(&mut |clause| {
        if clauses.len() == MOST_CLAUSES {
            return;
        }
        let (filter, _) = resolve::<D>(clause, &AnyName);
        let (answered_by, of) = answered_by::<D>(&filter);
        clauses.push(ClausePlan {
            clause: clause.to_string(),
            answered_by,
            of,
            alone: None,
        });
    });
    clauses
}

/// How many records a clause means by itself; none if there is no time to count them.
fn count_alone<D: Dataset>(
    snapshot: &Snapshot<D>,
    clause: &Expr,
    range: TimeRange,
    watch: &Watch,
) -> Option<ClauseCount> {
    let started = Instant::now();
    let (filter, _) = resolve::<D>(clause, &AnyName);
    let scope = Scope {
        snapshot,
        filter: &filter,
        range,
        watch,
    };
    let counted = group(&scope, &[], Missing::Counted, &mut Explain::default()).ok()?;
    let took_ms = (started.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    (!counted.partial).then_some(ClauseCount {
        records: counted.records,
        took_ms,
    })
}

fn split_plan<D: Dataset>(
    snapshot: &Snapshot<D>,
    filter: &Filter,
    range: TimeRange,
) -> io::Result<SplitPlan> {
    let mut plan = SplitPlan {
        total: snapshot.splits.len(),
        tail_records: snapshot.tail.iter().map(|b| b.rows.len() as u64).sum(),
        ..SplitPlan::default()
    };
    for split in snapshot.splits.iter() {
        match pruned(split, filter, range)? {
            Some(reason) => plan.pruned_by.count(reason),
            None => plan.records += split.meta.records,
        }
    }
    Ok(plan)
}

/// Why a split need not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pruned {
    Time,
    Service,
    Trace,
    Other,
}

impl PrunedBy {
    pub(crate) const fn count(&mut self, reason: Pruned) {
        let count = match reason {
            Pruned::Time => &mut self.time,
            Pruned::Service => &mut self.service,
            Pruned::Trace => &mut self.trace,
            Pruned::Other => &mut self.other,
        };
        *count += 1;
    }
}

/// Whether a split need not be read, and why.
pub(crate) fn pruned<D: Dataset>(
    split: &Split<D>,
    filter: &Filter,
    range: TimeRange,
) -> io::Result<Option<Pruned>> {
    if !split.overlaps(range) {
        return Ok(Some(Pruned::Time));
    }
    if split.could_match(filter)? {
        return Ok(None);
    }
    // The reason is the kind of clause without which the split could match.
    for (reason, is_of) in [
        (Pruned::Time, is_time::<D> as fn(&Filter) -> bool),
        (Pruned::Service, is_service::<D>),
        (Pruned::Trace, |part| matches!(part, Filter::Trace { .. })),
    ] {
        if split.could_match(&without(filter, is_of))? {
            return Ok(Some(reason));
        }
    }
    Ok(Some(Pruned::Other))
}

fn is_time<D: Dataset>(filter: &Filter) -> bool {
    let Filter::Number { field, .. } = filter else {
        return false;
    };
    matches!(
        D::fields()[*field].kind,
        Kind::Number {
            of: NumberSource::Time,
            ..
        }
    )
}

fn is_service<D: Dataset>(filter: &Filter) -> bool {
    matches!(filter, Filter::Keyword { field, .. } if D::fields()[*field].name == "service")
}

/// The same with clauses of a kind taken for true.
fn without(filter: &Filter, is_of: fn(&Filter) -> bool) -> Filter {
    let parts = |parts: &[Filter]| parts.iter().map(|part| without(part, is_of)).collect();
    match filter {
        Filter::And(inner) => Filter::And(parts(inner)),
        Filter::Or(inner) => Filter::Or(parts(inner)),
        part if is_of(part) => Filter::All,
        other => other.clone(),
    }
}

/// Where a plan is made without a look at the store, every name may be one.
struct AnyName;

impl KnownNames for AnyName {
    fn contains(&self, _path: &str) -> bool {
        true
    }

    fn all(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: &[&str]) {
        let plan = plan_query(query).unwrap();
        let told: Vec<_> = plan
            .clauses
            .iter()
            .map(|c| format!("{}: {} {}", c.clause, c.answered_by, c.of))
            .collect();
        assert_eq!(told, expected, "{query}");
    }

    #[test]
    fn every_kind_of_clause_has_an_index_or_a_column() {
        check("", &["*: every record "]);
        check(
            "(message:disk or -message:d*) message:\"disk full\" message:*",
            &[
                "message:disk: term index message",
                "message:d*: range of the sorted terms message",
                "message:\"disk full\": term index with positions message",
                "message:*: presence in a column message",
            ],
        );
        check(
            "service:pay host:n* severity:>=WARN route:*",
            &[
                "service:pay: column service",
                "host:n*: column host.name",
                "severity:>=WARN: column severity",
                "route:*: presence in a column http.route",
            ],
        );
        check(
            "trace_id:4bf92f3577b34da6a3ce929d0e0e4736 trace_id:x",
            &[
                "trace_id:4bf92f3577b34da6a3ce929d0e0e4736: trace filter, then column trace_id",
                "trace_id:x: no record ",
            ],
        );
        check(
            "n:>5 n:[1 TO 2] n:x n:*",
            &[
                "n:>5: column n",
                "n:[1 TO 2]: column n",
                "n:x: column n",
                "n:*: presence in a column n",
            ],
        );
    }

    #[test]
    fn a_query_over_spans_has_a_plan_of_its_own() {
        let plan = plan_span_query("duration:>100ms exception.message:gone root:true").unwrap();
        let of: Vec<_> = plan
            .clauses
            .iter()
            .map(|clause| clause.of.as_str())
            .collect();
        assert_eq!(of, ["duration", "exception.message", "root"]);
        assert!(plan_span_query("(").is_err());
    }

    #[test]
    fn a_plan_is_told_in_words() {
        let plan = plan_query("disk or service:>a | top 3 host").unwrap();
        let told = plan.to_string();
        assert!(told.contains("pipe     top 3 host"), "{told}");
        assert!(told.contains("hint     service has no order"), "{told}");
        assert!(plan.splits.is_none());
        let refused = plan_query("a (b").unwrap_err().to_string();
        assert_eq!(refused, "column 5: expected ), found the end of the query");
    }
}
