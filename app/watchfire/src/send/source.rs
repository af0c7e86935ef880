use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc::{Receiver, channel};

/// What is read at once.
const CHUNK: usize = 256 << 10;
/// Chunks that wait to be sent: together with one batch, all that is held in memory.
const WAITING: usize = 4;

/// The bytes of a file or of standard input, decompressed, read ahead on a thread of its own.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: String,
    /// Bytes as they lie in the file, if it has an end that is known.
    pub(super) size: Option<u64>,
    /// How many of them were read.
    pub(super) read: Arc<AtomicU64>,
    pub(super) chunks: Receiver<io::Result<Vec<u8>>>,
}

/// Counts what goes through.
struct Counted<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl Source {
    /// Opens a file; `-` is standard input.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let read = Arc::new(AtomicU64::new(0));
        let (name, size, input): (_, _, Box<dyn Read + Send>) = if path == Path::new("-") {
            ("standard input".to_owned(), None, Box::new(io::stdin()))
        } else {
            let file = File::open(path)?;
            let about = file.metadata()?;
            if about.is_dir() {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            let size = about.is_file().then_some(about.len());
            (path.display().to_string(), size, Box::new(file))
        };
        let counted = Counted {
            inner: input,
            read: Arc::clone(&read),
        };
        let (sender, chunks) = channel(WAITING);
        let reader = move || {
            let mut plain = match decompressed(BufReader::with_capacity(CHUNK, counted)) {
                Ok(plain) => plain,
                Err(error) => return drop(sender.blocking_send(Err(error))),
            };
            loop {
                let mut chunk = vec![0; CHUNK];
                let come = match plain.read(&mut chunk) {
                    Ok(0) => return,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(n) => {
                        chunk.truncate(n);
                        Ok(chunk)
                    }
                    Err(error) => Err(error),
                };
                let is_end = come.is_err();
                // Nobody listens any more once sending has failed.
                if sender.blocking_send(come).is_err() || is_end {
                    return;
                }
            }
        };
        std::thread::Builder::new()
            .name("source".to_owned())
            .spawn(reader)?;
        Ok(Self {
            name,
            size,
            read,
            chunks,
        })
    }
}

/// Told by the first bytes: gzip, zstd, or plain.
fn decompressed(
    mut input: BufReader<impl Read + Send + 'static>,
) -> io::Result<Box<dyn Read + Send>> {
    let head = input.fill_buf()?;
    if head.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(input)));
    }
    if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Ok(Box::new(zstd::stream::read::Decoder::with_buffer(input)?));
    }
    Ok(Box::new(input))
}
