//! A page of records, newest first, over tail and splits.

mod fill;
mod records;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use watchfire_schemas::{RecordId, TimeRange, Timestamp};

use crate::counts::parts;
use crate::engine::Snapshot;
use crate::fields::Dataset;
use crate::filter::{Filter, matches};
use crate::plan::pruned;
use crate::query_types::Explain;
use crate::row::{Position, Row};
use crate::split::Split;
use crate::spread::spread;
use crate::watch::Watch;
use fill::{Filling, fill};
use records::records;

/// How long a search goes on counting when its page is complete.
const COUNTING: Duration = Duration::from_millis(500);
/// A page is no longer than this.
const MAX_LIMIT: usize = 10_000;

/// What is searched for.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) filter: Filter,
    pub(crate) range: TimeRange,
    pub(crate) limit: usize,
    /// The last record of the page before.
    pub(crate) before: Option<Position>,
}

#[derive(Debug)]
pub(crate) struct Page<R> {
    pub(crate) records: Vec<(RecordId, R)>,
    pub(crate) total: u64,
    pub(crate) total_is_exact: bool,
    pub(crate) next: Option<String>,
    pub(crate) partial: bool,
    pub(crate) explain: Explain,
}

/// Where a record of the page is: in the tail, or document of a split.
enum Place<'a, D: Dataset> {
    Tail(Row<'a>),
    Split(&'a Arc<Split<D>>, u32),
}

struct Candidate<'a, D: Dataset> {
    position: Position,
    place: Place<'a, D>,
}

/// Searches a snapshot. What it finds does not depend on what was sealed when: tail and splits
/// give the same records in the same order.
pub(crate) fn search<D: Dataset>(
    snapshot: &Snapshot<D>,
    search: &Search,
    watch: &Watch,
) -> io::Result<Page<D::Record>> {
    let limit = search.limit.min(MAX_LIMIT);
    let mut explain = Explain {
        splits_total: snapshot.splits.len(),
        ..Explain::default()
    };
    let tail = search_tail(snapshot, search, limit, watch);
    explain.tail_records = tail.scanned;
    let mut splits = Vec::new();
    for split in snapshot.splits.iter() {
        // Once it is over, nothing is read any more, so it does not matter.
        let reason = if watch.is_over() {
            None
        } else {
            pruned(split, &search.filter, search.range)?
        };
        match reason {
            Some(reason) => explain.pruned_by.count(reason),
            None => splits.push(split),
        }
    }
    explain.splits_pruned = explain.pruned_by.total();
    splits.sort_by_key(|split| Reverse(split.meta.max_time));

    let page = Filling::new(tail.candidates, limit, tail.complete);
    let page = fill(page, &splits, search, watch)?;
    explain.rows_scanned += page.rows_scanned;
    let (missed, mut candidates) = (page.missed, page.candidates);
    let partial = missed.is_some();
    candidates.retain(|candidate| missed.is_none_or(|missed| candidate.position.time > missed));
    let more = candidates.len() > limit || partial;
    candidates.truncate(limit);

    let counting = watch.at_most(COUNTING);
    let in_splits = count(&splits, search, &counting)?;
    explain.rows_scanned += in_splits.rows;
    let records = records(&candidates)?;
    let last = candidates[..records.read.len()].last();
    let next = last.filter(|_| more || !records.fit);
    Ok(Page {
        next: next.map(|last| last.position.to_cursor()),
        records: records.read,
        total: tail.total + in_splits.total,
        total_is_exact: tail.complete && in_splits.complete,
        partial,
        explain,
    })
}

struct TailHits<'a, D: Dataset> {
    /// Newest first, one more than the limit.
    candidates: Vec<Candidate<'a, D>>,
    total: u64,
    scanned: u64,
    complete: bool,
}

fn search_tail<'a, D: Dataset>(
    snapshot: &'a Snapshot<D>,
    search: &Search,
    limit: usize,
    watch: &Watch,
) -> TailHits<'a, D> {
    let matcher = matches(&search.filter);
    let (mut total, mut scanned, mut complete) = (0, 0, true);
    // The oldest of the newest is on top, to be replaced.
    let mut newest: BinaryHeap<Reverse<(Position, usize, usize)>> = BinaryHeap::new();
    for (batch_index, batch) in snapshot.tail.iter().enumerate() {
        if batch.min_time >= search.range.end.nanos() || batch.max_time < search.range.start.nanos()
        {
            continue;
        }
        if watch.is_over() {
            complete = false;
            break;
        }
        scanned += batch.rows.len() as u64;
        for (row_index, row) in batch.rows.iter().enumerate() {
            let position = row.position();
            if !search.range.contains(Timestamp::from_nanos(position.time))
                || !matcher.accepts::<D>(row)
            {
                continue;
            }
            total += 1;
            let is_after_cursor = search.before.is_none_or(|before| position < before);
            let is_new = newest.len() <= limit
                || newest
                    .peek()
                    .is_some_and(|Reverse((oldest, ..))| position > *oldest);
            if is_after_cursor && is_new {
                newest.push(Reverse((position, batch_index, row_index)));
                if newest.len() > limit + 1 {
                    newest.pop();
                }
            }
        }
    }
    let candidates = newest
        .into_sorted_vec()
        .into_iter()
        .map(|Reverse((position, batch, row))| Candidate {
            position,
            place: Place::Tail(snapshot.tail[batch].rows.row(row)),
        });
    TailHits {
        candidates: candidates.collect(),
        total,
        scanned,
        complete,
    }
}

/// How many there are in the splits, whether all could be counted in time, and how many rows were
/// looked at for it.
fn count<D: Dataset>(
    splits: &[&Arc<Split<D>>],
    search: &Search,
    watch: &Watch,
) -> io::Result<Counted> {
    let counted = spread(splits.len(), watch, |index, watch| {
        let split = splits[index];
        if watch.is_over() {
            return Ok(Counted::default());
        }
        count_split(split, search, watch)
    })?;
    Ok(Counted {
        total: counted.iter().map(|counted| counted.total).sum(),
        complete: counted.iter().all(|counted| counted.complete),
        rows: counted.iter().map(|counted| counted.rows).sum(),
    })
}

/// The same of one: by its counts where they tell, else by its rows.
fn count_split<D: Dataset>(
    split: &Split<D>,
    search: &Search,
    watch: &Watch,
) -> io::Result<Counted> {
    if search.filter == Filter::All {
        let documents = split.documents(search.range, None)?;
        return Ok(Counted {
            total: u64::from(documents.end - documents.start),
            complete: true,
            rows: 0,
        });
    }
    let parts = parts(split, &search.filter, search.range)?;
    let by_counts = parts.cells.iter().map(|(cell, _)| u64::from(cell.records));
    let mut counted = Counted {
        total: by_counts.sum(),
        complete: true,
        rows: 0,
    };
    for range in parts.look_into {
        let documents = split.documents(range, None)?;
        let (rows, complete) = split.select(&search.filter, documents)?.count(watch)?;
        counted.total += rows;
        counted.rows += rows;
        counted.complete &= complete;
    }
    Ok(counted)
}

#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    total: u64,
    complete: bool,
    rows: u64,
}
