//! An immutable, time-bounded part of a dataset on disk. Only this module names the engine.

mod access;
mod bloom;
mod build;
mod columns;
mod complement;
mod facts;
mod keyword;
mod layout;
mod plan;
mod selection;
mod value_columns;

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use tantivy::columnar::{Column, ColumnValues};
use tantivy::directory::{Directory as _, MmapDirectory, OwnedBytes};
use tantivy::query::EnableScoring;
use tantivy::schema::Value;
use tantivy::{Index, SegmentReader, TantivyDocument};
use watchfire_schemas::{TimeRange, Timestamp};

pub(crate) use access::answered_by;
pub(crate) use build::SplitMeta;
pub(crate) use facts::{Cell, Facts};
pub(crate) use keyword::KeywordColumn;
pub(crate) use selection::Selection;
pub(crate) use value_columns::{ValueColumns, ValueKey};

use crate::fields::{Dataset, Kind, NumberStore};
use crate::filter::{Filter, KeywordTest};
use crate::row::{Position, Row};
use columns::Columns;
use layout::Layout;

const FACTS_FILE: &str = "facts.json.zst";
const BLOOM_FILE: &str = "traces.bloom";
/// Blocks of 128 KiB that a fetch keeps unpacked: neighbours of a page lie in few.
const CACHED_BLOCKS: usize = 4;

/// A split; its files are opened when a query first needs them.
pub(crate) struct Split<D> {
    pub(crate) meta: SplitMeta,
    dir: PathBuf,
    opened: OnceLock<Opened>,
    facts: OnceLock<Facts>,
    dataset: PhantomData<fn() -> D>,
}

struct Opened {
    layout: Layout,
    reader: SegmentReader,
    /// Descending.
    times: Arc<dyn ColumnValues<i64>>,
    ids: Arc<dyn ColumnValues<u64>>,
    bloom: Option<OwnedBytes>,
}

/// Writes the rows as split `number` under `parent` and opens it. What an earlier try has left
/// there is removed first. The rows must be in order, newest first.
pub(crate) fn write<D: Dataset>(
    parent: &Path,
    number: u64,
    rows: &[&Row<D>],
    now: Timestamp,
) -> io::Result<Split<D>> {
    let dir = parent.join(folder(number));
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir(&dir)?;
    let meta = build::build(&dir, number, rows, now)?;
    Ok(Split::new(parent, meta))
}

/// The name of a split's folder.
pub(crate) fn folder(number: u64) -> String {
    format!("split-{number:08}")
}

