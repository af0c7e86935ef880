use std::io;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchfire_schemas::{SpanId, Timestamp, TraceId};

use super::counted::Place;
use crate::query_types::Explain;
use crate::row::{Cell, Row};
use crate::scope::Scope;
use crate::span_cells::slot;
use crate::spans::Spans;
use crate::split::Split;

/// The slots that are read of a span that is told by name.
const NAMED: [usize; 4] = [slot::SERVICE, slot::NAME, slot::TRACE_ID, slot::SPAN_ID];

/// Who a span is.
#[derive(Debug, Clone)]
pub(super) struct Name {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) start: Timestamp,
    pub(super) service: String,
    pub(super) operation: String,
}

/// Reads who the spans at these places are; `places` are in order.
pub(super) fn names(
    scope: &Scope<'_, Spans>,
    splits: &[&Arc<Split<Spans>>],
    places: &[Place],
) -> io::Result<FxHashMap<Place, Name>> {
    let mut names = FxHashMap::default();
    for group in places.chunk_by(|a, b| a.split == b.split) {
        let documents: Vec<u32> = group.iter().map(|place| place.document).collect();
        let mut add = |index: usize, row: Row<'_>| {
            if let Some(name) = Name::of(row) {
                names.insert(group[index], name);
            }
        };
        if let Some(split) = (group[0].split as usize).checked_sub(1) {
            let rows = splits[split].rows_of(&documents, &NAMED)?;
            for (index, row) in rows.iter().enumerate() {
                add(index, row);
            }
        } else {
            let mut at = 0;
            scope.each_tail_row(&mut Explain::default(), &mut |row| {
                if let Ok(index) = documents.binary_search(&at) {
                    add(index, row);
                }
                at += 1;
            });
        }
    }
    Ok(names)
}

impl Name {
    fn of(row: Row<'_>) -> Option<Self> {
        let trace_id = match row.slot(slot::TRACE_ID) {
            Some(Cell::Id(id)) => TraceId::from_bytes(id.to_be_bytes()),
            _ => None,
        };
        let span_id = match row.slot(slot::SPAN_ID) {
            Some(Cell::Int(id)) => SpanId::from_bytes(id.to_be_bytes()),
            _ => None,
        };
        Some(Self {
            trace_id: trace_id?,
            span_id: span_id?,
            start: Timestamp::from_nanos(row.time()),
            service: row.text(slot::SERVICE).to_owned(),
            operation: row.text(slot::NAME).to_owned(),
        })
    }
}
