//! Spans by when they began and how long they took.

mod counted;
mod grid;
mod names;

use std::cmp::Reverse;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use crate::filter::Filter;
use crate::query_types::{Explain, ScatterCell, SpanOutlier, SpanScatter};
use crate::scope::Scope;
use crate::span_columns::{SpanColumns, outcome};
use crate::spans::Spans;
use crate::split::Split;
use crate::spread::spread;
use counted::{Counted, Place, Sight};
use grid::Grid;
use names::{Name, names};

/// More columns than a page is wide, and more rows than it is high, are not drawn.
const MOST_COLUMNS: usize = 1_000;
const MOST_ROWS: usize = 200;
const MOST_OUTLIERS: usize = 1_000;

/// How finely a scatter is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drawn {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    pub(crate) outliers: usize,
}

/// Counts the spans of the scope. It looks at their durations first, to know from where to where
/// they are drawn, and then at their times too.
pub(crate) fn span_scatter(scope: &Scope<'_, Spans>, drawn: Drawn) -> io::Result<SpanScatter> {
    let columns = drawn.columns.clamp(1, MOST_COLUMNS);
    let rows = drawn.rows.clamp(1, MOST_ROWS);
    let splits = scope.splits(&mut Explain::default())?;
    let (extent, complete) = extent(scope, &splits)?;
    let mut scatter = SpanScatter {
        range: Some(scope.range),
        columns,
        rows,
        partial: !complete,
        ..SpanScatter::default()
    };
    let Some(extent) = extent else {
        return Ok(scatter);
    };
    let grid = Grid::over(scope.range, columns, extent, rows);
    scatter.durations = grid.durations;
    let (counted, complete) = count(scope, &splits, &grid, drawn.outliers.min(MOST_OUTLIERS))?;
    let names = names(scope, &splits, &counted.places())?;
    scatter.total = counted.total;
    scatter.partial |= !complete;
    scatter.cells = cells(&counted, &grid, &names);
    let outliers = counted.outliers();
    scatter.outliers = outliers
        .into_iter()
        .filter_map(|sight| outlier(sight, &names))
        .collect();
    Ok(scatter)
}

/// The least and the longest duration, in nanoseconds, and whether the time sufficed.
fn extent(
    scope: &Scope<'_, Spans>,
    splits: &[&Arc<Split<Spans>>],
) -> io::Result<(Option<(u64, u64)>, bool)> {
    let mut all: Option<(u64, u64)> = None;
    let widened = |extent: Option<(u64, u64)>, (least, most): (u64, u64)| {
        let (least_yet, most_yet) = extent.unwrap_or((least, most));
        Some((least.min(least_yet), most.max(most_yet)))
    };
    let mut complete = scope.each_tail_row(&mut Explain::default(), &mut |row| {
        let (nanos, _) = outcome(row);
        all = widened(all, (nanos, nanos));
    });
    let found = spread(splits.len(), scope.watch, |index, watch| {
        let (split, mut extent) = (splits[index], None);
        let mut spans = SpanColumns::of(split)?;
        if *scope.filter == Filter::All && split.is_within(scope.range) {
            return Ok((spans.extent(), true));
        }
        let mut selection = split.select(scope.filter, split.documents(scope.range, None)?)?;
        let complete = selection.each_block(watch, |docs| {
            if docs.count() > 0 {
                spans.read_durations(docs.block())?;
            }
            for place in docs.places() {
                let nanos = spans.nanos(place);
                extent = widened(extent, (nanos, nanos));
            }
            Ok(())
        })?;
        Ok((extent, complete))
    })?;
    for (extent, is_whole) in found {
        complete &= is_whole;
        all = extent.map_or(all, |extent| widened(all, extent));
    }
    Ok((all, complete))
}

/// Counts by cell, and whether the time sufficed.
fn count(
    scope: &Scope<'_, Spans>,
    splits: &[&Arc<Split<Spans>>],
    grid: &Grid,
    outliers: usize,
) -> io::Result<(Counted, bool)> {
    let mut all = Counted::new(grid, outliers);
    let mut document = 0;
    let mut complete = scope.each_tail_row(&mut Explain::default(), &mut |row| {
        let (nanos, is_error) = outcome(row);
        let place = Reverse(Place { split: 0, document });
        let sight = Sight {
            is_error,
            nanos,
            place,
        };
        all.add(grid.cell(row.time(), nanos), sight);
        document += 1;
    });
    let found = spread(splits.len(), scope.watch, |index, watch| {
        let mut counted = Counted::new(grid, outliers);
        let scope = Scope { watch, ..*scope };
        let number = index as u32 + 1;
        let complete =
            !watch.is_over() && counted.add_split(grid, &scope, splits[index], number)?;
        Ok((counted, complete))
    })?;
    for (counted, is_whole) in found {
        complete &= is_whole;
        all.merge(counted);
    }
    Ok((all, complete))
}

fn cells(counted: &Counted, grid: &Grid, names: &FxHashMap<Place, Name>) -> Vec<ScatterCell> {
    let cells = counted.cells.iter().enumerate();
    let told = cells.filter_map(|(index, cell)| {
        let cell = (*cell)?;
        let name = names.get(&cell.example.place.0)?;
        Some(ScatterCell {
            column: (index / grid.rows) as u32,
            row: (index % grid.rows) as u32,
            spans: cell.spans,
            errors: cell.errors,
            example: (name.trace_id, name.span_id),
        })
    });
    told.collect()
}

fn outlier(sight: Sight, names: &FxHashMap<Place, Name>) -> Option<SpanOutlier> {
    let name = names.get(&sight.place.0)?;
    Some(SpanOutlier {
        trace_id: name.trace_id,
        span_id: name.span_id,
        start: name.start,
        duration: Duration::from_nanos(sight.nanos),
        is_error: sight.is_error,
        service: name.service.clone(),
        name: name.operation.clone(),
    })
}
