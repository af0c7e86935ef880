use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use watchfire_schemas::{BatchSeq, RecordId, Timestamp};

use super::columns::{NamedColumns, Presences};
use super::directory::{Body, ColumnMeta, Directory};
use super::facts::FactsBuilder;
use super::file::SplitWriterFile;
use super::ids::IdsMeta;
use super::numbers::{self, Meaning, meaning};
use super::{FILE, Split, folder};
use crate::fields::{Dataset, Kind};
use crate::row::{Key, Part, Row, Rows};

/// More services than this are not listed: the split is searched for any of them.
const MAX_SERVICES: usize = 1_000;

/// What the manifest tells of a split: enough to leave it out of a query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SplitMeta {
    /// The number that names its folder.
    pub(crate) number: u64,
    /// In nanoseconds, both inclusive.
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    pub(crate) records: u64,
    pub(crate) first_batch: BatchSeq,
    pub(crate) last_batch: BatchSeq,
    /// None if there are too many.
    pub(crate) services: Option<BTreeSet<String>>,
    /// All files together.
    pub(crate) bytes: u64,
    pub(crate) sealed_at: i64,
    /// The filter of traces; none if no record has one.
    pub(crate) traces: Option<IdsMeta>,
}

/// Writes one split from rows that come newest first, so that the number of a document is its place
/// in time. It holds the columns in memory, some tens of bytes a row, not the rows.
#[derive(Debug)]
pub(crate) struct SplitWriter<D> {
    parent: PathBuf,
    number: u64,
    times: Vec<u64>,
    ids: Vec<u64>,
    columns: Vec<NamedColumns>,
    places: FxHashMap<Key, usize>,
    facts: FactsBuilder,
    batches: (BatchSeq, BatchSeq),
    dataset: PhantomData<fn() -> D>,
}

impl<D: Dataset> SplitWriter<D> {
    pub(crate) fn new(parent: &Path, number: u64) -> Self {
        Self {
            parent: parent.to_owned(),
            number,
            times: Vec::new(),
            ids: Vec::new(),
            columns: Vec::new(),
            places: FxHashMap::default(),
            facts: FactsBuilder::default(),
            batches: (BatchSeq(u64::MAX), BatchSeq::ZERO),
            dataset: PhantomData,
        }
    }

    /// Which columns the cells of these rows go to; told before their first row is pushed.
    pub(crate) fn columns_of(&mut self, rows: &Rows) -> Vec<usize> {
        let mut columns = Vec::with_capacity(rows.keys().len());
        for (index, key) in rows.keys().iter().enumerate() {
            let next = self.columns.len();
            let column = *self.places.entry(key.clone()).or_insert(next);
            if column == next {
                let with_terms = key.part == Part::Slot && is_text::<D>(index);
                self.columns
                    .push(NamedColumns::new(key.clone(), with_terms));
            }
            columns.push(column);
        }
        columns
    }

    /// Adds the next older row; `columns` is what [`Self::columns_of`] told of its rows.
    pub(crate) fn push(&mut self, row: Row<'_>, columns: &[usize]) {
        let doc = self.times.len() as u32;
        let position = row.position();
        self.times.push(meaning::of_int(position.time));
        self.ids.push(position.id);
        let batch = RecordId::from_u64(position.id).batch();
        self.batches = (self.batches.0.min(batch), self.batches.1.max(batch));
        for (key, cell) in row.cells() {
            if let Some(column) = columns.get(key) {
                self.columns[*column].push(doc, cell);
            }
        }
        let service = row.text(D::SERVICE);
        self.facts.add(position.time, D::severity(row), service);
    }

    /// Writes the files, durably, and opens the split. What an earlier try has left there is
    /// removed first.
    pub(crate) fn finish(mut self, now: Timestamp) -> io::Result<Split<D>> {
        let dir = self.parent.join(folder(self.number));
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        std::fs::create_dir(&dir)?;
        let mut file = SplitWriterFile::create(&dir.join(FILE))?;
        let rows = self.times.len() as u32;
        let time = |time: Option<&u64>| time.map_or(0, |time| meaning::to_int(*time));
        let (max_time, min_time) = (time(self.times.first()), time(self.times.last()));
        let times = numbers::write(&std::mem::take(&mut self.times), Meaning::Int, &mut file)?;
        let ids = numbers::write(&std::mem::take(&mut self.ids), Meaning::Unsigned, &mut file)?;
        let mut facts = self.facts.finish();
        for columns in &self.columns {
            columns.each_name(&mut |name| {
                if !D::is_promoted(name) && crate::scalar::is_name(name) {
                    facts.add_attribute(name);
                }
            });
        }
        let (mut presences, mut columns) = (Presences::default(), Vec::new());
        for named in self.columns {
            columns.extend(named.finish(rows, &mut presences, &mut file)?);
        }
        let presences = presences.iter().map(|presence| presence.write(&mut file));
        let directory = Directory {
            rows,
            times,
            ids,
            presences: presences.collect::<io::Result<_>>()?,
            columns,
            facts: file.put_packed(&serde_json::to_vec(&facts)?)?,
        };
        let traces = traces_of::<D>(&directory);
        let bytes = file.finish(&directory)?;
        File::open(&dir)?.sync_all()?;
        let services =
            (facts.services.len() <= MAX_SERVICES).then(|| facts.services.into_iter().collect());
        let meta = SplitMeta {
            number: self.number,
            min_time,
            max_time,
            records: u64::from(rows),
            first_batch: self.batches.0.min(self.batches.1),
            last_batch: self.batches.1,
            services,
            bytes,
            sealed_at: now.nanos(),
            traces,
        };
        Ok(Split::new(&self.parent, meta))
    }
}

/// The filter of the column of traces.
fn traces_of<D: Dataset>(directory: &Directory) -> Option<IdsMeta> {
    let name = D::fields().iter().find_map(|field| match &field.kind {
        Kind::Trace { slot } => Some(D::slots()[*slot]),
        _ => None,
    })?;
    let is_traces = |column: &&ColumnMeta| column.part == Part::Slot && column.name == name;
    match &directory.columns.iter().find(is_traces)?.body {
        Body::Ids(ids) => Some(ids.filter_alone()),
        _ => None,
    }
}

fn is_text<D: Dataset>(slot: usize) -> bool {
    D::fields()
        .iter()
        .any(|field| matches!(field.kind, Kind::Text { slot: text } if text == slot))
}
