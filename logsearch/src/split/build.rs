use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tantivy::TantivyDocument;
use tantivy::directory::MmapDirectory;
use tantivy::schema::OwnedValue;
use watchfire_schemas::{BatchSeq, Timestamp};

use super::facts::Facts;
use super::layout::{Layout, Place};
use super::{BLOOM_FILE, FACTS_FILE, bloom};
use crate::fields::{Dataset, Kind};
use crate::row::Row;
use crate::scalar::{Scalar, cut};

/// What the index writer may use; it takes less for a small split.
const WRITER_BYTES: usize = 64 << 20;
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
}

/// Writes a split into the empty folder `dir` and makes it durable. The rows are in order, newest
/// first, so that the number of a document in the index is its place in time.
pub(super) fn build<D: Dataset>(
    dir: &Path,
    number: u64,
    rows: &[&Row<D>],
    now: Timestamp,
) -> io::Result<SplitMeta> {
    let layout = Layout::of::<D>();
    let directory = MmapDirectory::open(dir).map_err(io::Error::other)?;
    let mut writer = layout
        .index_builder()
        .single_segment_index_writer(directory, WRITER_BYTES)
        .map_err(io::Error::other)?;
    let mut source = Vec::new();
    for row in rows {
        writer
            .add_document(document(&layout, row, &mut source))
            .map_err(io::Error::other)?;
    }
    writer.finalize().map_err(io::Error::other)?;
    let facts = Facts::of(rows);
    write_file(&dir.join(FACTS_FILE), &facts.write()?)?;
    if let Some(ids) = traces::<D>(rows) {
        write_file(&dir.join(BLOOM_FILE), &bloom::write(&ids))?;
    }
    File::open(dir)?.sync_all()?;
    let batches = || rows.iter().map(|row| row.id.batch());
    let times = || rows.iter().map(|row| row.position().time);
    Ok(SplitMeta {
        number,
        min_time: times().min().unwrap_or_default(),
        max_time: times().max().unwrap_or_default(),
        records: rows.len() as u64,
        first_batch: batches().min().unwrap_or_default(),
        last_batch: batches().max().unwrap_or_default(),
        services: (facts.services.len() <= MAX_SERVICES)
            .then(|| facts.services.into_iter().collect()),
        bytes: folder_bytes(dir)?,
        sealed_at: now.nanos(),
    })
}

fn document<D: Dataset>(layout: &Layout, row: &Row<D>, source: &mut Vec<u8>) -> TantivyDocument {
    let mut document = TantivyDocument::default();
    document.add_i64(layout.time, row.position().time);
    document.add_u64(layout.record_id, row.id.as_u64());
    let mut section = 0;
    for (field, place) in D::fields().iter().zip(&layout.places) {
        match (&field.kind, *place) {
            (Kind::Keyword { each, .. }, Place::Keyword(column)) => {
                each(&row.record, &mut |value| {
                    document.add_text(column, cut(value));
                });
            }
            (Kind::Text { of }, Place::Text(column)) => {
                if !of(&row.record).is_empty() {
                    document.add_text(layout.present, field.name);
                    document.add_text(column, row.words.section(section));
                }
                section += 1;
            }
            (Kind::Number { of, .. }, Place::Number(column)) => {
                if let Some(number) = of(&row.record) {
                    document.add_i64(column, number);
                }
            }
            (Kind::Trace { of, .. }, Place::TraceTerms(column)) => {
                if let Some(id) = of(&row.record) {
                    document.add_bytes(column, &id.bytes());
                }
            }
            (Kind::Trace { of, .. }, Place::TraceColumns(high, low)) => {
                if let Some(id) = of(&row.record) {
                    let number = u128::from_be_bytes(id.bytes());
                    document.add_u64(high, (number >> 64) as u64);
                    document.add_u64(low, number as u64);
                }
            }
            _ => {}
        }
    }
    let mut attributes = Vec::new();
    D::each_attribute(&row.record, &mut |name, scalar| {
        attributes.push((name.to_owned(), owned(scalar)));
    });
    if !attributes.is_empty() {
        document.add_field_value(layout.attributes, &OwnedValue::Object(attributes));
    }
    source.clear();
    D::write_source(&row.record, source);
    document.add_bytes(layout.source, source);
    document
}

fn owned(scalar: Scalar<'_>) -> OwnedValue {
    match scalar {
        Scalar::Text(text) => OwnedValue::Str(text.to_owned()),
        Scalar::Int(n) => OwnedValue::I64(n),
        Scalar::Unsigned(n) => OwnedValue::U64(n),
        Scalar::Float(n) => OwnedValue::F64(n),
        Scalar::Bool(b) => OwnedValue::Bool(b),
    }
}

/// The trace ids, if the dataset needs a filter to find them.
fn traces<D: Dataset>(rows: &[&Row<D>]) -> Option<Vec<watchfire_schemas::TraceId>> {
    D::fields().iter().find_map(|field| match &field.kind {
        Kind::Trace {
            of,
            as_terms: false,
        } => {
            let mut ids: Vec<_> = rows.iter().filter_map(|row| of(&row.record)).collect();
            ids.sort_unstable();
            ids.dedup();
            Some(ids)
        }
        _ => None,
    })
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn folder_bytes(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
