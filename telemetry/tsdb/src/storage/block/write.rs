use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use watchfire_schemas::{BatchSeq, LabelSet, MetricKind};

use super::index::{Footer, GROUP, Group, StoredChunk, StoredEntry, StoredValues};
use super::sections::SectionWriter;
use super::{FORMAT_VERSION, Manifest};
use crate::storage::chunk::{Content, window_of};
use crate::storage::durable::sync_dir;
use crate::storage::label_index::{LabelIndex, SeriesId};

/// Writes a block series by series, in the order of their labels. The block has its final name
/// only once all of it is on disk; what a crash leaves behind begins with `tmp-`.
pub(crate) struct BlockWriter {
    blocks: PathBuf,
    unfinished: PathBuf,
    chunks: BufWriter<File>,
    offset: u64,
    sections: SectionWriter<BufWriter<File>>,
    labels: LabelIndex,
    /// Entries that wait for their group to be full, with the offset of their first chunk.
    waiting: Vec<StoredEntry>,
    waiting_at: u64,
    groups: Vec<Group>,
    base: i64,
    min_t: i64,
    max_t: i64,
    series: u32,
    samples: u64,
}

/// A chunk that goes into a block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChunkBytes<'a> {
    pub(crate) content: Content,
    pub(crate) min_t: i64,
    pub(crate) max_t: i64,
    pub(crate) count: u32,
    pub(crate) bytes: &'a [u8],
}

impl BlockWriter {
    /// No chunk may begin before `base`.
    pub(crate) fn create(blocks: &Path, base: i64) -> io::Result<Self> {
        let unfinished = blocks.join(format!("tmp-{}", window_of(base)));
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        fs::create_dir_all(&unfinished)?;
        let file = |name: &str| File::create(unfinished.join(name)).map(BufWriter::new);
        Ok(Self {
            chunks: file("chunks")?,
            sections: SectionWriter::new(file("index")?)?,
            blocks: blocks.to_owned(),
            unfinished,
            offset: 0,
            labels: LabelIndex::default(),
            waiting: Vec::with_capacity(GROUP),
            waiting_at: 0,
            groups: Vec::new(),
            base,
            min_t: i64::MAX,
            max_t: i64::MIN,
            series: 0,
            samples: 0,
        })
    }

    /// Adds the chunks of a series, earliest first.
    pub(crate) fn series<'a>(
        &mut self,
        labels: &LabelSet,
        kind: MetricKind,
        carried: bool,
        chunks: impl Iterator<Item = ChunkBytes<'a>>,
    ) -> io::Result<()> {
        let mut stored = Vec::new();
        for chunk in chunks {
            self.chunks.write_all(chunk.bytes)?;
            self.offset += chunk.bytes.len() as u64;
            self.min_t = self.min_t.min(chunk.min_t);
            self.max_t = self.max_t.max(chunk.max_t);
            self.samples += u64::from(chunk.count);
            stored.push(StoredChunk {
                is_histograms: chunk.content == Content::Histograms,
                after: chunk.min_t.wrapping_sub(self.base) as u64,
                span: chunk.max_t.wrapping_sub(chunk.min_t) as u64,
                count: chunk.count,
                length: u32::try_from(chunk.bytes.len()).map_err(io::Error::other)?,
                crc: crc32c::crc32c(chunk.bytes).to_le_bytes(),
            });
        }
        if stored.is_empty() {
            return Ok(());
        }
        let labels = self.labels.symbols.intern_labels(labels);
        self.labels.insert(self.series as SeriesId, &labels);
        self.series += 1;
        self.waiting.push(StoredEntry {
            labels: labels.into_vec(),
            kind,
            carried,
            chunks: stored,
        });
        if self.waiting.len() == GROUP {
            self.write_group()?;
        }
        Ok(())
    }

    /// Makes it a block; gives its directory, or `None` if no series was added.
    pub(crate) fn finish(
        mut self,
        batch: BatchSeq,
        sources: Vec<String>,
    ) -> io::Result<Option<PathBuf>> {
        if self.series == 0 {
            fs::remove_dir_all(&self.unfinished)?;
            return Ok(None);
        }
        self.write_group()?;
        let names = self.write_postings()?;
        let texts: Vec<&str> = self.labels.symbols.texts().collect();
        let footer = Footer {
            series: self.series,
            base: self.base,
            symbols: self.sections.put(&texts)?,
            names,
            groups: self.groups,
        };
        let (index, index_bytes) = self.sections.finish(&footer)?;
        for file in [self.chunks, index] {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
        }
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            min_t: self.min_t,
            max_t: self.max_t,
            series: self.series as usize,
            samples: self.samples,
            bytes: self.offset + index_bytes,
            index_bytes,
            batch,
            sources,
        };
        publish(&self.blocks, &self.unfinished, &manifest).map(Some)
    }

    fn write_group(&mut self) -> io::Result<()> {
        if !self.waiting.is_empty() {
            self.groups.push(Group {
                section: self.sections.put(&self.waiting)?,
                chunks: self.waiting_at,
            });
            self.waiting.clear();
        }
        self.waiting_at = self.offset;
        Ok(())
    }

    fn write_postings(&mut self) -> io::Result<BTreeMap<String, super::sections::Section>> {
        let symbols = &self.labels.symbols;
        let mut by_name: BTreeMap<&str, StoredValues> = BTreeMap::new();
        for (name, value, ids) in self.labels.postings() {
            let mut before = 0;
            let differences = ids
                .iter()
                .map(|id| id - std::mem::replace(&mut before, *id));
            let values = by_name.entry(symbols.text(name)).or_default();
            values.push((value, differences.collect()));
        }
        let mut names = BTreeMap::new();
        for (name, mut values) in by_name {
            values.sort_unstable_by_key(|(value, _)| symbols.text(*value));
            names.insert(name.to_owned(), self.sections.put(&values)?);
        }
        Ok(names)
    }
}

/// Writes the manifest and gives the block its final name.
fn publish(blocks: &Path, unfinished: &Path, manifest: &Manifest) -> io::Result<PathBuf> {
    let mut file = File::create(unfinished.join("manifest.json"))?;
    file.write_all(&serde_json::to_vec_pretty(manifest)?)?;
    file.sync_all()?;
    sync_dir(unfinished)?;
    let name = format!("{}-{}", window_of(manifest.min_t), manifest.batch);
    let mut finished = blocks.join(&name);
    let mut copy = 1;
    while finished.exists() {
        copy += 1;
        finished = blocks.join(format!("{name}-{copy}"));
    }
    fs::rename(unfinished, &finished)?;
    sync_dir(blocks)?;
    Ok(finished)
}
