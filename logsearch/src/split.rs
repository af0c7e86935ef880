//! An immutable, time-bounded part of a dataset on disk: one file of columns, newest first. A text
//! is the number of its shape and the numbers that vary in it; a word is looked up in the shapes, by
//! a list of theirs or, where they are many, by an index in a folder beside the file.

mod access;
mod bits;
mod blocks;
mod caches;
mod columns;
mod directory;
mod facts;
mod file;
mod folder;
mod ids;
mod keyword;
mod loaded;
mod node;
mod numbers;
mod opened;
mod plan;
mod presence;
mod rows;
mod selection;
mod stop;
mod tally;
mod texts;
mod value_columns;
mod write;

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use watchfire_schemas::{TimeRange, Timestamp, TraceId};

pub(crate) use access::answered_by;
pub(crate) use blocks::BlockColumn;
pub(crate) use caches::Caches;
pub(crate) use facts::{Cell, Facts};
pub(crate) use selection::Selection;
pub(crate) use value_columns::{ValueColumns, ValueKey};
pub(crate) use write::{SplitMeta, SplitWriter};

use crate::fields::{Dataset, Kind, NumberSource};
use crate::filter::{Filter, KeywordTest};
use crate::kept::Slot;
use crate::row::{Position, Row, Rows};
use file::SplitFile;
use folder::Folder;
use numbers::meaning;
use opened::Opened;

const FILE: &str = "split";

/// A split; its file is opened when a query first needs it. It is closed by putting
/// [`Self::closed`] in its place.
pub(crate) struct Split<D> {
    pub(crate) meta: SplitMeta,
    folder: Arc<Folder>,
    caches: Arc<Caches>,
    trace_filter: Arc<Slot<Vec<u8>>>,
    /// When it was used last; 0 for never.
    used: AtomicU64,
    opened: OnceLock<Opened>,
    facts: OnceLock<Facts>,
    dataset: PhantomData<fn() -> D>,
}

/// Writes the rows as split `number` under `parent` and opens it. What an earlier try has left
/// there is removed first. The rows must be in order, newest first; each comes with the number of
/// the `Rows` that it is one of.
pub(crate) fn write<'a, D: Dataset>(
    parent: &Path,
    number: u64,
    all: &[&Rows],
    rows: impl Iterator<Item = (usize, Row<'a>)>,
    now: Timestamp,
) -> io::Result<Split<D>> {
    let mut writer = SplitWriter::new(parent, number);
    let columns: Vec<_> = all.iter().map(|rows| writer.columns_of(rows)).collect();
    for (of, row) in rows {
        writer.push(row, &columns[of]);
    }
    writer.finish(now)
}

/// The name of a split's folder.
pub(crate) fn folder(number: u64) -> String {
    format!("split-{number:08}")
}

impl<D: Dataset> Split<D> {
    pub(crate) fn new(parent: &Path, meta: SplitMeta) -> Self {
        Self {
            folder: Arc::new(Folder::new(parent.join(folder(meta.number)))),
            meta,
            caches: Arc::default(),
            trace_filter: Arc::default(),
            used: AtomicU64::new(0),
            opened: OnceLock::new(),
            facts: OnceLock::new(),
            dataset: PhantomData,
        }
    }

    /// The same, sharing what may be open with other splits.
    pub(crate) fn sharing(mut self, caches: &Arc<Caches>) -> Self {
        self.caches = Arc::clone(caches);
        self
    }

    /// The same, not yet open.
    pub(crate) fn closed(&self) -> Self {
        Self {
            meta: self.meta.clone(),
            folder: Arc::clone(&self.folder),
            caches: Arc::clone(&self.caches),
            trace_filter: Arc::clone(&self.trace_filter),
            used: AtomicU64::new(0),
            opened: OnceLock::new(),
            facts: OnceLock::new(),
            dataset: PhantomData,
        }
    }

    /// When it was used last, counted in uses; none if it is not open.
    pub(crate) fn used(&self) -> Option<u64> {
        let used = self.used.load(Ordering::Relaxed);
        (used > 0).then_some(used)
    }

    /// No manifest names it any more: its folder is removed as soon as the last query lets it go.
    pub(crate) fn doom(&self) {
        self.folder.doom();
    }

    pub(crate) fn facts(&self) -> io::Result<&Facts> {
        if let Some(facts) = self.facts.get() {
            return Ok(facts);
        }
        let opened = self.opened()?;
        let facts = opened.file.unpacked(opened.directory.facts)?;
        let facts = serde_json::from_slice(&facts)?;
        Ok(self.facts.get_or_init(|| facts))
    }

