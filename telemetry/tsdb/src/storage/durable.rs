//! Files that are whole or absent.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::OpenError;

const ZSTD_LEVEL: i32 = 1;
/// The magic, the version and, at the end, the checksum.
pub(crate) const HEADER: usize = 12;
const TRAILER: usize = 4;

/// What stands at the start of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) magic: [u8; 8],
    pub(crate) version: u32,
}

/// Takes the records of a file that is being written.
pub(crate) type Records<'a> = zstd::Encoder<'a, CheckedWriter>;

/// Writes a file of compressed records with a checksum and flushes it to disk.
pub(crate) fn write_sealed(
    path: &Path,
    format: Format,
    write: impl FnOnce(&mut Records<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = CheckedWriter {
        inner: BufWriter::new(File::create(path)?),
        crc: 0,
    };
    file.write_all(&format.magic)?;
    file.write_all(&format.version.to_le_bytes())?;
    let mut records = zstd::Encoder::new(file, ZSTD_LEVEL)?;
    write(&mut records)?;
    let CheckedWriter { mut inner, crc } = records.finish()?;
    inner.write_all(&crc.to_le_bytes())?;
    inner
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()
}

/// The same under the final name only once it is whole.
pub(crate) fn replace_sealed(
    path: &Path,
    format: Format,
    write: impl FnOnce(&mut Records<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let unfinished = path.with_extension("tmp");
    write_sealed(&unfinished, format, write)?;
    std::fs::rename(&unfinished, path)?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// Makes renames in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Opens a file of [`write_sealed`] after checking all of it.
pub(crate) fn open_sealed(path: &Path, format: Format) -> Result<RecordReader, OpenError> {
    let io_error = |source| OpenError::Io {
        path: path.display().to_string(),
        source,
    };
    let damaged = |reason: &str| OpenError::Damaged {
        path: path.display().to_string(),
        reason: reason.to_owned(),
    };
    let mut file = File::open(path).map_err(io_error)?;
    let length = file.metadata().map_err(io_error)?.len();
    let body = length
        .checked_sub((HEADER + TRAILER) as u64)
        .ok_or_else(|| damaged("it is too short"))?;
    let mut header = [0; HEADER];
    file.read_exact(&mut header).map_err(io_error)?;
    check_header(path, header, format)?;
    let crc = checksum(&mut file, crc32c::crc32c(&header), body).map_err(io_error)?;
    let mut trailer = [0; TRAILER];
    file.read_exact(&mut trailer).map_err(io_error)?;
    if crc != u32::from_le_bytes(trailer) {
        return Err(damaged("its checksum is wrong"));
    }
    file.seek(SeekFrom::Start(HEADER as u64))
        .map_err(io_error)?;
    let decoder = zstd::Decoder::new(file.take(body)).map_err(io_error)?;
    Ok(RecordReader(decoder))
}

/// Whether a file begins as it should.
pub(crate) fn check_header(
    path: &Path,
    header: [u8; HEADER],
    format: Format,
) -> Result<(), OpenError> {
    let [magic @ .., a, b, c, d] = header;
    if magic != format.magic {
        return Err(OpenError::Damaged {
            path: path.display().to_string(),
            reason: "it begins with other bytes than ours".to_owned(),
        });
    }
    let found = u32::from_le_bytes([a, b, c, d]);
    if found != format.version {
        return Err(OpenError::Version {
            path: path.display().to_string(),
            found,
            supported: format.version,
        });
    }
    Ok(())
}

fn checksum(file: &mut File, mut crc: u32, mut left: u64) -> io::Result<u32> {
    let mut buffer = vec![0; 1 << 16];
    while left > 0 {
        let part = &mut buffer[..left.min(1 << 16) as usize];
        file.read_exact(part)?;
        crc = crc32c::crc32c_append(crc, part);
        left -= part.len() as u64;
    }
    Ok(crc)
}

/// Writes one record, its length before it.
pub(crate) fn put<T: Serialize + ?Sized>(records: &mut impl Write, record: &T) -> io::Result<()> {
    let bytes = postcard::to_stdvec(record).map_err(io::Error::other)?;
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    records.write_all(&length.to_le_bytes())?;
    records.write_all(&bytes)
}

/// Reads the records of a file back.
pub(crate) struct RecordReader(zstd::Decoder<'static, BufReader<io::Take<File>>>);

impl RecordReader {
    pub(crate) fn next<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length)?;
        let mut bytes = Vec::new();
        let length = u64::from(u32::from_le_bytes(length));
        Read::by_ref(&mut self.0)
            .take(length)
            .read_to_end(&mut bytes)?;
        postcard::from_bytes(&bytes).map_err(io::Error::other)
    }
}

/// Keeps the checksum of what went through.
pub(crate) struct CheckedWriter {
    inner: BufWriter<File>,
    crc: u32,
}

impl Write for CheckedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.crc = crc32c::crc32c_append(self.crc, &bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
