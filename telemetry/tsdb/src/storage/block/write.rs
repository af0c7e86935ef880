use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use watchfire_schemas::{BatchSeq, LabelSet, MetricKind};

use super::{ChunkPlace, FORMAT_VERSION, INDEX, IndexCounts, Manifest, SeriesEntry};
use crate::storage::chunk::{Chunk, window_of};
use crate::storage::durable::{put, sync_dir, write_sealed};
use crate::storage::symbols::SymbolTable;

/// The chunks of one series that go into a block, earliest first.
#[derive(Debug)]
pub(crate) struct BlockSeries {
    pub(crate) labels: LabelSet,
    pub(crate) kind: MetricKind,
    pub(crate) carried: bool,
    pub(crate) chunks: Vec<Arc<Chunk>>,
}

/// Writes a block under `blocks` and gives its directory. It has its final name only once all of
/// it is on disk; what a crash leaves behind begins with `tmp-`.
pub(crate) fn write_block(
    blocks: &Path,
    batch: BatchSeq,
    series: &[BlockSeries],
) -> io::Result<PathBuf> {
    let all = || series.iter().flat_map(|series| &series.chunks);
    let min_t = all().map(|chunk| chunk.min_t).min().unwrap_or_default();
    let max_t = all().map(|chunk| chunk.max_t).max().unwrap_or_default();
    let name = format!("{}-{batch}", window_of(min_t));
    let unfinished = blocks.join(format!("tmp-{name}"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(&unfinished)?;

    let (entries, symbols, chunk_bytes) = write_chunks(&unfinished.join("chunks"), series)?;
    let index = unfinished.join("index");
    write_index(&index, &symbols, &entries)?;
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        min_t,
        max_t,
        series: series.len(),
        samples: all().map(|chunk| u64::from(chunk.count)).sum(),
        bytes: chunk_bytes + fs::metadata(&index)?.len(),
        batch,
    };
    let mut file = File::create(unfinished.join("manifest.json"))?;
    file.write_all(&serde_json::to_vec_pretty(&manifest)?)?;
    file.sync_all()?;
    sync_dir(&unfinished)?;

    let mut finished = blocks.join(&name);
    let mut copy = 1;
    while finished.exists() {
        copy += 1;
        finished = blocks.join(format!("{name}-{copy}"));
    }
    fs::rename(&unfinished, &finished)?;
    sync_dir(blocks)?;
    Ok(finished)
}

fn write_chunks(
    path: &Path,
    series: &[BlockSeries],
) -> io::Result<(Vec<SeriesEntry>, SymbolTable, u64)> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut symbols = SymbolTable::default();
    let mut offset = 0;
    let mut entries = Vec::with_capacity(series.len());
    for one in series {
        let mut chunks = Vec::with_capacity(one.chunks.len());
        for chunk in &one.chunks {
            file.write_all(&chunk.bytes)?;
            chunks.push(ChunkPlace {
                min_t: chunk.min_t,
                max_t: chunk.max_t,
                count: chunk.count,
                offset,
                length: u32::try_from(chunk.bytes.len()).map_err(io::Error::other)?,
                crc: crc32c::crc32c(&chunk.bytes),
            });
            offset += chunk.bytes.len() as u64;
        }
        entries.push(SeriesEntry {
            labels: symbols.intern_labels(&one.labels),
            kind: one.kind,
            carried: one.carried,
            chunks,
        });
    }
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok((entries, symbols, offset))
}

fn write_index(path: &Path, symbols: &SymbolTable, entries: &[SeriesEntry]) -> io::Result<()> {
    write_sealed(path, INDEX, |records| {
        let counts = IndexCounts {
            symbols: symbols.texts().len(),
            series: entries.len(),
        };
        put(records, &counts)?;
        for text in symbols.texts() {
            put(records, &**text)?;
        }
        entries.iter().try_for_each(|entry| put(records, entry))
    })
}