    /// Whether a record of the range can be in here.
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.meta.min_time < range.end.nanos() && range.start.nanos() <= self.meta.max_time
    }

    /// Whether all of its records are of the range.
    pub(crate) fn is_within(&self, range: TimeRange) -> bool {
        range.start.nanos() <= self.meta.min_time && self.meta.max_time < range.end.nanos()
    }

    /// Whether a record that the filter means can be in here; asks only what is cheap.
    pub(crate) fn could_match(&self, filter: &Filter) -> io::Result<bool> {
        Ok(match filter {
            Filter::Nothing => false,
            Filter::And(parts) => {
                for part in parts {
                    if !self.could_match(part)? {
                        return Ok(false);
                    }
                }
                true
            }
            Filter::Or(parts) => {
                for part in parts {
                    if self.could_match(part)? {
                        return Ok(true);
                    }
                }
                false
            }
            Filter::Keyword {
                field,
                test: KeywordTest::Is(value),
            } => {
                let known = self
                    .meta
                    .services
                    .as_ref()
                    .filter(|_| D::fields()[*field].name == "service");
                known.is_none_or(|services| services.contains(value))
            }
            Filter::Number { field, low, high } => match &D::fields()[*field].kind {
                Kind::Number {
                    of: NumberSource::Time,
                    ..
                } => *low <= self.meta.max_time && self.meta.min_time <= *high,
                Kind::Number {
                    of: NumberSource::Id,
                    ..
                } => self.holds_ids(*low, *high),
                _ => low <= high,
            },
            Filter::Trace { id, .. } => self.may_hold_trace(*id)?,
            _ => true,
        })
    }

    /// Asks the filter of traces alone, from memory or else from its few places on disk.
    fn may_hold_trace(&self, id: TraceId) -> io::Result<bool> {
        let Some(traces) = &self.meta.traces else {
            return Ok(false);
        };
        let id = u128::from_be_bytes(id.bytes());
        let file = || SplitFile::at(&self.folder.path().join(FILE), &self.caches);
        let (filters, size) = (&self.caches.trace_filters, traces.filter_bytes());
        if self.trace_filter.is_filled() || filters.has_room(size) {
            let filter =
                filters.get(&self.trace_filter, || Ok((traces.filter(&file()?)?, size)))?;
            return Ok(traces.may_have(id, &filter));
        }
        let blocks = traces.blocks_with(id, &file()?)?;
        Ok(blocks.contains(&true))
    }

    fn holds_ids(&self, low: i64, high: i64) -> bool {
        let batch = |id: i64| watchfire_schemas::RecordId::from_u64(id.max(0) as u64).batch();
        low <= high && batch(low) <= self.meta.last_batch && self.meta.first_batch <= batch(high)
    }

    /// The documents of a range of time, those at and after `before` left out.
    pub(crate) fn documents(
        &self,
        range: TimeRange,
        before: Option<Position>,
    ) -> io::Result<Range<u32>> {
        let opened = self.opened()?;
        let all = opened.directory.rows;
        let mut times = opened.times()?;
        let (start, end) = (range.start.nanos(), range.end.nanos());
        let mut first_before = |time: i64| match time {
            _ if time > self.meta.max_time => Ok(0),
            _ if time <= self.meta.min_time => Ok(all),
            _ => first(all, |doc| Ok(meaning::to_int(times.get(doc)?) < time)),
        };
        let mut from = first_before(end)?;
        let to = first_before(start)?;
        if let Some(before) = before {
            from = from.max(first(all, |doc| Ok(opened.position(doc)? < before))?);
        }
        Ok(from..to.max(from))
    }

    /// The documents among these that the filter means, newest first.
    pub(crate) fn select<'a>(
        &'a self,
        filter: &'a Filter,
        documents: Range<u32>,
    ) -> io::Result<Selection<'a>> {
        let opened = self.opened()?;
        Ok(Selection::new(opened, filter, plan::plan::<D>, documents))
    }

    pub(crate) fn position(&self, document: u32) -> io::Result<Position> {
        self.opened()?.position(document)
    }

    /// The time of a document.
    pub(crate) fn time_of(&self) -> io::Result<impl Fn(u32) -> i64> {
        let times = self.opened()?.times()?.load()?;
        Ok(move |document| meaning::to_int(times.get(document)))
    }

    /// The number that a document has in a field that is a slot; 0 for none.
    pub(crate) fn number_of(&self, field: usize) -> io::Result<impl Fn(u32) -> i64> {
        let opened = self.opened()?;
        let column = match &D::fields()[field].kind {
            Kind::Number {
                of: NumberSource::Slot(slot),
                ..
            } => opened.slot(D::slots()[*slot]),
            _ => None,
        };
        let column = column.map(loaded::LoadedColumn::of).transpose()?;
        Ok(move |document| {
            let number = column.as_ref().and_then(|column| column.number(document));
            number.map_or(0, meaning::to_int)
        })
    }

    /// The records themselves.
    pub(crate) fn fetch(&self, documents: &[u32]) -> io::Result<Vec<D::Record>> {
        let rows = self.rows(documents)?;
        rows.iter()
            .map(|row| D::read(row).map_err(io::Error::other))
            .collect()
    }

    /// The rows of these documents, as they were written. For a merge: rows of a few thousand
    /// neighbours at a time, pushed into a [`SplitWriter`] in the order of their positions.
    pub(crate) fn rows(&self, documents: &[u32]) -> io::Result<Rows> {
        rows::rows::<D>(self.opened()?, documents, None)
    }

    /// The same with the cells of a few slots alone: the other columns are not read.
    pub(crate) fn rows_of(&self, documents: &[u32], slots: &[usize]) -> io::Result<Rows> {
        rows::rows::<D>(self.opened()?, documents, Some(slots))
    }

    fn opened(&self) -> io::Result<&Opened> {
        self.used.store(self.caches.next_use(), Ordering::Relaxed);
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let opened = Opened::open(&self.folder.path().join(FILE), &self.caches)?;
        Ok(self.opened.get_or_init(|| opened))
    }
}

impl<D> fmt::Debug for Split<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Split")
            .field("meta", &self.meta)
            .finish_non_exhaustive()
    }
}

/// The first of `all` documents that is so, where all after it are so too.
fn first(all: u32, mut is: impl FnMut(u32) -> io::Result<bool>) -> io::Result<u32> {
    let (mut low, mut high) = (0, all);
    while low < high {
        let middle = low.midpoint(high);
        if is(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}
