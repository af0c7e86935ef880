mod index;
mod sections;
mod write;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};
use watchfire_schemas::BatchSeq;

use super::chunk::{Content, Encoded};
use super::durable::Format;
use super::points::ReadAhead;
use super::slice::{Part, Slice};
use crate::OpenError;
use crate::matcher::Selector;

pub(crate) use index::{BlockIndex, Entry};
pub(crate) use write::{BlockWriter, ChunkBytes};

/// What the manifest's `format_version` says.
const FORMAT_VERSION: u32 = 2;
const INDEX: Format = Format {
    magic: *b"WFTSINDX",
    version: FORMAT_VERSION,
};

/// The key of the next block; none has zero.
static NEXT_KEY: AtomicUsize = AtomicUsize::new(1);

/// Samples of one or several windows on disk: a chunk file, an index and a manifest. Never changes.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) dir: PathBuf,
    pub(crate) manifest: Manifest,
    pub(crate) index: BlockIndex,
    chunks: File,
    /// Tells it from all others that this process opens.
    key: usize,
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
    /// How much of that is the index.
    pub(crate) index_bytes: u64,
    /// The last batch that had been appended when it was cut.
    pub(crate) batch: BatchSeq,
    /// The blocks that it was made of and replaces.
    pub(crate) sources: Vec<String>,
}

/// Where a chunk lies in the chunk file, and its checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkPlace {
    pub(crate) content: Content,
    pub(crate) min_t: i64,
    pub(crate) max_t: i64,
    pub(crate) count: u32,
    pub(crate) offset: u64,
    pub(crate) length: u32,
    pub(crate) crc: u32,
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
            index: BlockIndex::open(&dir.join("index"))?,
            dir: dir.to_owned(),
            manifest,
            chunks: file,
            key: NEXT_KEY.fetch_add(1, Ordering::Relaxed),
        })
    }

    pub(crate) fn name(&self) -> String {
        let name = self.dir.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    pub(crate) fn overlaps(&self, from: i64, to: i64) -> bool {
        self.manifest.min_t <= to && self.manifest.max_t >= from
    }

    /// The series that match, with what may lie in `from..=to`, in the order of their labels.
    pub(crate) fn select(
        self: &Arc<Self>,
        selector: &Selector,
        from: i64,
        to: i64,
    ) -> io::Result<Vec<Slice>> {
        let ids = self.index.select(selector)?;
        let mut slices = Vec::with_capacity(ids.len());
        self.index.each(&ids, |entry| {
            let from = if entry.carried {
                Slice::reach_back(from)
            } else {
                from
            };
            let places = entry.chunks.iter();
            let inside = places.filter(|place| place.min_t <= to && place.max_t >= from);
            let parts: Vec<_> = inside
                .map(|&place| Part::Stored(Arc::clone(self), place))
                .collect();
            if !parts.is_empty() {
                slices.push(Slice {
                    labels: Arc::clone(&entry.labels),
                    carried: entry.carried,
                    parts,
                });
            }
        })?;
        Ok(slices)
    }

    /// Reads a chunk and checks it. What lies behind is read along with it if chunks are asked for
    /// in their order.
    pub(crate) fn chunk<'b>(
        &self,
        place: &ChunkPlace,
        ahead: &'b mut ReadAhead,
    ) -> io::Result<Encoded<'b>> {
        let length = place.length as usize;
        let bytes = ahead.read(&self.chunks, self.key, place.offset, length)?;
        if crc32c::crc32c(bytes) != place.crc {
            let text = format!("{}: a chunk's checksum is wrong", self.dir.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(Encoded {
            content: place.content,
            min_t: place.min_t,
            bytes,
        })
    }
}

impl ReadAhead {
    /// How much is read at once where chunks are asked for one after the other.
    const AHEAD: usize = 1 << 17;

    fn read(&mut self, file: &File, key: usize, offset: u64, length: usize) -> io::Result<&[u8]> {
        let end = self.offset + self.bytes.len() as u64;
        let held = self.key == key && offset >= self.offset && offset + length as u64 <= end;
        if !held {
            let goes_on = self.key == key && offset >= self.offset && offset <= end + (1 << 14);
            let wanted = if goes_on {
                Self::AHEAD.max(length)
            } else {
                length
            };
            self.bytes.resize(wanted, 0);
            self.key = 0;
            let mut read = 0;
            while read < wanted {
                match file.read_at(&mut self.bytes[read..], offset + read as u64)? {
                    0 => break,
                    more => read += more,
                }
            }
            self.bytes.truncate(read);
            (self.key, self.offset) = (key, offset);
        }
        let start = (offset - self.offset) as usize;
        self.bytes
            .get(start..start + length)
            .ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

fn read_manifest(path: &Path) -> Result<Manifest, OpenError> {
    /// What every version says.
    #[derive(Deserialize)]
    struct Versioned {
        format_version: u32,
    }
    let damaged = |error: serde_json::Error| OpenError::Damaged {
        path: path.display().to_string(),
        reason: error.to_string(),
    };
    let text = std::fs::read(path).map_err(|source| OpenError::Io {
        path: path.display().to_string(),
        source,
    })?;
    let found = serde_json::from_slice::<Versioned>(&text).map_err(damaged)?;
    if found.format_version != FORMAT_VERSION {
        return Err(OpenError::Version {
            path: path.display().to_string(),
            found: found.format_version,
            supported: FORMAT_VERSION,
        });
    }
    serde_json::from_slice(&text).map_err(damaged)
}
