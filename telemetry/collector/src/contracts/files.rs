use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use watchfire_schemas::SchemaDefinition;

use super::ChangeError;
use crate::OpenError;

/// A folder with one file for each version of each schema.
///
/// Files and not the database of meta-data: who judges at intake must have them before it takes
/// the first record, and names no database; and a schema is a file wherever else it lives.
#[derive(Debug)]
pub(super) struct SchemaFiles {
    dir: PathBuf,
}

impl SchemaFiles {
    pub(super) fn open(dir: &Path) -> Result<Self, OpenError> {
        fs::create_dir_all(dir).map_err(OpenError::io(dir))?;
        Ok(Self {
            dir: dir.to_owned(),
        })
    }

    /// Everything in the folder, by file name.
    pub(super) fn load(&self) -> Result<Vec<SchemaDefinition>, OpenError> {
        let entries = fs::read_dir(&self.dir).map_err(OpenError::io(&self.dir))?;
        let paths: Result<Vec<PathBuf>, io::Error> =
            entries.map(|entry| Ok(entry?.path())).collect();
        let mut paths = paths.map_err(OpenError::io(&self.dir))?;
        paths.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        });
        paths.sort();
        let read = |path: &PathBuf| {
            let text = fs::read(path).map_err(OpenError::io(path))?;
            serde_json::from_slice(&text).map_err(|error| OpenError::Damaged {
                path: path.clone(),
                reason: error.to_string(),
            })
        };
        paths.iter().map(read).collect()
    }

    /// Written whole or not at all: the new file takes the place of the old one once it is on disk.
    pub(super) fn save(&self, definition: &SchemaDefinition) -> Result<(), ChangeError> {
        let path = self.path(definition);
        let unwritable = |source| ChangeError::Unwritable {
            path: path.clone(),
            source,
        };
        let text = serde_json::to_vec_pretty(definition)
            .map_err(io::Error::other)
            .map_err(unwritable)?;
        let write = || {
            let new = path.with_extension("new");
            let mut file = File::create(&new)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&new, &path)?;
            File::open(&self.dir)?.sync_all()
        };
        write().map_err(unwritable)
    }

    pub(super) fn remove(&self, definition: &SchemaDefinition) -> Result<(), ChangeError> {
        let path = self.path(definition);
        let remove = || {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            File::open(&self.dir)?.sync_all()
        };
        remove().map_err(|source| ChangeError::Unwritable {
            path: path.clone(),
            source,
        })
    }

    /// No name or version has an `@`, so no two schemas share a file.
    fn path(&self, definition: &SchemaDefinition) -> PathBuf {
        let name = format!("{}@{}.json", definition.name, definition.version);
        self.dir.join(name)
    }
}
