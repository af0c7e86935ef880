use std::cmp::Reverse;
use std::io;
use std::sync::Arc;

use watchfire_schemas::{TimeRange, Timestamp};

use crate::engine::Snapshot;
use crate::fields::Dataset;
use crate::filter::{Filter, matches};
use crate::plan::pruned;
use crate::query_types::Explain;
use crate::row::Row;
use crate::split::Split;
use crate::watch::Watch;

/// Which records a question is about, and how long it may take.
#[derive(Debug)]
pub(crate) struct Scope<'a, D: Dataset> {
    pub(crate) snapshot: &'a Snapshot<D>,
    pub(crate) filter: &'a Filter,
    pub(crate) range: TimeRange,
    pub(crate) watch: &'a Watch,
}

impl<'a, D: Dataset> Scope<'a, D> {
    /// Calls `each` with every row of the tail that is meant. Whether the time sufficed.
    pub(crate) fn each_tail_row(
        &self,
        explain: &mut Explain,
        each: &mut dyn FnMut(Row<'_>),
    ) -> bool {
        let (start, end) = (self.range.start.nanos(), self.range.end.nanos());
        let matcher = matches(self.filter);
        for batch in self.snapshot.tail.iter().rev() {
            if batch.min_time >= end || batch.max_time < start {
                continue;
            }
            if self.watch.is_over() {
                return false;
            }
            explain.tail_records += batch.rows.len() as u64;
            for row in batch.rows.iter() {
                let time = Timestamp::from_nanos(row.position().time);
                if self.range.contains(time) && matcher.accepts::<D>(row) {
                    each(row);
                }
            }
        }
        true
    }

    /// The splits that can hold such records, newest first.
    pub(crate) fn splits(&self, explain: &mut Explain) -> io::Result<Vec<&'a Arc<Split<D>>>> {
        let mut splits = Vec::new();
        for split in self.snapshot.splits.iter() {
            match pruned(split, self.filter, self.range)? {
                Some(reason) => explain.pruned_by.count(reason),
                None => splits.push(split),
            }
        }
        explain.splits_total = self.snapshot.splits.len();
        explain.splits_pruned = explain.pruned_by.total();
        splits.sort_by_key(|split| Reverse(split.meta.max_time));
        Ok(splits)
    }

    /// Calls `each` with every document of a split that is meant. Whether the time sufficed.
    pub(crate) fn each_document(
        &self,
        split: &Split<D>,
        range: TimeRange,
        explain: &mut Explain,
        each: &mut dyn FnMut(u32),
    ) -> io::Result<bool> {
        let documents = split.documents(range, None)?;
        let mut seen = 0;
        let complete = split
            .select(self.filter, documents)?
            .each(self.watch, |document| {
                each(document);
                seen += 1;
                true
            })?;
        explain.rows_scanned += seen;
        Ok(complete)
    }
}
