mod write;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};
use watchfire_schemas::{BatchSeq, MetricKind};

use super::chunk::Chunk;
use super::durable::{Format, open_sealed};
use super::label_index::{LabelIndex, SeriesId};
use super::slice::{Part, Slice};
use super::symbols::{SymbolPairs, SymbolTable};
use crate::OpenError;
use crate::matcher::Selector;

pub(crate) use write::{BlockSeries, write_block};

/// What the manifest's `format_version` says.
const FORMAT_VERSION: u32 = 1;
const INDEX: Format = Format {
    magic: *b"WFTSINDX",
    version: FORMAT_VERSION,
};

/// Two hours of samples on disk: a chunk file, an index and a manifest. Never changes.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) dir: PathBuf,
    pub(crate) manifest: Manifest,
    chunks: File,
    /// Read when first needed; dropped when other blocks need the memory.
    index: Mutex<Option<Arc<BlockIndex>>>,
}

/// What a block holds; a block without one was never finished.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format_version: u32,
    pub(crate) min_t: i64,
    pub(crate) max_t: i64,
    pub(crate) series: usize,
    pub(crate) samples: u64,
    pub(crate) bytes: u64,
    /// The last batch that had been appended when it was cut.
    pub(crate) batch: BatchSeq,
}

#[derive(Debug)]
pub(crate) struct BlockIndex {
    pub(crate) labels: LabelIndex,
    series: Vec<SeriesEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct IndexCounts {
    symbols: usize,
    series: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct SeriesEntry {
    labels: SymbolPairs,
    kind: MetricKind,
    carried: bool,
    chunks: Vec<ChunkPlace>,
}

/// Where a chunk lies in the chunk file, and its checksum.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct ChunkPlace {
    min_t: i64,
    pub(super) max_t: i64,
    count: u32,
    offset: u64,
    length: u32,
    crc: u32,
}

impl Block {
    pub(crate) fn open(dir: &Path) -> Result<Self, OpenError> {
        let manifest = read_manifest(&dir.join("manifest.json"))?;
        let chunks = dir.join("chunks");
        let file = File::open(&chunks).map_err(|source| OpenError::Io {
            path: chunks.display().to_string(),
            source,
        })?;
        Ok(Self {
            dir: dir.to_owned(),
            manifest,
            chunks: file,
            index: Mutex::new(None),
        })
    }

    pub(crate) fn overlaps(&self, from: i64, to: i64) -> bool {
        self.manifest.min_t <= to && self.manifest.max_t >= from
    }

    /// The series that match, with what may lie in `from..=to`.
    pub(crate) fn select(
        self: &Arc<Self>,
        selector: &Selector,
        from: i64,
        to: i64,
    ) -> io::Result<Vec<Slice>> {
        let index = self.index()?;
        let mut ids: Vec<SeriesId> = Vec::new();
        for set in &selector.alternatives {
            ids.extend(index.labels.select(set));
        }
        ids.sort_unstable();
        ids.dedup();
        let slices = ids.into_iter().filter_map(|id| {
            let entry = index.series.get(id as usize)?;
            let from = if entry.carried {
                Slice::reach_back(from)
            } else {
                from
            };
            let places = entry.chunks.iter();
            let parts: Vec<_> = places
                .filter(|place| place.min_t <= to && place.max_t >= from)
                .map(|&place| Part::Stored(Arc::clone(self), place))
                .collect();
            (!parts.is_empty()).then(|| Slice {
                labels: Arc::new(index.labels.symbols.label_set(&entry.labels)),
                carried: entry.carried,
                parts,
            })
        });
        Ok(slices.collect())
    }

    /// Reads a chunk and checks it.
    pub(crate) fn chunk(&self, place: &ChunkPlace) -> io::Result<Chunk> {
        let mut bytes = vec![0; place.length as usize].into_boxed_slice();
        self.chunks.read_exact_at(&mut bytes, place.offset)?;
        if crc32c::crc32c(&bytes) != place.crc {
            let text = format!("{}: a chunk's checksum is wrong", self.dir.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(Chunk {
            min_t: place.min_t,
            max_t: place.max_t,
            count: place.count,
            bytes,
        })
    }

    pub(crate) fn index(&self) -> io::Result<Arc<BlockIndex>> {
        let mut index = self.index.lock().expect("no holder of this lock panics");
        if let Some(index) = &*index {
            return Ok(Arc::clone(index));
        }
        let read = Arc::new(BlockIndex::read(&self.dir.join("index"))?);
        *index = Some(Arc::clone(&read));
        Ok(read)
    }

    /// Gives the index's memory back; it is read anew when needed.
    pub(crate) fn forget_index(&self) {
        *self.index.lock().expect("no holder of this lock panics") = None;
    }
}

impl BlockIndex {
    fn read(path: &Path) -> io::Result<Self> {
        let mut records = open_sealed(path, INDEX).map_err(io::Error::other)?;
        let counts: IndexCounts = records.next()?;
        let mut symbols = SymbolTable::default();
        for _ in 0..counts.symbols {
            symbols.intern(&records.next::<String>()?);
        }
        let mut labels = LabelIndex::with_symbols(symbols);
        let mut series = Vec::new();
        for id in 0..counts.series {
            let entry: SeriesEntry = records.next()?;
            labels.insert(id as SeriesId, &entry.labels);
            series.push(entry);
        }
        Ok(Self { labels, series })
    }
}

fn read_manifest(path: &Path) -> Result<Manifest, OpenError> {
    let text = std::fs::read(path).map_err(|source| OpenError::Io {
        path: path.display().to_string(),
        source,
    })?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| OpenError::Damaged {
        path: path.display().to_string(),
        reason: error.to_string(),
    })?;
    if manifest.format_version != FORMAT_VERSION {
        return Err(OpenError::Version {
            path: path.display().to_string(),
            found: manifest.format_version,
            supported: FORMAT_VERSION,
        });
    }
    Ok(manifest)
}
