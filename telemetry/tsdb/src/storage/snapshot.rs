//! The head on disk, as it was after a batch: replay of the write-ahead log goes on from there.
//!
//! A file of frames holds the whole head once and behind it, frame by frame, what came since. A
//! small second file says which it is, how long it is and up to which batch it goes; it is replaced
//! as a whole, so that a snapshot counts or does not. What stands behind that length is of a
//! snapshot that did not come to its end.

mod frames;
mod record;
mod restore;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, RwLock};

use serde::{Deserialize, Serialize};
use watchfire_schemas::BatchSeq;

use super::durable::{Format, open_sealed, put, replace_sealed, sync_dir};
use super::head::Head;
use crate::OpenError;
use frames::FrameWriter;
use record::{Frame, Since};

const FORMAT: Format = Format {
    magic: *b"WFTSHEAD",
    version: 2,
};

/// The whole head is written anew when what came since takes as much, and so many bytes at least.
const LEAST_GROWTH: u64 = 8 << 20;

/// Where the snapshots of a head are kept.
#[derive(Debug)]
pub(crate) struct Snapshots {
    dir: PathBuf,
    on_disk: Mutex<OnDisk>,
}

/// What is on disk. The lock is held by the one who takes a snapshot.
#[derive(Debug, Default)]
struct OnDisk {
    file: Option<Manifest>,
    /// The length of the file when it held the whole head and no more.
    whole: u64,
    since: Since,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Manifest {
    /// Which file.
    number: u64,
    /// How long it was when this was written.
    length: u64,
    whole: u64,
    batch: BatchSeq,
}

impl Snapshots {
    /// Opens what a directory holds, and gives the head that it describes.
    pub(crate) fn open(dir: &Path) -> Result<(Self, Head), OpenError> {
        let path = dir.join("head.snapshot");
        let snapshots = |file: Option<Manifest>, since| Self {
            dir: dir.to_owned(),
            on_disk: Mutex::new(OnDisk {
                file,
                whole: file.map_or(0, |file| file.whole),
                since,
            }),
        };
        if !path.exists() {
            return Ok((snapshots(None, Since::default()), Head::new()));
        }
        let damaged = |error: io::Error| OpenError::Damaged {
            path: path.display().to_string(),
            reason: error.to_string(),
        };
        let manifest: Manifest = open_sealed(&path, FORMAT)?.next().map_err(damaged)?;
        let head = restore::head(&frames_path(dir, manifest.number), &manifest)?;
        let since = Since::of(&head);
        Ok((snapshots(Some(manifest), since), head))
    }

    /// Writes what the head has and the last snapshot has not; the whole head if `whole`, or if
    /// that is due. Gives the batch up to which it goes.
    pub(crate) fn write(&self, head: &RwLock<Head>, whole: bool) -> io::Result<BatchSeq> {
        let mut on_disk = self.on_disk.lock().expect("no holder of this lock panics");
        let before = on_disk.file;
        let goes_on = before
            .filter(|file| !whole && file.length - on_disk.whole < on_disk.whole.max(LEAST_GROWTH));
        // Series note what was written of them as it is written: if that fails, all is due again.
        on_disk.file = None;
        let (manifest, since) = match goes_on {
            Some(file) => self.append(head, file, on_disk.since)?,
            None => self.write_whole(head, before)?,
        };
        replace_sealed(&self.dir.join("head.snapshot"), FORMAT, |records| {
            put(records, &manifest)
        })?;
        *on_disk = OnDisk {
            file: Some(manifest),
            whole: manifest.whole,
            since,
        };
        self.clear_away(manifest.number)?;
        Ok(manifest.batch)
    }

    fn write_whole(
        &self,
        head: &RwLock<Head>,
        before: Option<Manifest>,
    ) -> io::Result<(Manifest, Since)> {
        let number = before.map_or_else(|| self.next_number(), |file| Ok(file.number + 1))?;
        let mut frames = FrameWriter::create(&frames_path(&self.dir, number))?;
        let (batch, since) = {
            let head = head.read().expect("no holder of this lock panics");
            Frame::each(&head, None, |frame| frames.put(frame))?;
            (head.batch, Since::of(&head))
        };
        let length = frames.finish()?;
        sync_dir(&self.dir)?;
        let manifest = Manifest {
            number,
            length,
            whole: length,
            batch,
        };
        Ok((manifest, since))
    }

    fn append(
        &self,
        head: &RwLock<Head>,
        file: Manifest,
        since: Since,
    ) -> io::Result<(Manifest, Since)> {
        let path = frames_path(&self.dir, file.number);
        let mut frames = FrameWriter::open(&path, file.length)?;
        let (batch, since) = {
            let head = head.read().expect("no holder of this lock panics");
            Frame::each(&head, Some(since), |frame| frames.put(frame))?;
            (head.batch, Since::of(&head))
        };
        let length = frames.finish()?;
        let manifest = Manifest {
            length,
            batch,
            ..file
        };
        Ok((manifest, since))
    }

    /// A number that no file has.
    fn next_number(&self) -> io::Result<u64> {
        let numbers = self.files()?.into_iter().map(|(number, _)| number);
        Ok(numbers.max().map_or(1, |most| most + 1))
    }

    /// Deletes all files but one.
    fn clear_away(&self, kept: u64) -> io::Result<()> {
        for (number, path) in self.files()? {
            if number != kept {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<(u64, PathBuf)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let number = name
                .strip_prefix("head-")
                .and_then(|rest| rest.parse().ok());
            files.extend(number.map(|number| (number, path.clone())));
        }
        Ok(files)
    }
}

fn frames_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("head-{number}"))
}
