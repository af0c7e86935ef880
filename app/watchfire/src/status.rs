//! What `/status` shows and the stores do not know.

use std::path::PathBuf;
use std::sync::Arc;

use watchfire_collector::Collector;
use watchfire_dashboards::{DiskLimit, DiskUse, InboxEntry, IngestReport, StatusSource};
use watchfire_schemas::Timestamp;

use crate::disk_share::DiskKeeper;
use crate::disk_use::disk_use;
use crate::inbox::Inbox;

#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) collector: Arc<Collector>,
    pub(crate) inbox: Option<Inbox>,
    pub(crate) data_dir: PathBuf,
    pub(crate) disk: Arc<DiskKeeper>,
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
            limited: status.limited,
            wal_bytes: status.wal_bytes,
            memory_used: status.memory_used as u64,
            memory_budget: status.memory_budget as u64,
            batches_behind: status.batches_behind,
            dead_letters: status.dead_letters as u64,
        }
    }

    fn disk(&self) -> Vec<DiskUse> {
        disk_use(&self.data_dir)
    }

    fn disk_limit(&self) -> DiskLimit {
        self.disk.seen()
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
