use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use watchfire_schemas::BatchSeq;

use super::by_kind::ByKind;

/// `magic [u8; 8] | version u16 | zero u16 | crc32c u32 | id u64 | first_seq u64`.
pub(super) const SEGMENT_HEADER: usize = 32;
/// Version 1 held frames of version 1 only. A binary that knows no other takes the end of a newer
/// log for torn; so the header says what may come.
pub(super) const SEGMENT_VERSION: u16 = 2;
const MAGIC: [u8; 8] = *b"WFIREWAL";

/// What a segment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    Good {
        id: u64,
        first_seq: BatchSeq,
        version: u16,
    },
    /// Ours, but of a form that we cannot read.
    OtherVersion(u16),
    /// Not what we wrote.
    Broken,
}

pub(super) fn encode_header(id: u64, first_seq: BatchSeq) -> [u8; SEGMENT_HEADER] {
    let mut header = [0; SEGMENT_HEADER];
    header[0..8].copy_from_slice(&MAGIC);
    header[8..10].copy_from_slice(&SEGMENT_VERSION.to_le_bytes());
    header[16..24].copy_from_slice(&id.to_le_bytes());
    header[24..32].copy_from_slice(&first_seq.0.to_le_bytes());
    let crc = header_checksum(&header);
    header[12..16].copy_from_slice(&crc.to_le_bytes());
    header
}

pub(super) fn decode_header(bytes: &[u8]) -> Header {
    let Some(header) = bytes.get(..SEGMENT_HEADER) else {
        return Header::Broken;
    };
    let crc = u32::from_le_bytes([header[12], header[13], header[14], header[15]]);
    if header[0..8] != MAGIC || crc != header_checksum(header) {
        return Header::Broken;
    }
    let version = u16::from_le_bytes([header[8], header[9]]);
    if !(1..=SEGMENT_VERSION).contains(&version) {
        return Header::OtherVersion(version);
    }
    let number =
        |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().expect("the header is whole"));
    Header::Good {
        id: number(16),
        first_seq: BatchSeq(number(24)),
        version,
    }
}

fn header_checksum(header: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..12]), &header[16..SEGMENT_HEADER])
}

/// The name of the file of segment `id`; the number in it is what frames are checked against.
pub(super) fn file_name(id: u64) -> String {
    format!("{id:016x}.wal")
}

pub(super) fn id_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".wal")?;
    (name.len() == 16)
        .then(|| u64::from_str_radix(name, 16).ok())
        .flatten()
}

/// Makes a file of `bytes` zeros, on disk when this returns. A part of it is removed on failure,
/// so that a full disk is not made fuller.
pub(super) fn allocate(path: &Path, bytes: u64) -> io::Result<()> {
    const CHUNK: usize = 1 << 20;
    let fill = || -> io::Result<()> {
        let mut file = File::create(path)?;
        let zeros = vec![0; CHUNK.min(bytes as usize)];
        let mut left = bytes as usize;
        while left > 0 {
            let part = left.min(zeros.len());
            file.write_all(&zeros[..part])?;
            left -= part;
        }
        file.sync_all()
    };
    fill().inspect_err(|_| drop(fs::remove_file(path)))
}

/// Makes names and removals in a folder durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The segment that is being written.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) id: u64,
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) last: ByKind,
    file: File,
    /// Where the next frame goes.
    end: u64,
}

impl Active {
    /// Opens the segment at `path` for writing at `end`, and marks the log's end there.
    pub(super) fn open(path: PathBuf, id: u64, end: u64, last: ByKind) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let bytes = file.metadata()?.len();
        let mut active = Self {
            id,
            path,
            bytes,
            last,
            file,
            end,
        };
        active.write(&[])?;
        active.sync()?;
        Ok(active)
    }

    /// Makes a segment of the file at `from`, whatever lies in it, and gives it its name.
    pub(super) fn begin(from: &Path, dir: &Path, id: u64, first_seq: BatchSeq) -> io::Result<Self> {
        let path = dir.join(file_name(id));
        let file = OpenOptions::new().read(true).write(true).open(from)?;
        let bytes = file.metadata()?.len();
        let mut start = encode_header(id, first_seq).to_vec();
        start.extend_from_slice(&END_MARK);
        file.write_all_at(&start, 0)?;
        file.sync_data()?;
        fs::rename(from, &path)?;
        sync_dir(dir)?;
        Ok(Self {
            id,
            path,
            bytes,
            last: ByKind::default(),
            file,
            end: SEGMENT_HEADER as u64,
        })
    }

    /// Whether `more` bytes of frames still fit, with the end mark after them.
    pub(super) fn fits(&self, more: usize) -> bool {
        self.end + (more + END_MARK.len()) as u64 <= self.bytes
    }

    /// Writes frames and the mark of the log's end after them.
    pub(super) fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(frames.len() + END_MARK.len());
        buffer.extend_from_slice(frames);
        buffer.extend_from_slice(&END_MARK);
        let room = (self.bytes - self.end.min(self.bytes)) as usize;
        buffer.truncate(room.max(frames.len()));
        self.file.write_all_at(&buffer, self.end)?;
        self.end += frames.len() as u64;
        Ok(())
    }

    /// Forgets the last `bytes` of frames: the log ends before them again.
    pub(super) fn cut_back(&mut self, bytes: u64) -> io::Result<()> {
        let end = self.end.saturating_sub(bytes);
        self.end = end.max(SEGMENT_HEADER as u64);
        self.write(&[])?;
        self.sync()
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// How many bytes are used.
    pub(super) fn used(&self) -> u64 {
        self.end
    }
}

/// A frame header of zeros: what a reader takes for the log's end.
const END_MARK: [u8; 32] = [0; 32];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_what_it_is() {
        let good = encode_header(9, BatchSeq(4));
        assert_eq!(
            decode_header(&good),
            Header::Good {
                id: 9,
                first_seq: BatchSeq(4),
                version: SEGMENT_VERSION,
            }
        );
        assert_eq!(decode_header(&good[..31]), Header::Broken);
        for at in 0..SEGMENT_HEADER {
            let mut flipped = good;
            flipped[at] ^= 1;
            assert_eq!(decode_header(&flipped), Header::Broken, "byte {at}");
        }
        let mut later = good;
        later[8] = 3;
        let crc = header_checksum(&later);
        later[12..16].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(decode_header(&later), Header::OtherVersion(3));
    }

    #[test]
    fn the_number_is_in_the_name() {
        assert_eq!(
            id_of(Path::new("/x").join(file_name(255)).as_path()),
            Some(255)
        );
        assert_eq!(id_of(Path::new("spare-1.wal")), None);
    }
}
