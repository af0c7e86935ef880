use std::io;
use std::time::Duration;

use watchfire_schemas::{SeverityRange, TimeRange, Timestamp};

use crate::counts::parts;
use crate::engine::Snapshot;
use crate::fields::{Dataset, find};
use crate::filter::{Filter, matches};
use crate::query_types::HistogramBar;
use crate::split::Split;
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
    /// Steps over the range, aligned to multiples of `step`; `None` if they are too many.
    pub(crate) fn new(range: TimeRange, step: Duration) -> Option<Self> {
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

/// Counts every record of the range that the filter means.
pub(crate) fn histogram<D: Dataset>(
    snapshot: &Snapshot<D>,
    filter: &Filter,
    mut bars: Bars,
    watch: &Watch,
) -> io::Result<Vec<HistogramBar>> {
    let range = bars.range;
    let matcher = matches(filter);
    for batch in &snapshot.tail {
        watch.check()?;
        for row in batch.rows.iter() {
            let time = row.time();
            if range.contains(Timestamp::from_nanos(time)) && matcher.accepts::<D>(row) {
                bars.add(time, D::severity(row), 1);
            }
        }
    }
    for split in snapshot.splits.iter() {
        watch.check()?;
        if split.overlaps(range) && split.could_match(filter)? {
            add_split(split, filter, &mut bars, watch)?;
        }
    }
    Ok(bars.counted)
}

fn add_split<D: Dataset>(
    split: &Split<D>,
    filter: &Filter,
    bars: &mut Bars,
    watch: &Watch,
) -> io::Result<()> {
    let range = bars.range;
    let look_into = if bars.step % MINUTE_NANOS == 0 {
        let parts = parts(split, filter, range)?;
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
        return Ok(());
    }
    let time_of = split.time_of()?;
    let severity = find(D::fields(), "severity")
        .map(|field| split.number_of(field))
        .transpose()?;
    for range in look_into {
        let documents = split.documents(range, None)?;
        let complete = split.select(filter, documents)?.each(watch, |document| {
            let number = severity.as_ref().map_or(1, |number| number(document));
            bars.add(time_of(document), ((number - 1) / 4) as usize, 1);
            true
        })?;
        if !complete {
            watch.check()?;
        }
    }
    Ok(())
}
