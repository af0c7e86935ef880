//! Frames of a file: length, checksum, content.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::FORMAT;
use crate::OpenError;
use crate::storage::durable::{HEADER, check_header};

/// Length and checksum.
const FRAME_HEADER: usize = 8;

pub(super) struct FrameWriter {
    file: BufWriter<File>,
    length: u64,
    scratch: Vec<u8>,
}

impl FrameWriter {
    /// Begins a file.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 18, File::create(path)?);
        file.write_all(&FORMAT.magic)?;
        file.write_all(&FORMAT.version.to_le_bytes())?;
        Ok(Self {
            file,
            length: HEADER as u64,
            scratch: Vec::new(),
        })
    }

    /// Goes on behind the first `length` bytes of a file; what else is there goes.
    pub(super) fn open(path: &Path, length: u64) -> io::Result<Self> {
        let mut file = OpenOptions::new().write(true).open(path)?;
        file.set_len(length)?;
        file.seek(SeekFrom::Start(length))?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 18, file),
            length,
            scratch: Vec::new(),
        })
    }

    pub(super) fn put(&mut self, frame: &impl Serialize) -> io::Result<()> {
        self.scratch.clear();
        let bytes = std::mem::take(&mut self.scratch);
        self.scratch = postcard::to_extend(frame, bytes).map_err(io::Error::other)?;
        let length = u32::try_from(self.scratch.len()).map_err(io::Error::other)?;
        let crc = crc32c::crc32c(&self.scratch);
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&crc.to_le_bytes())?;
        self.file.write_all(&self.scratch)?;
        self.length += (FRAME_HEADER + self.scratch.len()) as u64;
        Ok(())
    }

    /// Puts all on disk and gives the length of the file.
    pub(super) fn finish(self) -> io::Result<u64> {
        let file = self.file.into_inner();
        file.map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(self.length)
    }
}

/// Shows the frames in the first `length` bytes of a file. All must be there and whole.
pub(super) fn read_frames<T: DeserializeOwned>(
    path: &Path,
    length: u64,
    mut show: impl FnMut(T) -> Result<(), String>,
) -> Result<(), OpenError> {
    let io_error = |source| OpenError::Io {
        path: path.display().to_string(),
        source,
    };
    let damaged = |reason: String| OpenError::Damaged {
        path: path.display().to_string(),
        reason,
    };
    let mut file = BufReader::new(File::open(path).map_err(io_error)?);
    let mut header = [0; HEADER];
    file.read_exact(&mut header).map_err(io_error)?;
    check_header(path, header, FORMAT)?;
    let mut at = HEADER as u64;
    let mut bytes = Vec::new();
    while at < length {
        let torn = |_| damaged(format!("byte {at}: it ends within a frame"));
        let mut head = [0; FRAME_HEADER];
        file.read_exact(&mut head).map_err(torn)?;
        let [a, b, c, d, crc @ ..] = head;
        let size = u32::from_le_bytes([a, b, c, d]);
        if at + u64::from(size) > length {
            return Err(damaged(format!(
                "byte {at}: a frame is longer than the file"
            )));
        }
        bytes.resize(size as usize, 0);
        file.read_exact(&mut bytes).map_err(torn)?;
        if crc32c::crc32c(&bytes) != u32::from_le_bytes(crc) {
            return Err(damaged(format!("byte {at}: the checksum is wrong")));
        }
        let frame = postcard::from_bytes(&bytes);
        let frame = frame.map_err(|error| damaged(format!("byte {at}: {error}")))?;
        show(frame).map_err(|reason| damaged(format!("byte {at}: {reason}")))?;
        at += (FRAME_HEADER as u64) + u64::from(size);
    }
    Ok(())
}
