//! The one file of a split: sections one after another, a directory at the end that says where
//! each is.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bits::bits_at;
use super::caches::Caches;
use crate::kept::Slot;

const MAGIC: &[u8; 8] = b"WFSPLIT3";
const FOOTER: u64 = 8 + 4 + 8;
const PACKING: i32 = 3;
/// Nothing that is unpacked as a whole is larger than this.
const MOST_UNPACKED: usize = 1 << 30;

/// Where a section is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Section {
    offset: u64,
    len: u64,
}

impl Section {
    pub(super) const fn len(&self) -> u64 {
        self.len
    }
}

/// Writes the file.
pub(super) struct SplitWriterFile {
    dir: PathBuf,
    file: BufWriter<File>,
    written: u64,
    packer: zstd::bulk::Compressor<'static>,
    /// Bytes of what lies in folders beside it.
    beside: u64,
}

impl SplitWriterFile {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut packer = zstd::bulk::Compressor::new(PACKING)?;
        packer.include_checksum(true)?;
        Ok(Self {
            dir: dir_of(path),
            file: BufWriter::with_capacity(1 << 18, File::create(path)?),
            written: 0,
            packer,
            beside: 0,
        })
    }

    /// A name that nothing beside the file has.
    pub(super) fn free_name(&self, what: &str) -> String {
        format!("{what}-{}", self.written)
    }

    /// The path of what lies beside the file.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Counts bytes of a file that lies beside it as its own.
    pub(super) fn count_beside(&mut self, bytes: u64) {
        self.beside += bytes;
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<Section> {
        self.file.write_all(bytes)?;
        let section = Section {
            offset: self.written,
            len: bytes.len() as u64,
        };
        self.written += section.len;
        Ok(section)
    }

    /// The same, packed with a checksum; [`SplitFile::unpacked`] reads it.
    pub(super) fn put_packed(&mut self, bytes: &[u8]) -> io::Result<Section> {
        let packed = self.packer.compress(bytes)?;
        self.put(&packed)
    }

    /// Writes the directory and makes all durable; the size of the file.
    pub(super) fn finish(mut self, directory: &impl Serialize) -> io::Result<u64> {
        let Section { offset, len } = self.put_packed(&serde_json::to_vec(directory)?)?;
        let len = u32::try_from(len).map_err(io::Error::other)?;
        self.file.write_all(&offset.to_le_bytes())?;
        self.file.write_all(&len.to_le_bytes())?;
        self.file.write_all(MAGIC)?;
        let file = self.file.into_inner().map_err(io::Error::other)?;
        file.sync_all()?;
        Ok(self.written + FOOTER + self.beside)
    }
}

/// The file. It is open while it is read, and as long after as there is room for it.
#[derive(Debug)]
pub(super) struct SplitFile {
    path: PathBuf,
    caches: Arc<Caches>,
    file: Arc<Slot<File>>,
    len: u64,
}

impl SplitFile {
    /// The file, without a look at its directory.
    pub(super) fn at(path: &Path, caches: &Arc<Caches>) -> io::Result<Self> {
        let mut file = Self {
            path: path.to_owned(),
            caches: Arc::clone(caches),
            file: Arc::default(),
            len: 0,
        };
        file.len = file.opened()?.metadata()?.len();
        Ok(file)
    }

    fn opened(&self) -> io::Result<Arc<File>> {
        let open = || Ok((File::open(&self.path)?, 1));
        self.caches.files.get(&self.file, open)
    }

    /// Opens the file and reads its directory.
    pub(super) fn open<T: DeserializeOwned>(
        path: &Path,
        caches: &Arc<Caches>,
    ) -> io::Result<(Self, T)> {
        let file = Self::at(path, caches)?;
        let len = file.len;
        let at = len
            .checked_sub(FOOTER)
            .ok_or_else(|| damaged("it is too short"))?;
        let mut footer = [0; FOOTER as usize];
        file.opened()?.read_exact_at(&mut footer, at)?;
        let (offset, rest) = footer.split_first_chunk().unwrap_or((&[0; 8], &[]));
        let (size, magic) = rest.split_first_chunk().unwrap_or((&[0; 4], &[]));
        if magic != MAGIC {
            return Err(damaged("it does not end as a split does"));
        }
        let section = Section {
            offset: u64::from_le_bytes(*offset),
            len: u64::from(u32::from_le_bytes(*size)),
        };
        let directory = serde_json::from_slice(&file.unpacked(section)?)?;
        Ok((file, directory))
    }

