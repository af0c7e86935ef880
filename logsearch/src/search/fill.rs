use std::cmp::Reverse;
use std::io;
use std::sync::{Arc, Mutex};

use super::{Candidate, Place, Search};
use crate::fields::Dataset;
use crate::split::Split;
use crate::spread::spread;
use crate::watch::Watch;

/// A page that is not yet complete.
pub(super) struct Filling<'a, D: Dataset> {
    /// Newest first, at most one more than the limit.
    pub(super) candidates: Vec<Candidate<'a, D>>,
    /// The latest time at which a record may have been missed.
    pub(super) missed: Option<i64>,
    pub(super) rows_scanned: u64,
    limit: usize,
}

impl<'a, D: Dataset> Filling<'a, D> {
    /// Begins with what the tail holds.
    pub(super) fn new(candidates: Vec<Candidate<'a, D>>, limit: usize, complete: bool) -> Self {
        Self {
            candidates,
            missed: (!complete).then_some(i64::MAX),
            rows_scanned: 0,
            limit,
        }
    }

    /// Whether no record at or before `max_time` can be on the page or tell that there is another.
    fn is_done(&self, max_time: i64) -> bool {
        let is_filled = self
            .candidates
            .get(self.limit)
            .is_some_and(|candidate| candidate.position.time > max_time);
        is_filled || self.missed.is_some_and(|missed| missed >= max_time)
    }

    fn miss(&mut self, max_time: i64) {
        self.missed = self.missed.max(Some(max_time));
    }

    fn add(&mut self, found: Vec<Candidate<'a, D>>) {
        self.rows_scanned += found.len() as u64;
        self.candidates.extend(found);
        self.candidates
            .sort_unstable_by_key(|candidate| Reverse(candidate.position));
        self.candidates.truncate(self.limit + 1);
    }
}

/// Fills the page from the splits, which come newest first. The newest is searched alone: most
/// often it suffices.
pub(super) fn fill<'a, D: Dataset>(
    page: Filling<'a, D>,
    splits: &[&'a Arc<Split<D>>],
    search: &Search,
    watch: &Watch,
) -> io::Result<Filling<'a, D>> {
    let limit = page.limit;
    let page = Mutex::new(page);
    let lock = || page.lock().expect("no holder of this lock panics");
    let visit = |split: &'a Arc<Split<D>>, watch: &Watch| {
        let max_time = split.meta.max_time;
        if lock().is_done(max_time) {
            return Ok(());
        }
        if watch.is_over() {
            lock().miss(max_time);
            return Ok(());
        }
        let (found, complete) = newest(split, search, limit, watch)?;
        let mut page = lock();
        page.add(found);
        if !complete {
            page.miss(max_time);
        }
        io::Result::Ok(())
    };
    if let Some((first, rest)) = splits.split_first() {
        visit(first, watch)?;
        let rest_is_needed = rest
            .first()
            .is_some_and(|next| !lock().is_done(next.meta.max_time));
        if rest_is_needed {
            spread(rest.len(), watch, |index, watch| visit(rest[index], watch))?;
        }
    }
    Ok(page.into_inner().expect("no holder of this lock panics"))
}

/// The newest records of a split, one more than the limit; and whether the time sufficed.
fn newest<'a, D: Dataset>(
    split: &'a Arc<Split<D>>,
    search: &Search,
    limit: usize,
    watch: &Watch,
) -> io::Result<(Vec<Candidate<'a, D>>, bool)> {
    let documents = split.documents(search.range, search.before)?;
    if documents.is_empty() {
        return Ok((Vec::new(), true));
    }
    let mut found = Vec::new();
    let mut selection = split.select(&search.filter, documents)?;
    let complete = selection.each(watch, |document| {
        found.push(document);
        found.len() <= limit
    })?;
    let candidates = found.iter().map(|document| {
        Ok(Candidate {
            position: split.position(*document)?,
            place: Place::Split(split, *document),
        })
    });
    let candidates = candidates.collect::<io::Result<Vec<_>>>()?;
    Ok((candidates, complete || found.len() > limit))
}
