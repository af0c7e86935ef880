use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{fs, io};

use watchfire_schemas::BatchSeq;

use crate::wal::Packed;

/// Batches of the log that could not be read or applied. Each is set aside in a file of its own, as
/// the log held it, and not tried again.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    dir: PathBuf,
    known: Mutex<BTreeSet<BatchSeq>>,
}

impl DeadLetters {
    /// Those in `dir`, which may not be there yet.
    pub(crate) fn open(dir: PathBuf) -> io::Result<Self> {
        let mut known = BTreeSet::new();
        match fs::read_dir(&dir) {
            Ok(entries) => {
                for entry in entries {
                    known.extend(batch_of(&entry?.path()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Self {
            dir,
            known: Mutex::new(known),
        })
    }

    pub(crate) fn holds(&self, batch: BatchSeq) -> bool {
        self.lock().contains(&batch)
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Keeps a batch, on disk when this returns. Answers where.
    pub(crate) fn set_aside(&self, batch: BatchSeq, packed: &Packed) -> io::Result<PathBuf> {
        self.lock().insert(batch);
        fs::create_dir_all(&self.dir)?;
        let path = self.dir.join(format!("{:016x}.batch", batch.0));
        let fresh = path.with_extension("new");
        let mut bytes = Vec::new();
        packed.write(&mut bytes, 0, batch);
        fs::write(&fresh, &bytes)?;
        fs::File::open(&fresh)?.sync_all()?;
        fs::rename(&fresh, &path)?;
        fs::File::open(&self.dir)?.sync_all()?;
        Ok(path)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<BatchSeq>> {
        self.known.lock().expect("no holder of this lock panics")
    }
}

fn batch_of(path: &Path) -> Option<BatchSeq> {
    let name = path.file_name()?.to_str()?.strip_suffix(".batch")?;
    u64::from_str_radix(name, 16).ok().map(BatchSeq)
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::Timestamp;

    use super::*;
    use crate::wal::Kind;

    #[test]
    fn what_was_set_aside_is_known_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let open = || DeadLetters::open(dir.path().join("dead-letters")).unwrap();
        let letters = open();
        assert!(!letters.holds(BatchSeq(7)));
        let packed = Packed::new(Kind::Logs, Timestamp::default(), b"x".to_vec());
        let path = letters.set_aside(BatchSeq(7), &packed).unwrap();
        assert!(fs::metadata(path).unwrap().len() > 0);
        assert!(open().holds(BatchSeq(7)) && !open().holds(BatchSeq(8)));
        assert_eq!(open().count(), 1);
    }
}
