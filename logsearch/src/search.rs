//! A page of records, newest first, over tail and splits.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use watchfire_schemas::{RecordId, TimeRange, Timestamp};

use crate::engine::Snapshot;
use crate::fields::Dataset;
use crate::filter::{Filter, matches};
use crate::plan::pruned;
use crate::query_types::Explain;
use crate::row::{Position, Row};
use crate::split::Split;
use crate::watch::Watch;

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
        match pruned(split, &search.filter, search.range)? {
            Some(reason) => explain.pruned_by.count(reason),
            None => splits.push(split),
        }
    }
    explain.splits_pruned = explain.pruned_by.total();
    splits.sort_by_key(|split| Reverse(split.meta.max_time));

    let mut candidates = tail.candidates;
    // The latest time at which a record may have been missed.
    let mut missed = (!tail.complete).then_some(i64::MAX);
    for split in &splits {
        if missed.is_some() || is_filled(&candidates, limit, split.meta.max_time) {
            break;
        }
        if watch.is_over()
            || !search_split(split, search, limit, watch, &mut candidates, &mut explain)?
        {
            missed = Some(split.meta.max_time);
        }
        candidates.sort_unstable_by_key(|candidate| Reverse(candidate.position));
        candidates.truncate(limit + 1);
    }
    let partial = missed.is_some();
    candidates.retain(|candidate| missed.is_none_or(|missed| candidate.position.time > missed));
    let more = candidates.len() > limit || partial;
    candidates.truncate(limit);
    let last = candidates.last().map(|candidate| candidate.position);
    let next = last.filter(|_| more).map(Position::to_cursor);

    let counting = watch.at_most(COUNTING);
    let (in_splits, all_counted) = count(&splits, search, &counting, &mut explain)?;
    Ok(Page {
        records: records(&candidates)?,
        total: tail.total + in_splits,
        total_is_exact: tail.complete && all_counted,
        next,
        partial,
        explain,
    })
}

/// Whether no record at or before `max_time` can be among the page and the one after it.
fn is_filled<D: Dataset>(candidates: &[Candidate<'_, D>], limit: usize, max_time: i64) -> bool {
    candidates.len() > limit && candidates[limit].position.time > max_time
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

/// Adds the newest records of a split; whether the time sufficed.
fn search_split<'a, D: Dataset>(
    split: &'a Arc<Split<D>>,
    search: &Search,
    limit: usize,
    watch: &Watch,
    candidates: &mut Vec<Candidate<'a, D>>,
    explain: &mut Explain,
) -> io::Result<bool> {
    let documents = split.documents(search.range, search.before)?;
    if documents.is_empty() {
        return Ok(true);
    }
    let mut found = Vec::new();
    let mut selection = split.select(&search.filter, documents)?;
    let complete = selection.each(watch, |document| {
        found.push(document);
        found.len() <= limit
    })?;
    explain.rows_scanned += found.len() as u64;
    for document in &found {
        candidates.push(Candidate {
            position: split.position(*document)?,
            place: Place::Split(split, *document),
        });
    }
    Ok(complete || found.len() > limit)
}

fn count<D: Dataset>(
    splits: &[&Arc<Split<D>>],
    search: &Search,
    watch: &Watch,
    explain: &mut Explain,
) -> io::Result<(u64, bool)> {
    let mut total = 0;
    for split in splits {
        if watch.is_over() {
            return Ok((total, false));
        }
        let documents = split.documents(search.range, None)?;
        if search.filter == Filter::All {
            total += u64::from(documents.end - documents.start);
            continue;
        }
        let (counted, complete) = split.select(&search.filter, documents)?.count(watch)?;
        explain.rows_scanned += counted;
        total += counted;
        if !complete {
            return Ok((total, false));
        }
    }
    Ok((total, true))
}

/// Reads the records of a page; those of one split together.
fn records<D: Dataset>(candidates: &[Candidate<'_, D>]) -> io::Result<Vec<(RecordId, D::Record)>> {
    let mut records = Vec::with_capacity(candidates.len());
    let mut from_splits: Vec<(usize, &Arc<Split<D>>, u32)> = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        let id = RecordId::from_u64(candidate.position.id);
        match candidate.place {
            Place::Tail(row) => {
                records.push((id, Some(D::read(row).map_err(io::Error::other)?)));
            }
            Place::Split(split, document) => {
                from_splits.push((index, split, document));
                records.push((id, None));
            }
        }
    }
    from_splits.sort_by_key(|(_, split, document)| (split.meta.number, *document));
    for group in from_splits.chunk_by(|a, b| a.1.meta.number == b.1.meta.number) {
        let documents: Vec<u32> = group.iter().map(|(_, _, document)| *document).collect();
        let fetched = group[0].1.fetch(&documents)?;
        for ((index, ..), record) in group.iter().zip(fetched) {
            records[*index].1 = Some(record);
        }
    }
    Ok(records
        .into_iter()
        .filter_map(|(id, record)| Some((id, record?)))
        .collect())
}
