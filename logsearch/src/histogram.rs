use std::io;
use std::sync::Mutex;
use std::time::Duration;

use rustc_hash::FxHashMap;
use watchfire_schemas::{SeverityRange, TimeRange, Timestamp};

use crate::counts::parts;
use crate::engine::Snapshot;
use crate::fields::{Dataset, find};
use crate::filter::{Filter, matches};
use crate::query_types::{Histogram, HistogramBar, QueryError};
use crate::split::Split;
use crate::spread::spread;
use crate::watch::Watch;

const SEVERITIES: usize = SeverityRange::ALL.len();
pub(crate) const MINUTE_NANOS: i64 = 60_000_000_000;
/// More bars than any chart has points.
const MAX_BARS: i64 = 50_000;

/// Bars without a count yet.
#[derive(Debug)]
pub(crate) struct Bars {
    range: TimeRange,
    step: i64,
    first: i64,
    counted: Vec<HistogramBar>,
}

impl Bars {
    /// Steps over the range, aligned to multiples of `step`; refused if they are too many.
    pub(crate) fn new(range: TimeRange, step: Duration) -> Result<Self, QueryError> {
        Self::aligned(range, step).ok_or_else(|| QueryError::TooCostly {
            reason: format!("a histogram has at most {MAX_BARS} steps; take longer ones"),
        })
    }

    fn aligned(range: TimeRange, step: Duration) -> Option<Self> {
        let step = i64::try_from(step.as_nanos())
            .ok()
            .filter(|step| *step > 0)?;
        let first = range.start.nanos().div_euclid(step);
        let last = range.end.nanos().saturating_sub(1).div_euclid(step);
        let count = if range.start < range.end {
            last.checked_sub(first)?
                .checked_add(1)
                .filter(|count| *count <= MAX_BARS)?
        } else {
            0
        };
        let bar = |index: i64| HistogramBar {
            start: Timestamp::from_nanos((first + index).saturating_mul(step)),
            counts: [0; SEVERITIES],
        };
        Some(Self {
            range,
            step,
            first,
            counted: (0..count).map(bar).collect(),
        })
    }

    fn add(&mut self, time: i64, severity: usize, records: u64) {
        let index = time.div_euclid(self.step) - self.first;
        let bar = usize::try_from(index)
            .ok()
            .and_then(|index| self.counted.get_mut(index));
        if let Some(count) = bar.and_then(|bar| bar.counts.get_mut(severity)) {
            *count += records;
        }
    }
}

/// Counts every record of the range that the filter means, as far as the time goes.
pub(crate) fn histogram<D: Dataset>(
    snapshot: &Snapshot<D>,
    filter: &Filter,
    mut bars: Bars,
    watch: &Watch,
) -> io::Result<Histogram> {
    let range = bars.range;
    let matcher = matches(filter);
    let mut complete = true;
    for batch in snapshot.tail.iter().rev() {
        if watch.is_over() {
            complete = false;
            break;
        }
        for row in batch.rows.iter() {
            let time = row.time();
            if range.contains(Timestamp::from_nanos(time)) && matcher.accepts::<D>(row) {
                bars.add(time, D::severity(row), 1);
            }
        }
    }
    let splits = snapshot.newest_first(range);
    let bars = Mutex::new(bars);
    let counted = spread(splits.len(), watch, |index, watch| {
        let split = splits[index];
        if watch.is_over() {
            return Ok(false);
        }
        if !split.could_match(filter)? {
            return Ok(true);
        }
        add_split(split, filter, &bars, watch)
    })?;
    complete &= counted.iter().all(|complete| *complete);
    let bars = bars.into_inner().expect("no holder of this lock panics");
    Ok(Histogram {
        bars: bars.counted,
        partial: !complete,
    })
}

/// Whether the time sufficed.
fn add_split<D: Dataset>(
    split: &Split<D>,
    filter: &Filter,
    bars: &Mutex<Bars>,
    watch: &Watch,
) -> io::Result<bool> {
    let lock = || bars.lock().expect("no holder of this lock panics");
    let (range, step) = {
        let bars = lock();
        (bars.range, bars.step)
    };
    let look_into = if step % MINUTE_NANOS == 0 {
        let parts = parts(split, filter, range)?;
        let mut bars = lock();
        for (cell, _) in parts.cells {
            bars.add(
                cell.start(),
                usize::from(cell.severity),
                u64::from(cell.records),
            );
        }
        parts.look_into
    } else {
        vec![range]
    };
    if look_into.is_empty() {
        return Ok(true);
    }
    let time_of = split.time_of()?;
    let severity = find(D::fields(), "severity")
        .map(|field| split.number_of(field))
        .transpose()?;
    let mut complete = true;
    // Added up apart, so that no lock is held while others are let go first.
    let mut counted: FxHashMap<(i64, usize), u64> = FxHashMap::default();
    for range in look_into {
        let documents = split.documents(range, None)?;
        let mut selection = split.select(filter, documents)?;
        complete &= selection.each(watch, |document| {
            let number = severity.as_ref().map_or(1, |number| number(document));
            let start = time_of(document).div_euclid(step) * step;
            *counted
                .entry((start, ((number - 1) / 4) as usize))
                .or_default() += 1;
            true
        })?;
    }
    let mut bars = lock();
    for ((start, severity), records) in counted {
        bars.add(start, severity, records);
    }
    Ok(complete)
}
