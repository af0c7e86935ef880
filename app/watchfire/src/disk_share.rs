//! Our share of the disk, and what goes when it is used up.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use watchfire_dashboards::DiskLimit;
use watchfire_logsearch::EventStore;
use watchfire_tsdb::Tsdb;

use crate::disk_use::disk_use;

/// How often it is looked what the files take; less often where looking takes long.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Looking takes at most this part of the time.
const LOOKING: u32 = 50;
/// Room is made before the share is used up: this part of it (in hundredths) …
const HIGH: u64 = 95;
/// … and so much that what comes next does not have to make room again at once.
const LOW: u64 = 92;
/// A message about a disk that is too small is not repeated sooner.
const REPEAT: Duration = Duration::from_mins(5);

/// How much of the disk may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DiskShare {
    /// In bytes, if somebody said so.
    pub(crate) limit: Option<u64>,
    /// Hundredths of the room that others leave us.
    pub(crate) percent: u64,
}

impl DiskShare {
    /// What we may take, where our files take `ours` and `free` is left. It is a part of the room
    /// that we have, not of the whole disk: where others fill it, what we keep shrinks, and what
    /// is left free with it, but it is never nothing.
    fn allowed(self, ours: u64, free: u64) -> u64 {
        let share = (u128::from(ours) + u128::from(free)) * u128::from(self.percent) / 100;
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        self.limit.map_or(share, |limit| limit.min(share))
    }
}

/// Drops the oldest records before our share is used up.
#[derive(Debug)]
pub(crate) struct DiskKeeper {
    data_dir: PathBuf,
    share: DiskShare,
    events: Arc<EventStore>,
    tsdb: Arc<Tsdb>,
    /// As it was when it was looked last.
    seen: Mutex<DiskLimit>,
}

impl DiskKeeper {
    pub(crate) fn new(
        data_dir: PathBuf,
        share: DiskShare,
        events: Arc<EventStore>,
        tsdb: Arc<Tsdb>,
    ) -> Self {
        Self {
            data_dir,
            share,
            events,
            tsdb,
            seen: Mutex::default(),
        }
    }

    /// For `/status`.
    pub(crate) fn seen(&self) -> DiskLimit {
        self.seen
            .lock()
            .expect("no holder of this lock panics")
            .clone()
    }

    /// Looks until it is told to stop.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut told: Option<Instant> = None;
        loop {
            let keeper = Arc::clone(&self);
            let began = Instant::now();
            let looked = tokio::task::spawn_blocking(move || keeper.look()).await;
            let complaint = match looked {
                Ok(Ok(limit)) if limit.is_short => Some(format!(
                    "all splits and blocks are dropped and {} of {} bytes are still used",
                    limit.used, limit.allowed
                )),
                Ok(Ok(_)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(reason) = complaint
                && told.is_none_or(|told| told.elapsed() >= REPEAT)
            {
                told = Some(Instant::now());
                tracing::error!(reason, "our share of the disk cannot be kept: {reason}");
            }
            tokio::select! {
                () = sleep(LOOK_EVERY.max(began.elapsed() * LOOKING)) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Measures, and drops what is too much.
    fn look(&self) -> io::Result<DiskLimit> {
        let used = disk_use(&self.data_dir).iter().map(|part| part.bytes).sum();
        let disk = rustix::fs::statvfs(&self.data_dir)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let allowed = self.share.allowed(used, free);
        let mut limit = DiskLimit {
            used,
            allowed,
            free,
            is_short: false,
        };
        if used > hundredths(allowed, HIGH) {
            let wanted = used - hundredths(allowed, LOW);
            let evicted = self.events.make_room(wanted)?;
            if evicted.splits > 0 {
                let (splits, records, bytes) = (evicted.splits, evicted.records, evicted.bytes);
                tracing::warn!(
                    splits,
                    records,
                    bytes,
                    used,
                    allowed,
                    "the oldest records were dropped to keep our share of the disk"
                );
            }
            limit.used = used.saturating_sub(evicted.bytes);
            if evicted.bytes < wanted {
                limit.used = limit
                    .used
                    .saturating_sub(self.drop_blocks(wanted - evicted.bytes)?);
            }
            limit.is_short = limit.used > allowed;
        }
        *self.seen.lock().expect("no holder of this lock panics") = limit.clone();
        Ok(limit)
    }

    /// Records go first, since samples are small and kept longer; what they do not give, blocks do.
    fn drop_blocks(&self, wanted: u64) -> io::Result<u64> {
        let bytes = self.tsdb.make_room(wanted)?;
        if bytes > 0 {
            tracing::warn!(
                bytes,
                "the oldest samples were dropped to keep our share of the disk"
            );
        }
        Ok(bytes)
    }
}

fn hundredths(of: u64, hundredths: u64) -> u64 {
    of / 100 * hundredths + of % 100 * hundredths / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_one_of_the_room_that_others_leave() {
        let share = |limit| DiskShare { limit, percent: 80 };
        assert_eq!(share(None).allowed(0, 1_000), 800);
        assert_eq!(share(None).allowed(500, 500), 800);
        assert_eq!(share(None).allowed(300, 0), 240, "others took the rest");
        assert_eq!(share(Some(100)).allowed(500, 500), 100);
        assert_eq!(share(Some(900)).allowed(500, 500), 800);
        assert_eq!(share(None).allowed(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(
            hundredths(u64::MAX, 95) / 1_000_000,
            u64::MAX / 100 * 95 / 1_000_000
        );
    }
}
