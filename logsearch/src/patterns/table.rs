//! The patterns of a store: found at intake, by several threads at once, and saved.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::registry::Registry;
use watchfire_schemas::{LogRecord, Timestamp};

use super::id::PatternId;
use super::masked_line::MaskedLine;
use super::metrics::PatternMetrics;
use super::miner::{Limits, Miner, hash_of};
use super::saved::{self, Image};
use crate::sealer::Sealed;

const FILE: &str = "patterns.json";
/// Records that are looked up under one lock.
const AT_ONCE: usize = 256;
/// How often the file is written at most.
const SAVE_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct PatternTable {
    path: PathBuf,
    /// All that patterns are. Held while the hashes of some records are looked up; their lines are
    /// masked before, which takes ten times as long, so that two threads seldom wait.
    miner: Mutex<Miner>,
    /// What the file holds. Held while it is written, so that one writes at a time.
    saved: Mutex<Saved>,
    /// Whether records come in that are new, and none any more that are replayed.
    is_serving: AtomicBool,
    metrics: PatternMetrics,
}

#[derive(Debug)]
struct Saved {
    version: u64,
    at: Timestamp,
}

impl PatternTable {
    /// Reads what was saved in `dir`. Patterns are an aid: a file that cannot be read is told of
    /// and left aside, and they are found anew.
    pub(crate) fn open(dir: &Path, registry: &mut Registry) -> Self {
        Self::with_limits(dir, registry, Limits::default())
    }

    fn with_limits(dir: &Path, registry: &mut Registry, limits: Limits) -> Self {
        let path = dir.join(FILE);
        let mut miner = Miner::new(limits);
        if let Err(error) = saved::load(&path, &mut miner) {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(path = %path.display(), %error, cause, "the saved patterns cannot be used, they are found anew");
        }
        let table = Self {
            path,
            saved: Mutex::new(Saved {
                version: miner.version(),
                at: Timestamp::MIN,
            }),
            miner: Mutex::new(miner),
            is_serving: AtomicBool::new(false),
            metrics: PatternMetrics::register(registry),
        };
        table.metrics.tell(&table.miner());
        table
    }

    /// Gives each record the id of its pattern.
    pub(crate) fn assign(&self, records: &mut [LogRecord]) {
        self.is_serving.store(true, Ordering::Relaxed);
        let mut line = MaskedLine::default();
        let mut hashes = Vec::with_capacity(records.len().min(AT_ONCE));
        let mut ids = Vec::with_capacity(hashes.capacity());
        for records in records.chunks_mut(AT_ONCE) {
            hashes.clear();
            for record in records.iter() {
                line.read(&record.message);
                hashes.push(hash_of(&line));
            }
            ids.clear();
            let mut miner = self.miner();
            let lines = hashes.iter().zip(records.iter());
            ids.extend(lines.map(|(hash, record)| miner.assign(*hash, &record.message)));
            self.metrics.tell(&miner);
            drop(miner);
            for (record, id) in records.iter_mut().zip(&ids) {
                record.pattern_id = Some(id.to_string());
            }
        }
    }

    /// Knows again what replayed records tell of the patterns that they were given. Nothing once
    /// new records come in: what is appended then was assigned here.
    pub(crate) fn learn(&self, records: &[LogRecord]) {
        if self.is_serving.load(Ordering::Relaxed) {
            return;
        }
        let mut miner = self.miner();
        for record in records {
            if let Some(id) = record.pattern_id.as_ref().and_then(|id| id.parse().ok()) {
                miner.learn(id, &record.message);
            }
        }
        self.metrics.tell(&miner);
    }

    /// The template of a pattern, if it is known.
    pub(crate) fn template(&self, id: &str) -> Option<String> {
        let id: PatternId = id.parse().ok()?;
        if id == PatternId::OTHER {
            return Some("<*>".to_owned());
        }
        self.miner().template(id).map(str::to_owned)
    }

    /// Writes the file if there is anything new. Blocks.
    pub(crate) fn save(&self, now: Timestamp) -> io::Result<()> {
        let mut saved = self.saved();
        let (version, image) = {
            let miner = self.miner();
            if miner.version() == saved.version {
                return Ok(());
            }
            (miner.version(), Image::of(&miner))
        };
        saved.at = now;
        saved::write(&self.path, &image)?;
        saved.version = version;
        Ok(())
    }

    fn miner(&self) -> MutexGuard<'_, Miner> {
        // Whatever has gone wrong within: patterns must not stand in the way of records.
        self.miner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn saved(&self) -> MutexGuard<'_, Saved> {
        self.saved.lock().expect("no holder of this lock panics")
    }
}

/// The store's thread saves them, before it seals the records that have them.
impl Sealed for PatternTable {
    fn name(&self) -> &'static str {
        "patterns"
    }

    fn seal_due(&self, now: Timestamp) -> io::Result<bool> {
        if now.since(self.saved().at) >= SAVE_EVERY {
            self.save(now)?;
        }
        Ok(false)
    }

    fn tidy(&self, _now: Timestamp) -> io::Result<()> {
        Ok(())
    }

    fn failed(&self) {
        self.metrics.save_failures.inc();
    }
}
