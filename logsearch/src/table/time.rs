//! Records by steps of time.

use std::io;

use watchfire_schemas::{TimeRange, Timestamp};

use super::Made;
use super::axis::{Axis, Extent, widened};
use super::steps::round_nanos;
use crate::counts::parts;
use crate::fields::{Dataset, Kind, NumberSource};
use crate::histogram::MINUTE_NANOS;
use crate::query::{Step, write_duration};
use crate::query_types::Explain;
use crate::row_values::ValuesOf;
use crate::scope::Scope;

pub(super) fn is_time<D: Dataset>(of: &ValuesOf) -> bool {
    let ValuesOf::Field(field) = of else {
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

/// Steps of time, aligned to multiples of the step since 1970.
pub(super) fn time<D: Dataset>(
    scope: &Scope<'_, D>,
    step: Option<Step>,
    limit: usize,
    explain: &mut Explain,
) -> io::Result<Made> {
    let mut made = Made::default();
    let Some((least, most)) = times(scope) else {
        return Ok(made);
    };
    let extent = Extent {
        least: least as f64,
        most: most as f64,
        count: 1,
    };
    let wanted = step.map(|step| match step {
        // Plain numbers are seconds, as everywhere in the interface.
        Step::Number(seconds) => seconds * 1e9,
        Step::Duration(d) => d.as_nanos() as f64,
    });
    let axis = Axis::over(&extent, wanted, round_nanos, limit);
    let step = (axis.step as i64).max(1);
    if axis.is_widened {
        made.hints
            .push(widened(&write_duration(step).into(), limit));
    }
    let first = least.div_euclid(step);
    let steps = most.div_euclid(step) - first + 1;
    let mut counts = vec![0_u64; usize::try_from(steps).unwrap_or(0)];
    let mut records = 0;
    let mut add = |time: i64, count: u64| {
        records += count;
        let index = usize::try_from(time.div_euclid(step) - first).ok();
        if let Some(step) = index.and_then(|index| counts.get_mut(index)) {
            *step += count;
        }
    };
    let mut complete = scope.each_tail_row(explain, &mut |row| add(row.position().time, 1));
    for split in scope.splits(explain)? {
        if !complete {
            break;
        }
        let mut look_into = vec![scope.range];
        if step % MINUTE_NANOS == 0 {
            let parts = parts(split, scope.filter, scope.range)?;
            for (cell, _) in parts.cells {
                add(cell.start(), u64::from(cell.records));
            }
            look_into = parts.look_into;
        }
        let time_of = split.time_of()?;
        for range in look_into {
            complete &= scope.each_document(split, range, explain, &mut |document| {
                add(time_of(document), 1);
            })?;
        }
    }
    made.records = records;
    made.partial = !complete;
    // Steps before the first record and after the last one say nothing.
    let is_counted = |count: &u64| *count > 0;
    let from = counts.iter().position(is_counted).unwrap_or(0);
    let to = counts
        .iter()
        .rposition(is_counted)
        .map_or(0, |last| last + 1);
    made.rows = (first..)
        .zip(counts)
        .take(to)
        .skip(from)
        .map(|(index, count)| {
            let at = Timestamp::from_nanos(index.saturating_mul(step));
            vec![at.to_string().into(), count.into()]
        })
        .collect();
    Ok(made)
}

/// The first and the last time of the range that tail and splits reach.
fn times<D: Dataset>(scope: &Scope<'_, D>) -> Option<(i64, i64)> {
    let TimeRange { start, end } = scope.range;
    let tail = scope.snapshot.tail.iter().map(|b| (b.min_time, b.max_time));
    let splits = scope.snapshot.splits.iter();
    let splits = splits.map(|s| (s.meta.min_time, s.meta.max_time));
    let clipped = tail.chain(splits).filter_map(|(min, max)| {
        let (min, max) = (
            min.max(start.nanos()),
            max.min(end.nanos().saturating_sub(1)),
        );
        (min <= max).then_some((min, max))
    });
    clipped.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}
