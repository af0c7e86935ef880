//! What `/status` shows and the stores do not know.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use watchfire_collector::Collector;
use watchfire_dashboards::{DiskUse, InboxEntry, IngestReport, StatusSource};
use watchfire_schemas::Timestamp;

use crate::inbox::Inbox;

#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) collector: Arc<Collector>,
    pub(crate) inbox: Option<Inbox>,
    pub(crate) data_dir: PathBuf,
    pub(crate) started_at: Timestamp,
}

impl StatusSource for Status {
    fn ingest(&self) -> IngestReport {
        let status = self.collector.status();
        IngestReport {
            sources: status
                .sources
                .into_iter()
                .map(|source| {
                    (
                        source.receiver,
                        source.signal,
                        source.service,
                        source.accepted,
                        source.last_at,
                    )
                })
                .collect(),
            drops: status.drops,
            wal_bytes: status.wal_bytes,
            memory_used: status.memory_used as u64,
            memory_budget: status.memory_budget as u64,
            batches_behind: status.batches_behind,
            dead_letters: status.dead_letters as u64,
        }
    }

    fn disk(&self) -> Vec<DiskUse> {
        let mut uses: Vec<_> = std::fs::read_dir(&self.data_dir)
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .map(|entry| DiskUse {
                what: entry.file_name().to_string_lossy().into_owned(),
                bytes: bytes_below(&entry.path()),
            })
            .collect();
        uses.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.what.cmp(&b.what)));
        uses
    }

    fn inbox(&self) -> Vec<InboxEntry> {
        self.inbox.as_ref().map(Inbox::recent).unwrap_or_default()
    }

    fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    fn started_at(&self) -> Timestamp {
        self.started_at
    }
}

/// The size of a file, or of all files in a folder. What vanishes meanwhile counts as nothing.
fn bytes_below(path: &Path) -> u64 {
    let Ok(meta) = std::fs::symlink_metadata(path) else {
        return 0;
    };
    if !meta.is_dir() {
        return meta.len();
    }
    let entries = std::fs::read_dir(path)
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    entries.map(|entry| bytes_below(&entry.path())).sum()
}
