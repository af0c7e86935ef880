//! Which fields the records of a query have.

mod census;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use watchfire_schemas::TimeRange;

use crate::fields::{Dataset, Kind, NumberSource};
use crate::filter::Filter;
use crate::queries::{meant, parsed};
use crate::query_types::{Explain, FieldKind, FieldList, FieldSummary, QueryError};
use crate::row_values::ValuesOf;
use crate::scope::Scope;
use crate::split::Split;
use crate::store::EventStore;
use census::Census;

/// So many records are looked at for which fields they have; of more, every second, third, … one.
const SAMPLE: u64 = 20_000;
/// So many of a split at least, where there are many splits.
const SAMPLE_OF_SPLIT: u64 = 500;
/// More attributes of one split are not looked at.
const MOST_NAMES: usize = 2_000;
/// More fields are not listed.
const MOST_FIELDS: usize = 1_000;
/// Fields that stand for others: their names mean nothing to a reader.
const HIDDEN: [&str; 2] = ["exception.type.words", "name.words"];

impl EventStore {
    /// The fields that the records of a query have, with what they hold and in how many records.
    pub async fn log_fields(
        self: &Arc<Self>,
        query: String,
        range: TimeRange,
        deadline: Duration,
    ) -> Result<FieldList, QueryError> {
        self.ask("log_fields", deadline, move |store, watch| {
            let engine = store.logs.as_ref();
            let (filter, _) = meant(&parsed(&query)?.filter, engine)?;
            let scope = Scope {
                snapshot: &engine.snapshot(),
                filter: &filter,
                range,
                watch,
            };
            field_list(&scope).map_err(QueryError::Store)
        })
        .await
    }
}

pub(crate) fn field_list<D: Dataset>(scope: &Scope<'_, D>) -> io::Result<FieldList> {
    let mut census = Census::default();
    let mut partial = !tail(scope, &mut census);
    let splits = scope.splits(&mut Explain::default())?;
    let sample = (SAMPLE / splits.len().max(1) as u64).max(SAMPLE_OF_SPLIT);
    for found in splits {
        if partial {
            break;
        }
        partial = !split(scope, found, sample, &mut census)?;
    }
    let records = census.records;
    let sampled = census.is_sampled;
    let mut fields: Vec<FieldSummary> = census.into_fields();
    fields.sort_by(|a, b| b.records.cmp(&a.records).then_with(|| a.name.cmp(&b.name)));
    fields.truncate(MOST_FIELDS);
    Ok(FieldList {
        fields,
        records,
        sampled,
        partial,
    })
}

/// Counts what the tail has. Whether the time sufficed.
fn tail<D: Dataset>(scope: &Scope<'_, D>, census: &mut Census) -> bool {
    let explain = &mut Explain::default();
    let mut found = 0;
    let complete = scope.each_tail_row(explain, &mut |_| found += 1);
    let mut stratum = census.stratum(found, SAMPLE);
    let fields: Vec<_> = columns::<D>();
    complete
        && scope.each_tail_row(explain, &mut |row| {
            if !stratum.is_next_sampled() {
                return;
            }
            for (field, kind) in &fields {
                let mut has = false;
                match &D::fields()[*field].kind {
                    Kind::Text { slot } => has = !row.text(*slot).is_empty(),
                    _ => ValuesOf::Field(*field).each_of_row::<D>(row, &mut |_| has = true),
                }
                if has {
                    stratum.count(shown_name::<D>(*field), *kind);
                }
            }
            stratum.begin_record();
            D::each_attribute(row, &mut |name, scalar| {
                stratum.count_once(name, FieldKind::from(scalar));
            });
        })
}

/// Counts what a split has. Whether the time sufficed.
fn split<D: Dataset>(
    scope: &Scope<'_, D>,
    split: &Split<D>,
    sample: u64,
    census: &mut Census,
) -> io::Result<bool> {
    let documents = split.documents(scope.range, None)?;
    let (found, complete) = split
        .select(scope.filter, documents.clone())?
        .count(scope.watch)?;
    if !complete || found == 0 {
        return Ok(complete);
    }
    let mut stratum = census.stratum(found, sample);
    let mut sampled = Vec::new();
    let explain = &mut Explain::default();
    let complete = scope.each_document(split, scope.range, explain, &mut |document| {
        if stratum.is_next_sampled() {
            sampled.push(document);
        }
    })?;
    if !complete {
        return Ok(false);
    }
    for (field, kind) in columns::<D>() {
        let name = shown_name::<D>(field);
        if matches!(D::fields()[field].kind, Kind::Text { .. }) {
            let present = Filter::And(vec![scope.filter.clone(), Filter::TextPresent { field }]);
            let (counted, complete) = split
                .select(&present, documents.clone())?
                .count(scope.watch)?;
            if !complete {
                return Ok(false);
            }
            stratum.count_exactly(name, kind, counted);
            continue;
        }
        let of = ValuesOf::Field(field);
        let values = split.value_columns(&of)?;
        let have = sampled.iter().filter(|d| values.kind_of(**d).is_some());
        stratum.count_many(name, kind, have.count() as u64);
    }
    let facts = split.facts()?;
    for name in facts.attributes.iter().take(MOST_NAMES) {
        if scope.watch.is_over() {
            return Ok(false);
        }
        let of = ValuesOf::Attribute(name.clone());
        let values = split.value_columns(&of)?;
        for kind in sampled.iter().filter_map(|d| values.kind_of(*d)) {
            stratum.count(name, kind);
        }
    }
    Ok(true)
}

/// The fields of the table that are shown, and what they hold.
fn columns<D: Dataset>() -> Vec<(usize, FieldKind)> {
    let fields = D::fields().iter().enumerate();
    fields
        .filter(|(_, field)| !HIDDEN.contains(&field.name))
        .map(|(index, field)| {
            let kind = match &field.kind {
                Kind::Text { .. } => FieldKind::Text,
                Kind::Trace { .. } => FieldKind::Id,
                Kind::Number {
                    of: NumberSource::Time,
                    ..
                } => FieldKind::Time,
                Kind::Number { .. } if field.name.ends_with("id") => FieldKind::Id,
                Kind::Number { .. } if field.name == "duration" => FieldKind::Number,
                Kind::Number { .. } | Kind::Keyword { .. } => FieldKind::Keyword,
            };
            (index, kind)
        })
        .collect()
}

/// As a record's line names it.
fn shown_name<D: Dataset>(field: usize) -> &'static str {
    match D::fields()[field].name {
        "service" => "service.name",
        name => name,
    }
}
