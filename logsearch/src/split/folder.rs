use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// Where a split is. Shared by all that may read it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    is_doomed: AtomicBool,
}

impl Folder {
    pub(super) const fn new(path: PathBuf) -> Self {
        Self {
            path,
            is_doomed: AtomicBool::new(false),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// It is removed as soon as nobody can read it any more.
    pub(super) fn doom(&self) {
        self.is_doomed.store(true, Ordering::Relaxed);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_doomed.load(Ordering::Relaxed) {
            return;
        }
        // What cannot be removed now, the next start removes.
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "an old split could not be removed");
        }
    }
}
