//! The records around one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use watchfire_schemas::{LogRecord, RecordId, TimeRange};

use crate::engine::Snapshot;
use crate::fields::{Dataset, find};
use crate::filter::{Filter, KeywordTest};
use crate::logs::Logs;
use crate::neighbours::{Direction, Neighbours, neighbours};
use crate::query_types::{ContextBy, ContextSearch, FoundLog, LogContext, QueryError};
use crate::row::Position;
use crate::scalar::cut;
use crate::search::{Search, search};
use crate::store::EventStore;
use crate::watch::Watch;

/// More records on one side are not given.
const MOST: usize = 1_000;
const HOST: &str = "host.name";

impl EventStore {
    /// The records around one that share with it what `by` says, in exact order: by time, and of
    /// equal times as they arrived.
    pub async fn log_context(
        self: &Arc<Self>,
        search: ContextSearch,
    ) -> Result<LogContext, QueryError> {
        let allowed = search.deadline;
        self.ask("log_context", allowed, move |store, watch| {
            context(&store.logs.snapshot(), &search, watch).map_err(QueryError::Store)
        })
        .await
    }
}

fn context(
    snapshot: &Snapshot<Logs>,
    asked: &ContextSearch,
    watch: &Watch,
) -> std::io::Result<LogContext> {
    let mut context = LogContext {
        record: middle(snapshot, asked, watch)?,
        ..LogContext::default()
    };
    let record = context.record.as_ref().map(|found| &found.record);
    if record.is_none() {
        context
            .hints
            .push(format!("there is no record {}", asked.id));
        context.partial = watch.is_over();
    }
    let filter = match shared(asked.by, record) {
        Ok(filter) => filter,
        Err(hint) => {
            context.hints.extend(hint);
            return Ok(context);
        }
    };
    let place = Position {
        time: record.map_or(asked.time, |record| record.timestamp).nanos(),
        id: asked.id.as_u64(),
    };
    let beside = |direction, limit: usize| {
        neighbours(snapshot, &filter, place, direction, limit.min(MOST), watch)
    };
    let older = beside(Direction::Older, asked.before)?;
    let newer = beside(Direction::Newer, asked.after)?;
    context.partial |= older.partial || newer.partial;
    context.before = found(older);
    context.before.reverse();
    context.after = found(newer);
    Ok(context)
}

fn found(neighbours: Neighbours<LogRecord>) -> Vec<FoundLog> {
    let records = neighbours.records.into_iter();
    records
        .map(|(id, record)| FoundLog { id, record })
        .collect()
}

/// The record in the middle: at its time, or wherever its id is.
fn middle(
    snapshot: &Snapshot<Logs>,
    asked: &ContextSearch,
    watch: &Watch,
) -> std::io::Result<Option<FoundLog>> {
    let then = TimeRange {
        start: asked.time,
        end: asked.time + Duration::from_nanos(1),
    };
    for range in [then, TimeRange::ALL] {
        let by_id = Search {
            filter: with_id(asked.id),
            range,
            limit: 1,
            before: None,
        };
        let page = search(snapshot, &by_id, watch)?;
        if let Some((id, record)) = page.records.into_iter().next() {
            return Ok(Some(FoundLog { id, record }));
        }
    }
    Ok(None)
}

fn with_id(id: RecordId) -> Filter {
    let number = id.as_u64() as i64;
    Filter::Number {
        field: field("id"),
        low: number,
        high: number,
    }
}

/// What all records of the context have, or why there is none: in words, unless that is said.
fn shared(by: ContextBy, record: Option<&LogRecord>) -> Result<Filter, Option<String>> {
    if by == ContextBy::All {
        return Ok(Filter::All);
    }
    let record = record.ok_or(None)?;
    let keyword = |name, value: &str| Filter::Keyword {
        field: field(name),
        test: KeywordTest::Is(cut(value).to_owned()),
    };
    match by {
        ContextBy::All => Ok(Filter::All),
        ContextBy::Service => Ok(keyword("service", &record.service)),
        ContextBy::Trace => match record.trace_id {
            Some(id) => Ok(Filter::Trace {
                field: field("trace_id"),
                id,
            }),
            None => Err(Some("the record has no trace_id".to_owned())),
        },
        ContextBy::Host => match record.attributes.get(HOST).and_then(Value::as_str) {
            Some(host) => Ok(keyword(HOST, host)),
            None => Err(Some(format!("the record has no {HOST}"))),
        },
    }
}

fn field(name: &str) -> usize {
    find(Logs::fields(), name).expect("the table of logs has the field")
}
