//! What our files take.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use watchfire_dashboards::DiskUse;

/// The folder of the event store, which is told by dataset.
pub(crate) const EVENTS: &str = "events";

/// Every file and folder of the data directory, largest first.
pub(crate) fn disk_use(data_dir: &Path) -> Vec<DiskUse> {
    let mut uses = Vec::new();
    for (name, path) in entries(data_dir) {
        if name != EVENTS {
            let bytes = bytes_below(&path);
            uses.push(DiskUse { what: name, bytes });
            continue;
        }
        for (dataset, path) in entries(&path) {
            uses.push(DiskUse {
                what: format!("{EVENTS}/{dataset}"),
                bytes: bytes_below(&path),
            });
        }
    }
    uses.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.what.cmp(&b.what)));
    uses
}

fn entries(dir: &Path) -> impl Iterator<Item = (String, std::path::PathBuf)> {
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(Result::ok).map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, entry.path())
    })
}

/// The size of a file, or of all files in a folder; what is reserved counts as used. What vanishes
/// meanwhile counts as nothing.
fn bytes_below(path: &Path) -> u64 {
    const BLOCK: u64 = 512;
    let Ok(meta) = std::fs::symlink_metadata(path) else {
        return 0;
    };
    if !meta.is_dir() {
        return meta.len().max(meta.blocks() * BLOCK);
    }
    entries(path).map(|(_, path)| bytes_below(&path)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_store_is_told_by_dataset() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str, bytes: usize| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, vec![1; bytes]).unwrap();
        };
        write("events/logs/split-1/a", 40_000);
        write("events/logs/manifest.json", 10);
        write("events/spans/b", 9_000);
        write("wal/segment", 20_000);
        let uses = disk_use(dir.path());
        let names: Vec<&str> = uses.iter().map(|part| part.what.as_str()).collect();
        assert_eq!(names, ["events/logs", "wal", "events/spans"]);
        assert!(uses[0].bytes >= 40_010);
        assert_eq!(disk_use(&dir.path().join("none")), []);
    }
}
