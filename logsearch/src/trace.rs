use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use watchfire_schemas::{Span, TimeRange, TraceId};

use crate::engine::Snapshot;
use crate::fields::{Dataset, find};
use crate::filter::{Filter, matches};
use crate::query_types::TraceSpans;
use crate::row::{Position, Row};
use crate::spans::Spans;
use crate::split::Split;
use crate::watch::Watch;

/// Spans of one trace beyond these are counted but not read.
const MOST: usize = 10_000;

/// Where a span is.
enum Place<'a> {
    Tail(Row<'a>),
    Split(&'a Arc<Split<Spans>>, u32),
}

/// Reads the spans of a trace. First only their positions are gathered, so that a trace of
/// millions of spans takes no more memory than the spans that are kept of it.
pub(crate) fn trace(
    snapshot: &Snapshot<Spans>,
    id: TraceId,
    watch: &Watch,
) -> io::Result<TraceSpans> {
    let field = find(Spans::fields(), "trace_id").expect("the table has the field");
    let filter = Filter::Trace { field, id };
    let mut earliest = Earliest::default();
    let matcher = matches(&filter);
    for batch in &snapshot.tail {
        for row in batch
            .rows
            .iter()
            .filter(|row| matcher.accepts::<Spans>(*row))
        {
            earliest.add(row.position(), Place::Tail(row));
        }
        if watch.is_over() {
            earliest.partial = true;
            break;
        }
    }
    for split in snapshot.splits.iter().rev() {
        if watch.is_over() {
            earliest.partial = true;
            break;
        }
        if !split.could_match(&filter)? {
            continue;
        }
        let documents = split.documents(TimeRange::ALL, None)?;
        let mut found = Vec::new();
        let complete = split.select(&filter, documents)?.each(watch, |document| {
            found.push(document);
            true
        })?;
        for document in found {
            earliest.add(split.position(document)?, Place::Split(split, document));
        }
        earliest.partial |= !complete;
    }
    earliest.read()
}

/// The spans that began first.
#[derive(Default)]
struct Earliest<'a> {
    kept: BTreeMap<Position, Place<'a>>,
    total: u64,
    partial: bool,
}

impl<'a> Earliest<'a> {
    fn add(&mut self, position: Position, place: Place<'a>) {
        self.total += 1;
        self.kept.insert(position, place);
        if self.kept.len() > MOST {
            self.kept.pop_last();
        }
    }

    fn read(self) -> io::Result<TraceSpans> {
        let mut spans: Vec<Option<Span>> = Vec::with_capacity(self.kept.len());
        let mut in_splits: Vec<(&Arc<Split<Spans>>, u32, usize)> = Vec::new();
        for (index, place) in self.kept.into_values().enumerate() {
            spans.push(match place {
                Place::Tail(row) => Some(Spans::read(row).map_err(io::Error::other)?),
                Place::Split(split, document) => {
                    in_splits.push((split, document, index));
                    None
                }
            });
        }
        in_splits.sort_by_key(|(split, document, _)| (split.meta.number, *document));
        for group in in_splits.chunk_by(|a, b| a.0.meta.number == b.0.meta.number) {
            let documents: Vec<u32> = group.iter().map(|(_, document, _)| *document).collect();
            let fetched = group[0].0.fetch(&documents)?;
            for ((.., index), span) in group.iter().zip(fetched) {
                spans[*index] = Some(span);
            }
        }
        Ok(TraceSpans {
            spans: spans.into_iter().flatten().collect(),
            total: self.total,
            partial: self.partial,
        })
    }
}
