use std::io;
use std::sync::Arc;

use watchfire_schemas::{RecordId, Span, TimeRange, TraceId};

use crate::engine::Snapshot;
use crate::fields::{Dataset, find};
use crate::filter::{Filter, matches};
use crate::query_types::TraceSpans;
use crate::row::{Position, Row, Rows};
use crate::spans::Spans;
use crate::split::Split;
use crate::watch::Watch;

/// Spans of one trace beyond these are counted but not read.
const MOST: usize = 10_000;

/// Where a span is.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    Tail(Row<'a>),
    Split(&'a Arc<Split<Spans>>, u32),
}

/// Where the spans of a trace are, the earliest first.
#[derive(Default)]
pub(crate) struct Places<'a> {
    pub(crate) first: Vec<(Position, Place<'a>)>,
    pub(crate) total: u64,
    pub(crate) partial: bool,
}

/// Reads the spans of a trace. First only their positions are gathered, so that a trace of
/// millions of spans takes no more memory than the spans that are kept of it.
pub(crate) fn trace(
    snapshot: &Snapshot<Spans>,
    id: TraceId,
    watch: &Watch,
) -> io::Result<TraceSpans> {
    let places = Places::of_trace(snapshot, id, MOST, watch)?;
    let mut spans: Vec<Option<Span>> = vec![None; places.first.len()];
    read(&places.first, <Split<Spans>>::rows, &mut |index, row| {
        spans[index] = Some(Spans::read(row)?);
        Ok(())
    })?;
    Ok(TraceSpans {
        spans: spans.into_iter().flatten().collect(),
        total: places.total,
        partial: places.partial,
    })
}

/// Those spans of a trace, in the order of their ids; what is not there is left out.
pub(crate) fn trace_spans(
    snapshot: &Snapshot<Spans>,
    trace: TraceId,
    ids: &[RecordId],
    watch: &Watch,
) -> io::Result<Vec<(RecordId, Span)>> {
    let mut wanted: Vec<(u64, usize)> = (0..)
        .map_while(|n| Some((ids.get(n)?.as_u64(), n)))
        .collect();
    wanted.sort_unstable();
    let mut found = Places::of_trace(snapshot, trace, usize::MAX, watch)?;
    if found.partial {
        watch.check()?;
    }
    let order_of = |id: u64| {
        let at = wanted.partition_point(|(wanted, _)| *wanted < id);
        wanted.get(at).filter(|(wanted, _)| *wanted == id)
    };
    found
        .first
        .retain(|(position, _)| order_of(position.id).is_some());
    let mut spans: Vec<Option<(RecordId, Span)>> = vec![None; ids.len()];
    read(&found.first, <Split<Spans>>::rows, &mut |index, row| {
        let id = found.first[index].0.id;
        if let Some((_, order)) = order_of(id) {
            spans[*order] = Some((RecordId::from_u64(id), Spans::read(row)?));
        }
        Ok(())
    })?;
    Ok(spans.into_iter().flatten().collect())
}

/// Calls `each` with the row at every place, by its index, in no order. `rows` reads the rows of
/// some documents.
pub(crate) fn read(
    places: &[(Position, Place<'_>)],
    rows: impl Fn(&Split<Spans>, &[u32]) -> io::Result<Rows>,
    each: &mut dyn FnMut(usize, Row<'_>) -> Result<(), String>,
) -> io::Result<()> {
    let mut in_splits: Vec<(&Arc<Split<Spans>>, u32, usize)> = Vec::new();
    for (index, (_, place)) in places.iter().enumerate() {
        match place {
            Place::Tail(row) => each(index, *row).map_err(io::Error::other)?,
            Place::Split(split, document) => in_splits.push((split, *document, index)),
        }
    }
    in_splits.sort_by_key(|(split, document, _)| (split.meta.number, *document));
    for group in in_splits.chunk_by(|a, b| a.0.meta.number == b.0.meta.number) {
        let documents: Vec<u32> = group.iter().map(|(_, document, _)| *document).collect();
        let rows = rows(group[0].0, &documents)?;
        for ((.., index), row) in group.iter().zip(rows.iter()) {
            each(*index, row).map_err(io::Error::other)?;
        }
    }
    Ok(())
}

impl<'a> Places<'a> {
    /// Those of the spans that began first, `most` of them.
    pub(crate) fn of_trace(
        snapshot: &'a Snapshot<Spans>,
        id: TraceId,
        most: usize,
        watch: &Watch,
    ) -> io::Result<Self> {
        let field = find(Spans::fields(), "trace_id").expect("the table has the field");
        let filter = Filter::Trace { field, id };
        let mut found = Self::default();
        let matcher = matches(&filter);
        for batch in &snapshot.tail {
            let rows = batch.rows.iter();
            for row in rows.filter(|row| matcher.accepts::<Spans>(*row)) {
                found.add(row.position(), Place::Tail(row), most);
            }
            if watch.is_over() {
                found.partial = true;
                break;
            }
        }
        for split in snapshot.splits.iter().rev() {
            if watch.is_over() {
                found.partial = true;
                break;
            }
            if !split.could_match(&filter)? {
                continue;
            }
            let documents = split.documents(TimeRange::ALL, None)?;
            let mut of_split = Vec::new();
            let complete = split.select(&filter, documents)?.each(watch, |document| {
                of_split.push(document);
                true
            })?;
            for document in of_split {
                found.add(
                    split.position(document)?,
                    Place::Split(split, document),
                    most,
                );
            }
            found.partial |= !complete;
        }
        found.settle(most);
        Ok(found)
    }

    fn add(&mut self, position: Position, place: Place<'a>, most: usize) {
        self.total += 1;
        self.first.push((position, place));
        if self.first.len() >= most.saturating_mul(2) {
            self.settle(most);
        }
    }

    fn settle(&mut self, most: usize) {
        self.first.sort_unstable_by_key(|(position, _)| *position);
        self.first.truncate(most);
    }
}
