//! A whole trace from a few columns.

use std::io;

use rustc_hash::FxHashMap;
use watchfire_schemas::TraceId;

use crate::engine::Snapshot;
use crate::query_types::{SpanOutline, TraceOutline};
use crate::span_cells;
use crate::spans::Spans;
use crate::trace::{Places, read};
use crate::watch::Watch;

/// Spans of one trace beyond these are counted but not told.
const MOST: usize = 100_000;

pub(crate) fn trace_outline(
    snapshot: &Snapshot<Spans>,
    id: TraceId,
    watch: &Watch,
) -> io::Result<TraceOutline> {
    let found = Places::of_trace(snapshot, id, MOST, watch)?;
    let (mut services, mut names) = (Names::default(), Names::default());
    let mut spans: Vec<Option<SpanOutline>> = vec![None; found.first.len()];
    read(
        &found.first,
        |split, documents| split.rows_of(documents, &span_cells::OUTLINED),
        &mut |index, row| {
            let outline = span_cells::outline(row)?;
            spans[index] = Some(SpanOutline {
                id: row.id(),
                span_id: outline.span_id,
                parent_span_id: outline.parent_span_id,
                service: services.number(outline.service),
                name: names.number(outline.name),
                kind: outline.kind,
                start: outline.start,
                end: outline.end,
                is_error: outline.is_error,
            });
            Ok(())
        },
    )?;
    Ok(TraceOutline {
        spans: spans.into_iter().flatten().collect(),
        services: services.list,
        names: names.list,
        total: found.total,
        partial: found.partial,
    })
}

/// Different texts, each with a number.
#[derive(Default)]
struct Names {
    list: Vec<String>,
    numbers: FxHashMap<String, u32>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.list.len() as u32;
        self.list.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        number
    }
}
