use std::io;
use std::sync::Arc;

use watchfire_schemas::BatchSeq;

use super::segment::Active;
use super::{Packed, Shelf};

/// Why batches are not in the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendError {
    /// There is no room for another segment. It can pass.
    #[error("there is no room for another segment of the write-ahead log")]
    Full,
    /// The disk failed.
    #[error("a segment of the write-ahead log cannot be written")]
    Io(#[source] io::Error),
}

/// What became of a group of batches.
#[derive(Debug)]
pub(crate) struct Appended {
    /// The numbers of those that are on disk: a prefix of the group.
    pub(crate) durable: Vec<BatchSeq>,
    /// Why the others are not.
    pub(crate) error: Option<AppendError>,
}

/// The one writer of the log.
#[derive(Debug)]
pub(crate) struct WalWriter {
    shelf: Arc<Shelf>,
    /// None before the first batch, and after a failure that leaves a segment in doubt.
    active: Option<Active>,
    next: BatchSeq,
}

impl WalWriter {
    pub(super) fn new(shelf: Shelf, active: Option<Active>, next: BatchSeq) -> Self {
        Self {
            shelf: Arc::new(shelf),
            active,
            next,
        }
    }

    pub(crate) fn shelf(&self) -> &Arc<Shelf> {
        &self.shelf
    }

    /// Numbers and writes a group of batches, with one `fdatasync` for each segment that it
    /// touches. Those in the answer are on disk; a number is never given twice, not even when a
    /// write failed, since what failed may still be found there after a restart.
    pub(crate) fn append(&mut self, group: &[&Packed]) -> Appended {
        let mut durable = Vec::with_capacity(group.len());
        let mut rest = group;
        while !rest.is_empty() {
            match self.append_to_segment(rest) {
                Ok(written) => {
                    durable.extend(written.iter());
                    rest = &rest[written.len()..];
                }
                Err(error) => {
                    let error = Some(error);
                    return Appended { durable, error };
                }
            }
        }
        Appended {
            durable,
            error: None,
        }
    }

    /// Takes the last batches of the log back: they are of a request that was refused, so they must
    /// not come to life at the next replay. Their numbers stay spent.
    ///
    /// It does what it can: if the segment was left because its disk failed, or some of them lie in
    /// a segment before, those stay and may be replayed.
    pub(crate) fn take_back(&mut self, batches: &[&Packed]) {
        let bytes: usize = batches.iter().map(|packed| packed.frame_len()).sum();
        let Some(active) = self.active.as_mut().filter(|_| bytes > 0) else {
            return;
        };
        if let Err(error) = active.cut_back(bytes as u64) {
            tracing::error!(%error, "batches of a refused request stay in the write-ahead log");
            self.shelf.put(active);
            self.active = None;
        }
    }

    /// Writes as many batches as the segment has room for, at least one.
    fn append_to_segment(&mut self, group: &[&Packed]) -> Result<Vec<BatchSeq>, AppendError> {
        let first = group[0].frame_len();
        if self
            .active
            .as_ref()
            .is_none_or(|active| !active.fits(first))
        {
            self.roll(first)?;
        }
        let active = self.active.as_mut().expect("roll leaves one");
        let (mut frames, mut numbers, mut last) = (Vec::new(), Vec::new(), active.last);
        for packed in group {
            if !active.fits(frames.len() + packed.frame_len()) {
                break;
            }
            packed.write(&mut frames, active.id, self.next);
            numbers.push(self.next);
            last.set(packed.kind(), self.next);
            self.next = self.next.next();
        }
        let before = active.used();
        // Also if it fails: what is on disk all the same must be passed first.
        active.last = last;
        let written = active.write(&frames).and_then(|()| active.sync());
        if let Err(error) = written {
            // After a failed sync nobody knows what is on disk: this segment is left, its end put
            // back if the disk still takes that.
            if let Some(mut doubtful) = self.active.take() {
                drop(doubtful.cut_back(doubtful.used() - before));
                self.shelf.put(&doubtful);
            }
            return Err(in_words(error));
        }
        Ok(numbers)
    }

    fn roll(&mut self, frame: usize) -> Result<(), AppendError> {
        let fresh = self.shelf.take(frame, self.next).map_err(in_words)?;
        if let Some(full) = self.active.replace(fresh) {
            self.shelf.put(&full);
        }
        let bytes = self.active.as_ref().map_or(0, |active| active.bytes);
        tracing::debug!(bytes, first_batch = self.next.0, "log segment begun");
        Ok(())
    }

    /// How many bytes of the segment being written are used.
    #[cfg(test)]
    pub(crate) fn active_used(&self) -> u64 {
        self.active.as_ref().map_or(0, Active::used)
    }
}

fn in_words(error: io::Error) -> AppendError {
    if is_full(&error) {
        AppendError::Full
    } else {
        AppendError::Io(error)
    }
}

/// Whether an error means that there is no room, on the disk or of a quota.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