impl<D: Dataset> Split<D> {
    pub(crate) fn new(parent: &Path, meta: SplitMeta) -> Self {
        Self {
            dir: parent.join(folder(meta.number)),
            meta,
            opened: OnceLock::new(),
            facts: OnceLock::new(),
            dataset: PhantomData,
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn facts(&self) -> io::Result<&Facts> {
        if let Some(facts) = self.facts.get() {
            return Ok(facts);
        }
        let facts = Facts::read(&self.dir.join(FACTS_FILE))?;
        Ok(self.facts.get_or_init(|| facts))
    }

    /// Whether a record of the range can be in here.
    pub(crate) fn overlaps(&self, range: TimeRange) -> bool {
        self.meta.min_time < range.end.nanos() && range.start.nanos() <= self.meta.max_time
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
                    store: NumberStore::Time,
                    ..
                } => *low <= self.meta.max_time && self.meta.min_time <= *high,
                Kind::Number {
                    store: NumberStore::Id,
                    ..
                } => self.holds_ids(*low, *high),
                _ => low <= high,
            },
            Filter::Trace { id, .. } => match &self.opened()?.bloom {
                Some(bits) => bloom::may_contain(bits, *id),
                None => true,
            },
            _ => true,
        })
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
        let all = opened.reader.max_doc();
        let mut start = first(all, |doc| opened.times.get_val(doc) < range.end.nanos());
        if let Some(before) = before {
            start = start.max(first(all, |doc| opened.position(doc) < before));
        }
        let end = first(all, |doc| opened.times.get_val(doc) < range.start.nanos());
        Ok(start..end.max(start))
    }

    /// The documents among these that the filter means, newest first.
    pub(crate) fn select(&self, filter: &Filter, documents: Range<u32>) -> io::Result<Selection> {
        let opened = self.opened()?;
        let query = plan::plan::<D>(&opened.layout, filter);
        let weight = query
            .weight(EnableScoring::disabled_from_schema(&opened.layout.schema))
            .map_err(io::Error::other)?;
        let scorer = weight
            .scorer(&opened.reader, 1.0)
            .map_err(io::Error::other)?;
        Ok(Selection::new(scorer, documents))
    }

    pub(crate) fn position(&self, document: u32) -> io::Result<Position> {
        Ok(self.opened()?.position(document))
    }

    /// The time of a document.
    pub(crate) fn time_of(&self) -> io::Result<impl Fn(u32) -> i64> {
        let times = &self.opened()?.times;
        Ok(|document| times.get_val(document))
    }

    /// The number that a document has in a field; 0 for none.
    pub(crate) fn number_of(&self, field: usize) -> io::Result<impl Fn(u32) -> i64 + use<D>> {
        let columns = self.opened()?.reader.fast_fields();
        let column = columns
            .column_opt(D::fields()[field].name)
            .map_err(io::Error::other)?;
        let column = column.map(|column: Column<i64>| column.first_or_default_col(0));
        Ok(move |document| column.as_ref().map_or(0, |column| column.get_val(document)))
    }

    /// The records themselves.
    pub(crate) fn fetch(&self, documents: &[u32]) -> io::Result<Vec<D::Record>> {
        let opened = self.opened()?;
        let store = opened.reader.get_store_reader(CACHED_BLOCKS)?;
        let columns = Columns::of(&opened.reader, &opened.times).map_err(io::Error::other)?;
        let read = |document: &u32| {
            let stored: TantivyDocument = store.get(*document).map_err(io::Error::other)?;
            let source = stored.get_first(opened.layout.source);
            let source = source.as_ref().and_then(Value::as_bytes);
            D::read_source(source.unwrap_or_default(), columns.at(*document))
                .map_err(io::Error::other)
        };
        documents.iter().map(read).collect()
    }

    fn opened(&self) -> io::Result<&Opened> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let opened = Opened::open::<D>(&self.dir)?;
        Ok(self.opened.get_or_init(|| opened))
    }
}

impl Opened {
    fn open<D: Dataset>(dir: &Path) -> io::Result<Self> {
        let index = Index::open_in_dir(dir).map_err(io::Error::other)?;
        let segments = index.searchable_segments().map_err(io::Error::other)?;
        let [segment] = segments.as_slice() else {
            return Err(io::Error::other("a split is one segment"));
        };
        let reader = SegmentReader::open(segment).map_err(io::Error::other)?;
        let columns = reader.fast_fields();
        let times = columns.i64(layout::TIME).map_err(io::Error::other)?;
        let ids = columns.u64(layout::RECORD_ID).map_err(io::Error::other)?;
        let bloom = if dir.join(BLOOM_FILE).exists() {
            let directory = MmapDirectory::open(dir).map_err(io::Error::other)?;
            let file = directory
                .open_read(Path::new(BLOOM_FILE))
                .map_err(io::Error::other)?;
            Some(file.read_bytes()?)
        } else {
            None
        };
        Ok(Self {
            layout: Layout::of::<D>(),
            times: times.values,
            ids: ids.values,
            reader,
            bloom,
        })
    }

    fn position(&self, document: u32) -> Position {
        Position {
            time: self.times.get_val(document),
            id: self.ids.get_val(document),
        }
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
fn first(all: u32, is: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, all);
    while low < high {
        let middle = low.midpoint(high);
        if is(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}