    /// The path of what lies beside the file.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        dir_of(&self.path).join(name)
    }

    /// Some bytes of a section; fewer where it ends.
    pub(super) fn read(&self, section: Section, start: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_into(section, start, len, &mut bytes)?;
        Ok(bytes)
    }

    /// The same, into a buffer that is used again.
    pub(super) fn read_into(
        &self,
        section: Section,
        start: u64,
        len: usize,
        bytes: &mut Vec<u8>,
    ) -> io::Result<()> {
        let start = start.min(section.len);
        let len = (len as u64).min(section.len - start);
        let at = section.offset + start;
        if at + len > self.len {
            return Err(damaged("a section is beyond its end"));
        }
        bytes.resize(len as usize, 0);
        self.opened()?.read_exact_at(bytes, at)
    }

    /// A whole section.
    pub(super) fn whole(&self, section: Section) -> io::Result<Vec<u8>> {
        self.read(
            section,
            0,
            usize::try_from(section.len).map_err(io::Error::other)?,
        )
    }

    /// A whole section that was written packed.
    pub(super) fn unpacked(&self, section: Section) -> io::Result<Vec<u8>> {
        let packed = self.whole(section)?;
        let size = zstd::zstd_safe::get_frame_content_size(&packed)
            .ok()
            .flatten();
        let size = size
            .and_then(|size| usize::try_from(size).ok())
            .filter(|size| *size <= MOST_UNPACKED)
            .ok_or_else(|| damaged("a packed section has no size"))?;
        zstd::bulk::decompress(&packed, size)
    }
}

fn dir_of(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

pub(super) fn damaged(reason: &str) -> io::Error {
    let reason = format!("the split is damaged: {reason}");
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Reads single numbers of a section of bits: a few bytes where it jumps, more and more where it
/// goes straight on.
#[derive(Debug)]
pub(super) struct Window<'a> {
    file: &'a SplitFile,
    section: Section,
    start: u64,
    bytes: Vec<u8>,
    /// How much is read next.
    reach: usize,
}

impl<'a> Window<'a> {
    const SHORT: usize = 256;
    const LONG: usize = 32 << 10;

    pub(super) const fn new(file: &'a SplitFile, section: Section) -> Self {
        Self {
            file,
            section,
            start: 0,
            bytes: Vec::new(),
            reach: Self::SHORT,
        }
    }

    /// The number of `width` bits at a place of the section.
    pub(super) fn bits(&mut self, bit: u64, width: u32) -> io::Result<u64> {
        if width == 0 {
            return Ok(0);
        }
        self.cover(bit / 8, 9)?;
        Ok(bits_at(&self.bytes, bit - self.start * 8, width))
    }

    /// Some bytes of the section; zero where it has ended.
    pub(super) fn bytes<const N: usize>(&mut self, at: u64) -> io::Result<[u8; N]> {
        self.cover(at, N as u64)?;
        let mut out = [0; N];
        let from = (at - self.start) as usize;
        let there = self.bytes.get(from..).unwrap_or_default();
        let len = there.len().min(N);
        out[..len].copy_from_slice(&there[..len]);
        Ok(out)
    }

    fn cover(&mut self, at: u64, len: u64) -> io::Result<()> {
        let end = self.start + self.bytes.len() as u64;
        let is_inside = self.start <= at && (at + len <= end || end == self.section.len);
        if is_inside && !self.bytes.is_empty() {
            return Ok(());
        }
        let goes_on = self.start <= at && at <= end + Self::SHORT as u64;
        self.reach = if goes_on && !self.bytes.is_empty() {
            (2 * self.reach).min(Self::LONG)
        } else {
            Self::SHORT
        };
        self.start = at / 8 * 8;
        self.file
            .read_into(self.section, self.start, self.reach, &mut self.bytes)
    }
}
