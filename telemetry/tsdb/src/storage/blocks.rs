use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use super::block::Block;
use super::chunk::window_of;
use super::compaction::{merge, plan};
use super::durable::sync_dir;
use super::slice::Slice;
use crate::OpenError;
use crate::matcher::Selector;

/// How much of all indices is kept in memory, in bytes.
const INDEX_MEMORY: usize = 48 << 20;

/// All blocks of a directory, by time.
#[derive(Debug)]
pub(crate) struct Blocks {
    dir: PathBuf,
    list: RwLock<Vec<Arc<Block>>>,
    /// Blocks that hold parts of their index in memory, the one used last at the end.
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
        let blocks = Self {
            dir: dir.to_owned(),
            list: RwLock::new(list),
            loaded: Mutex::default(),
        };
        // A crash came between the block and the end of those that it replaces.
        let replaced: HashSet<String> = blocks
            .list()
            .iter()
            .flat_map(|block| block.manifest.sources.clone())
            .collect();
        let replaced = |block: &Block| replaced.contains(&block.name());
        blocks.remove_where(replaced).map_err(io_error)?;
        Ok(blocks)
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

    pub(crate) fn bytes(&self) -> u64 {
        let list = self.list.read().expect("no holder of this lock panics");
        list.iter().map(|block| block.manifest.bytes).sum()
    }

    pub(crate) fn add(&self, dirs: &[PathBuf]) -> Result<(), OpenError> {
        let blocks: Vec<_> = dirs
            .iter()
            .map(|dir| Block::open(dir).map(Arc::new))
            .collect::<Result<_, _>>()?;
        let mut list = self.list.write().expect("no holder of this lock panics");
        list.extend(blocks);
        in_order(&mut list);
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

    /// Makes one block of some that belong together; says whether there were such. A series has at
    /// most so many milliseconds in one block.
    pub(crate) fn compact(&self, longest_ms: i64) -> io::Result<bool> {
        let Some(sources) = plan(&self.list(), longest_ms) else {
            return Ok(false);
        };
        let written = merge(&self.dir, &sources)?;
        {
            let fresh = written.as_deref().map(Block::open).transpose();
            let fresh = fresh.map_err(io::Error::other)?.map(Arc::new);
            let mut list = self.list.write().expect("no holder of this lock panics");
            list.retain(|block| !sources.iter().any(|source| Arc::ptr_eq(source, block)));
            list.extend(fresh);
            in_order(&mut list);
        }
        sources.iter().try_for_each(|block| self.delete(block))?;
        Ok(true)
    }

    /// Deletes the blocks that end before `t`.
    pub(crate) fn drop_before(&self, t: i64) -> io::Result<()> {
        self.remove_where(|block| block.manifest.max_t < t)
    }

    /// Deletes the oldest blocks until `bytes` or more are free; says how many were.
    pub(crate) fn drop_oldest(&self, bytes: u64) -> io::Result<u64> {
        let mut freed = 0;
        for block in self.list() {
            if freed >= bytes {
                break;
            }
            freed += block.manifest.bytes;
            self.remove_where(|other| std::ptr::eq(other, &raw const *block))?;
        }
        Ok(freed)
    }

    /// Keeps in mind that parts of a block's index are in memory, and gives up those that were not
    /// used for longest.
    pub(crate) fn note_use(&self, block: &Arc<Block>) {
        let mut loaded = self.loaded.lock().expect("no holder of this lock panics");
        loaded.retain(|other| !Arc::ptr_eq(other, block));
        loaded.push(Arc::clone(block));
        let mut held: usize = loaded.iter().map(|block| block.index.loaded_bytes()).sum();
        while held > INDEX_MEMORY && loaded.len() > 1 {
            let oldest = loaded.remove(0);
            held -= oldest.index.loaded_bytes().min(held);
            oldest.index.forget();
        }
        if held > INDEX_MEMORY * 2 {
            block.index.forget();
        }
    }

    /// What indices hold in memory.
    pub(crate) fn loaded_bytes(&self) -> usize {
        let loaded = self.loaded.lock().expect("no holder of this lock panics");
        loaded.iter().map(|block| block.index.loaded_bytes()).sum()
    }

    fn remove_where(&self, is_gone: impl Fn(&Block) -> bool) -> io::Result<()> {
        let gone: Vec<_> = {
            let mut list = self.list.write().expect("no holder of this lock panics");
            let (gone, kept) = list.drain(..).partition(|block| is_gone(block));
            *list = kept;
            in_order(&mut list);
            gone
        };
        gone.iter().try_for_each(|block| self.delete(block))
    }

    fn delete(&self, block: &Arc<Block>) -> io::Result<()> {
        let mut loaded = self.loaded.lock().expect("no holder of this lock panics");
        loaded.retain(|other| !Arc::ptr_eq(other, block));
        drop(loaded);
        let doomed = self.dir.join(format!("tmp-deleted-{}", block.name()));
        fs::rename(&block.dir, &doomed)?;
        sync_dir(&self.dir)?;
        fs::remove_dir_all(&doomed)
    }
}

/// By time; of the same time the one that was made later counts, and comes later.
fn in_order(list: &mut [Arc<Block>]) {
    list.sort_by_key(|block| (block.manifest.min_t, block.manifest.batch));
}
