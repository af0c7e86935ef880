//! The parts of an index file: each is compressed and checked by itself, and found by the footer.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::INDEX;
use crate::OpenError;
use crate::storage::durable::{HEADER, check_header};

const ZSTD_LEVEL: i32 = 3;
/// The length of the footer and its checksum.
const TRAILER: usize = 8;
/// No section is larger when it is unpacked.
const MOST_BYTES: usize = 1 << 30;

/// Where a section lies, and its checksum.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Section {
    offset: u64,
    length: u32,
    crc: u32,
}

/// Writes the sections of a file one after the other.
pub(super) struct SectionWriter<W> {
    file: W,
    offset: u64,
}

impl<W: Write> SectionWriter<W> {
    pub(super) fn new(mut file: W) -> io::Result<Self> {
        file.write_all(&INDEX.magic)?;
        file.write_all(&INDEX.version.to_le_bytes())?;
        Ok(Self {
            file,
            offset: HEADER as u64,
        })
    }

    pub(super) fn put<T: Serialize + ?Sized>(&mut self, content: &T) -> io::Result<Section> {
        let plain = postcard::to_stdvec(content).map_err(io::Error::other)?;
        let packed = zstd::bulk::compress(&plain, ZSTD_LEVEL)?;
        self.file.write_all(&packed)?;
        let section = Section {
            offset: self.offset,
            length: u32::try_from(packed.len()).map_err(io::Error::other)?,
            crc: crc32c::crc32c(&packed),
        };
        self.offset += packed.len() as u64;
        Ok(section)
    }

    /// Writes what is read first. Gives the file and its length.
    pub(super) fn finish<T: Serialize>(mut self, footer: &T) -> io::Result<(W, u64)> {
        let section = self.put(footer)?;
        self.file.write_all(&section.length.to_le_bytes())?;
        self.file.write_all(&section.crc.to_le_bytes())?;
        Ok((self.file, self.offset + TRAILER as u64))
    }
}

/// Reads the footer of a file.
pub(super) fn open<T: DeserializeOwned>(path: &Path) -> Result<(File, T), OpenError> {
    let io_error = |source| OpenError::Io {
        path: path.display().to_string(),
        source,
    };
    let damaged = |reason: &str| OpenError::Damaged {
        path: path.display().to_string(),
        reason: reason.to_owned(),
    };
    let file = File::open(path).map_err(io_error)?;
    let length = file.metadata().map_err(io_error)?.len();
    if length < (HEADER + TRAILER) as u64 {
        return Err(damaged("it is too short"));
    }
    let mut header = [0; HEADER];
    file.read_exact_at(&mut header, 0).map_err(io_error)?;
    check_header(path, header, INDEX)?;
    let mut trailer = [0; TRAILER];
    let end = length - TRAILER as u64;
    file.read_exact_at(&mut trailer, end).map_err(io_error)?;
    let [a, b, c, d, crc @ ..] = trailer;
    let footer_length = u32::from_le_bytes([a, b, c, d]);
    let footer = Section {
        offset: end
            .checked_sub(u64::from(footer_length))
            .ok_or_else(|| damaged("its footer is longer than itself"))?,
        length: footer_length,
        crc: u32::from_le_bytes(crc),
    };
    let (footer, _) = read(&file, footer).map_err(|error| damaged(&error.to_string()))?;
    Ok((file, footer))
}

/// Reads a section and says how large it was unpacked.
pub(super) fn read<T: DeserializeOwned>(file: &File, section: Section) -> io::Result<(T, usize)> {
    let mut packed = vec![0; section.length as usize];
    file.read_exact_at(&mut packed, section.offset)?;
    if crc32c::crc32c(&packed) != section.crc {
        let text = "the checksum of a part of the index is wrong";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    let mut plain = Vec::new();
    let unpacked = zstd::Decoder::new(&packed[..])?;
    io::Read::read_to_end(&mut io::Read::take(unpacked, MOST_BYTES as u64), &mut plain)?;
    let content = postcard::from_bytes(&plain).map_err(io::Error::other)?;
    Ok((content, plain.len()))
}
