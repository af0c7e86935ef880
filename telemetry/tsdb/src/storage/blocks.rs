use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use super::block::Block;
use super::chunk::window_of;
use super::durable::sync_dir;
use super::slice::Slice;
use crate::OpenError;
use crate::matcher::Selector;

/// How many blocks keep their index in memory.
const LOADED_INDICES: usize = 12;

/// All blocks of a directory, by time.
#[derive(Debug)]
pub(crate) struct Blocks {
    dir: PathBuf,
    list: RwLock<Vec<Arc<Block>>>,
    /// Blocks whose index is in memory, the one used last at the end.
    loaded: Mutex<Vec<Arc<Block>>>,
}

impl Blocks {
    /// Opens what is there and clears away what a crash left unfinished.
    pub(crate) fn open(dir: &Path) -> Result<Self, OpenError> {
        let io_error = |source| OpenError::Io {
            path: dir.display().to_string(),
            source,
        };
        fs::create_dir_all(dir).map_err(io_error)?;
        let mut list = Vec::new();
        for entry in fs::read_dir(dir).map_err(io_error)? {
            let path = entry.map_err(io_error)?.path();
            let unfinished = path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("tmp-"));
            if unfinished {
                fs::remove_dir_all(&path).map_err(io_error)?;
            } else if path.is_dir() {
                list.push(Arc::new(Block::open(&path)?));
            }
        }
        list.sort_by_key(|block| (block.manifest.min_t, block.manifest.batch));
        Ok(Self {
            dir: dir.to_owned(),
            list: RwLock::new(list),
            loaded: Mutex::default(),
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn list(&self) -> Vec<Arc<Block>> {
        self.list
            .read()
            .expect("no holder of this lock panics")
            .clone()
    }

    /// The window after the newest one that has a block.
    pub(crate) fn end_window(&self) -> i64 {
        let list = self.list.read().expect("no holder of this lock panics");
        let ends = list.iter().map(|block| window_of(block.manifest.max_t) + 1);
        ends.max().unwrap_or(i64::MIN)
    }

    pub(crate) fn add(&self, dirs: &[PathBuf]) -> Result<(), OpenError> {
        let blocks: Vec<_> = dirs
            .iter()
            .map(|dir| Block::open(dir).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let mut list = self.list.write().expect("no holder of this lock panics");
        list.extend(blocks);
        list.sort_by_key(|block| (block.manifest.min_t, block.manifest.batch));
        Ok(())
    }

    /// The series that match, of all blocks that may have samples in `from..=to`.
    pub(crate) fn select(&self, selector: &Selector, from: i64, to: i64) -> io::Result<Vec<Slice>> {
        let mut slices = Vec::new();
        let reach = Slice::reach_back(from);
        for block in self.list().iter().filter(|b| b.overlaps(reach, to)) {
            slices.extend(block.select(selector, from, to)?);
            self.note_use(block);
        }
        Ok(slices)
    }

    /// Deletes the blocks that end before `t`.
    pub(crate) fn drop_before(&self, t: i64) -> io::Result<()> {
        let old: Vec<_> = {
            let mut list = self.list.write().expect("no holder of this lock panics");
            let (old, kept) = list.drain(..).partition(|block| block.manifest.max_t < t);
            *list = kept;
            old
        };
        for block in old {
            let name = block.dir.file_name().unwrap_or_default().to_string_lossy();
            let doomed = self.dir.join(format!("tmp-deleted-{name}"));
            fs::rename(&block.dir, &doomed)?;
            sync_dir(&self.dir)?;
            fs::remove_dir_all(&doomed)?;
            let mut loaded = self.loaded.lock().expect("no holder of this lock panics");
            loaded.retain(|other| !Arc::ptr_eq(other, &block));
        }
        Ok(())
    }

    pub(crate) fn note_use(&self, block: &Arc<Block>) {
        let mut loaded = self.loaded.lock().expect("no holder of this lock panics");
        loaded.retain(|other| !Arc::ptr_eq(other, block));
        loaded.push(Arc::clone(block));
        if loaded.len() > LOADED_INDICES {
            loaded.remove(0).forget_index();
        }
    }
}
