use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use watchfire_schemas::BatchSeq;

use crate::split::{self, SplitMeta};
use crate::store::OpenError;

/// Counts up with every change after which an older binary would misread what is on disk.
const FORMAT: u32 = 3;
const FILE: &str = "manifest.json";

/// What a dataset's folder holds. It is replaced as a whole, so a reader finds the old one or the
/// new one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    /// The last batch of which every record is in one of the splits (or was dropped with one).
    pub(super) checkpoint: BatchSeq,
    pub(super) next_split: u64,
    /// In the order they were sealed.
    pub(super) splits: Vec<SplitMeta>,
}

impl Manifest {
    /// Reads the manifest of `dir`, which is made if need be, and removes folders that it does not
    /// know: a crash has left them half-written.
    pub(super) fn open(dir: &Path) -> Result<Self, OpenError> {
        let at = |source| OpenError::Io {
            path: dir.display().to_string(),
            source,
        };
        fs::create_dir_all(dir).map_err(at)?;
        let path = dir.join(FILE);
        let manifest = match fs::read(&path) {
            Ok(json) => Self::parse(&path, &json)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self {
                format: FORMAT,
                checkpoint: BatchSeq::ZERO,
                next_split: 1,
                splits: Vec::new(),
            },
            Err(source) => {
                return Err(OpenError::Io {
                    path: path.display().to_string(),
                    source,
                });
            }
        };
        for meta in &manifest.splits {
            let folder = split::folder(meta.number);
            if !dir.join(&folder).is_dir() {
                return Err(damaged(
                    &path,
                    format!("it names {folder}, which is missing"),
                ));
            }
        }
        manifest.remove_unknown(dir)?;
        Ok(manifest)
    }

    /// Makes this the manifest of `dir`, durably: what it names must be on disk before.
    pub(super) fn publish(&self, dir: &Path) -> io::Result<()> {
        let temporary = dir.join("manifest.json.tmp");
        let mut file = File::create(&temporary)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        file.sync_all()?;
        fs::rename(&temporary, dir.join(FILE))?;
        File::open(dir)?.sync_all()
    }

    fn parse(path: &Path, json: &[u8]) -> Result<Self, OpenError> {
        let value: Value =
            serde_json::from_slice(json).map_err(|error| damaged(path, error.to_string()))?;
        let found = value["format"]
            .as_u64()
            .ok_or_else(|| damaged(path, "it has no format".to_owned()))?;
        if found != u64::from(FORMAT) {
            return Err(OpenError::Version {
                path: path.display().to_string(),
                found: u32::try_from(found).unwrap_or(u32::MAX),
                supported: FORMAT,
            });
        }
        serde_json::from_value(value).map_err(|error| damaged(path, error.to_string()))
    }

    fn remove_unknown(&self, dir: &Path) -> Result<(), OpenError> {
        let at = |source| OpenError::Io {
            path: dir.display().to_string(),
            source,
        };
        let known: Vec<_> = self
            .splits
            .iter()
            .map(|meta| split::folder(meta.number))
            .collect();
        let mut unknown = Vec::new();
        for entry in fs::read_dir(dir).map_err(at)? {
            let entry = entry.map_err(at)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("split-") && !known.contains(&name) {
                unknown.push(entry.path());
            }
        }
        // A crash while the first split is written leaves one. More than that without a manifest
        // means that the manifest was lost, and nothing may be thrown away.
        if self.next_split == 1 && unknown.len() > 1 {
            return Err(damaged(
                &dir.join(FILE),
                "it is missing, but there are splits".to_owned(),
            ));
        }
        for path in unknown {
            tracing::info!(path = %path.display(), "removing a split that was not finished");
            fs::remove_dir_all(&path).map_err(at)?;
        }
        Ok(())
    }
}

fn damaged(path: &Path, reason: String) -> OpenError {
    OpenError::Damaged {
        path: path.display().to_string(),
        reason,
    }
}
