use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use watchfire_schemas::BatchSeq;

use super::ByKind;
use super::segment::{self, Active, SEGMENT_HEADER};

/// The size and limits of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WalOptions {
    /// How large a segment is. A batch that is larger gets a segment of its own.
    pub(crate) segment_bytes: u64,
    /// What all segments together may take; beyond it, the log says that the disk is full.
    pub(crate) max_bytes: u64,
}

impl Default for WalOptions {
    /// To fill 64 MiB with zeros and sync them took 600 ms on a busy disk, 16 MiB 115 to 210 ms.
    /// Only the first batches after the first start may wait for it; later ones find a spare.
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            max_bytes: 8 << 30,
        }
    }
}

/// The segments that are not being written: full ones that a consumer may still need, and spare
/// ones to be used again. The writer takes from here; whoever recycles puts back.
#[derive(Debug)]
pub(crate) struct Shelf {
    dir: PathBuf,
    options: WalOptions,
    /// Held for bookkeeping and renames, never while a segment is filled with zeros.
    inventory: Mutex<Inventory>,
}

#[derive(Debug, Default)]
struct Inventory {
    sealed: Vec<Sealed>,
    spares: Vec<PathBuf>,
    next_segment: u64,
    next_spare: u64,
    /// Bytes of the segment that is being written.
    active_bytes: u64,
}

/// A segment that is written to no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) last: ByKind,
}

/// A page: what the smallest write takes.
const PROBE_BYTES: u64 = 4096;
/// More spares than this are given back to the file system.
const MOST_SPARES: usize = 2;

impl Shelf {
    pub(super) fn new(
        dir: &Path,
        options: WalOptions,
        sealed: Vec<Sealed>,
        spares: Vec<PathBuf>,
        next_segment: u64,
    ) -> Self {
        let number = |path: &PathBuf| -> Option<u64> {
            let name = path.file_stem()?.to_str()?;
            name.strip_prefix("spare-")?.parse().ok()
        };
        let inventory = Inventory {
            // A new spare must not take the place of one that is there.
            next_spare: spares.iter().filter_map(number).max().unwrap_or(0),
            next_segment,
            sealed,
            spares,
            active_bytes: 0,
        };
        Self {
            dir: dir.to_owned(),
            options,
            inventory: Mutex::new(inventory),
        }
    }

    /// What the log takes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        let inventory = self.lock();
        let spares = inventory.spares.len() as u64 * self.options.segment_bytes;
        inventory.active_bytes + inventory.sealed.iter().map(|s| s.bytes).sum::<u64>() + spares
    }

    /// How many segments there are: full ones and the one that is being written.
    #[cfg(test)]
    pub(crate) fn segments(&self) -> usize {
        self.lock().sealed.len() + 1
    }

    /// Gives back every segment whose batches all consumers have passed. Answers how many. One that
    /// cannot be given back stays for the next time; the first error is told.
    pub(crate) fn recycle(&self, passed: &ByKind) -> io::Result<usize> {
        let mut inventory = self.lock();
        let (mut count, mut failure) = (0, None);
        for segment in std::mem::take(&mut inventory.sealed) {
            let given = segment.last.is_within(passed);
            match given.then(|| self.give_back(&mut inventory, &segment)) {
                Some(Ok(())) => count += 1,
                Some(Err(error)) => {
                    failure.get_or_insert(error);
                    inventory.sealed.push(segment);
                }
                None => inventory.sealed.push(segment),
            }
        }
        drop(inventory);
        if count > 0 {
            segment::sync_dir(&self.dir)?;
        }
        failure.map_or(Ok(count), Err)
    }

    /// Makes a spare of a segment, or removes it.
    fn give_back(&self, inventory: &mut Inventory, segment: &Sealed) -> io::Result<()> {
        let is_usable = segment.bytes == self.options.segment_bytes;
        if !is_usable || inventory.spares.len() >= MOST_SPARES {
            return match fs::remove_file(&segment.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let spare = self.spare_path(inventory);
        fs::rename(&segment.path, &spare)?;
        inventory.spares.push(spare);
        Ok(())
    }

    /// Makes a spare segment if there is none, so that the writer need not wait for zeros.
    pub(crate) fn prepare_spare(&self) -> io::Result<()> {
        let path = {
            let mut inventory = self.lock();
            if !inventory.spares.is_empty() {
                return Ok(());
            }
            self.spare_path(&mut inventory)
        };
        self.check_room(self.options.segment_bytes)?;
        segment::allocate(&path, self.options.segment_bytes)?;
        self.lock().spares.push(path);
        Ok(())
    }

    /// Whether a file can be made, written and synced here.
    pub(crate) fn probe(&self) -> io::Result<()> {
        let path = self.dir.join("probe");
        segment::allocate(&path, PROBE_BYTES)?;
        fs::remove_file(&path)
    }

    /// A fresh segment with room for `frame` bytes.
    pub(super) fn take(&self, frame: usize, first_seq: BatchSeq) -> io::Result<Active> {
        let needed = (frame + 2 * SEGMENT_HEADER) as u64;
        let (spare, path, id) = {
            let mut inventory = self.lock();
            let id = inventory.next_segment;
            inventory.next_segment += 1;
            let fits = needed <= self.options.segment_bytes;
            match inventory.spares.pop().filter(|_| fits) {
                Some(spare) => (true, spare, id),
                None => (false, self.spare_path(&mut inventory), id),
            }
        };
        if !spare {
            let bytes = needed.max(self.options.segment_bytes);
            self.check_room(bytes)?;
            segment::allocate(&path, bytes)?;
        }
        let begun = Active::begin(&path, &self.dir, id, first_seq);
        // What was to be a segment is a spare again, if it is still there.
        let active =
            begun.inspect_err(|_| self.lock().spares.extend(path.exists().then_some(path)))?;
        self.lock().active_bytes = active.bytes;
        Ok(active)
    }

    /// Puts a full segment on the shelf.
    pub(super) fn put(&self, active: &Active) {
        self.lock().sealed.push(Sealed {
            path: active.path.clone(),
            bytes: active.bytes,
            last: active.last,
        });
    }

    pub(super) fn adopt(&self, active: &Active) {
        self.lock().active_bytes = active.bytes;
    }

    fn check_room(&self, more: u64) -> io::Result<()> {
        if self.bytes() + more > self.options.max_bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn spare_path(&self, inventory: &mut Inventory) -> PathBuf {
        inventory.next_spare += 1;
        self.dir.join(format!("spare-{}.wal", inventory.next_spare))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inventory> {
        self.inventory
            .lock()
            .expect("no holder of this lock panics")
    }
}
