use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use watchfire_schemas::{BatchSeq, Clock, LogRecord, Span};

use crate::background::Background;
use crate::engine::{Engine, Policy};
use crate::fields::Dataset;
use crate::gate::Gate;
use crate::live::Live;
use crate::logs::{Logs, Quarantine};
use crate::merger::{self, Merged};
use crate::metrics::Metrics;
use crate::patterns::PatternTable;
use crate::sealer::{self, Sealed};
use crate::spans::Spans;
use crate::split::Caches;

/// What the store may use and keep.
#[derive(Debug, Clone, Copy)]
pub struct Config {
    /// How long log records and quarantined lines are kept.
    pub log_retention: Duration,
    /// How long spans are kept.
    pub span_retention: Duration,
    /// The tail is sealed into a split when it holds this many bytes or its oldest record is this
    /// old. A tail below an eighth of the bytes waits five times as long, so that quiet times make
    /// few splits.
    pub seal_bytes: usize,
    /// See [`Self::seal_bytes`].
    pub seal_age: Duration,
    /// How often it is looked whether small splits can be merged.
    pub merge_every: Duration,
}

impl Default for Config {
    fn default() -> Self {
        let days = |n: u64| Duration::from_hours(n * 24);
        Self {
            log_retention: days(14),
            span_retention: days(7),
            seal_bytes: 32 << 20,
            seal_age: Duration::from_mins(2),
            merge_every: Duration::from_secs(2),
        }
    }
}

/// What a batch of the write-ahead log holds for this store.
#[derive(Debug, Clone)]
pub enum Entry {
    /// Accepted log records.
    Logs(Vec<LogRecord>),
    /// Lines that broke their contract, as records of what could be read of them.
    Quarantine(Vec<LogRecord>),
    /// Finished spans.
    Spans(Vec<Span>),
}

/// The numbers of one dataset, for `/status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DatasetStats {
    /// Splits on disk.
    pub splits: usize,
    /// Records in them.
    pub split_records: u64,
    /// Bytes of their files.
    pub split_bytes: u64,
    /// Records in memory, not yet in a split.
    pub tail_records: u64,
    /// About how much memory they take.
    pub tail_bytes: u64,
    /// Records dropped for their age, since start.
    pub expired_records: u64,
    /// Records dropped because the disk's share was used up, since start.
    pub evicted_records: u64,
    /// Records that were older than the retention when they came, since start.
    pub late_records: u64,
    /// Records from more than an hour ahead of their arrival, since start.
    pub future_records: u64,
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system refuses.
    #[error("{path} cannot be opened")]
    Io {
        /// Which file or folder.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another version of this program wrote it.
    #[error(
        "{path} was written by format version {found}; this binary reads version {supported} and \
         converts no other. {}",
        advice(*found, *supported)
    )]
    Version {
        /// Which file.
        path: String,
        /// What it says.
        found: u32,
        /// What we read.
        supported: u32,
    },
    /// It is not what we wrote.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// Which file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What to do about a store of another version.
fn advice(found: u32, supported: u32) -> &'static str {
    if found < supported {
        "To read what it holds, run the Watchfire that wrote it on this folder; to go on without, \
         move the folder away and start again"
    } else {
        "A newer Watchfire wrote it: run that one, or move the folder away and start again"
    }
}

/// Why a batch is not taken.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Sealing does not keep up.
    #[error("the tail holds its budget of {budget} bytes")]
    Full {
        /// How many it may hold.
        budget: usize,
    },
}

/// Logs, quarantined lines and spans.
///
/// Each dataset has its own checkpoint, tail and splits. When the store is dropped, what is in the
/// tails is left to the write-ahead log; [`Self::close`] seals it.
#[derive(Debug)]
pub struct EventStore {
    /// Dropped first, so that nothing is sealed or merged any more when the rest goes.
    sealer: Background,
    _merger: Background,
    pub(crate) logs: Arc<Engine<Logs>>,
    pub(crate) quarantine: Arc<Engine<Quarantine>>,
    pub(crate) spans: Arc<Engine<Spans>>,
    pub(crate) metrics: Metrics,
    pub(crate) gate: Gate,
    pub(crate) live: Live,
    pub(crate) patterns: Arc<PatternTable>,
    clock: Arc<dyn Clock>,
    seal_bytes: usize,
}

impl EventStore {
    /// Opens or makes the store in `dir`. What a crash has left half-written there is removed.
    pub fn open(
        dir: &Path,
        config: Config,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let metrics = Metrics::register(registry);
        let Config {
            log_retention,
            span_retention,
            seal_bytes,
            seal_age,
            merge_every,
        } = config;
        let logs = Policy {
            retention: log_retention,
            seal_bytes,
            seal_age,
        };
        let spans = Policy {
            retention: span_retention,
            ..logs
        };
        let caches = Arc::default();
        let logs_engine = Arc::new(open::<Logs>(dir, logs, &metrics, &caches)?);
        let quarantine_engine = Arc::new(open::<Quarantine>(dir, logs, &metrics, &caches)?);
        let spans_engine = Arc::new(open::<Spans>(dir, spans, &metrics, &caches)?);
        let patterns = Arc::new(PatternTable::open(dir, registry));
        let datasets: Vec<Arc<dyn Sealed>> = vec![
            Arc::<PatternTable>::clone(&patterns),
            Arc::<Engine<Logs>>::clone(&logs_engine),
            Arc::<Engine<Quarantine>>::clone(&quarantine_engine),
            Arc::<Engine<Spans>>::clone(&spans_engine),
        ];
        let mergeable: Vec<Arc<dyn Merged>> = vec![
            Arc::<Engine<Logs>>::clone(&logs_engine),
            Arc::<Engine<Quarantine>>::clone(&quarantine_engine),
            Arc::<Engine<Spans>>::clone(&spans_engine),
        ];
        let at = |source| OpenError::Io {
            path: dir.display().to_string(),
            source,
        };
        let sealer = sealer::start(datasets, Arc::clone(&clock)).map_err(at)?;
        let merger = merger::start(mergeable, Arc::clone(&clock), merge_every).map_err(at)?;
        Ok(Arc::new(Self {
            sealer,
            _merger: merger,
            live: Live::new(logs_engine.checkpoint()),
            logs: logs_engine,
            quarantine: quarantine_engine,
            spans: spans_engine,
            metrics,
            gate: Gate::new(),
            patterns,
            clock,
            seal_bytes,
        }))
    }

    /// The last batch of which every record is in a published split: replay starts after it. It is
    /// on disk, so the log may forget what is before it. A dataset that nothing comes for follows
    /// [`Self::advance`] once a minute.
    pub fn checkpoint(&self) -> BatchSeq {
        let logs_and_quarantine = self.logs.checkpoint().min(self.quarantine.checkpoint());
        logs_and_quarantine.min(self.spans.checkpoint())
    }

    /// The same of each dataset: logs, quarantine, spans.
    pub fn checkpoints(&self) -> [BatchSeq; 3] {
        [
            self.logs.checkpoint(),
            self.quarantine.checkpoint(),
            self.spans.checkpoint(),
        ]
    }

    /// Gives each record the id of the pattern of its message. To be called once for a record,
    /// before it goes into the write-ahead log; after the replay, which teaches the patterns of a
    /// store that was not closed.
    pub fn assign_patterns(&self, records: &mut [LogRecord]) {
        self.patterns.assign(records);
    }

    /// Puts a batch into the tail; it is searchable when this returns. Batches come in order, each
    /// once; one at or before the checkpoint of its dataset is passed over (replay).
    pub fn append(&self, batch: BatchSeq, entry: Entry) {
        let now = self.clock.now();
        let tail_bytes = match entry {
            Entry::Logs(records) => {
                self.patterns.learn(&records);
                self.logs.append(batch, &records, now);
                self.live.tell(batch);
                self.logs.tail_bytes()
            }
            Entry::Quarantine(records) => {
                self.quarantine.append(batch, &records, now);
                self.quarantine.tail_bytes()
            }
            Entry::Spans(spans) => {
                self.spans.append(batch, &spans, now);
                self.spans.tail_bytes()
            }
        };
        if tail_bytes >= self.seal_bytes {
            self.sealer.wake();
        }
    }

    /// Tells that all batches up to this one have been appended or hold nothing for this store.
    pub fn advance(&self, batch: BatchSeq) {
        self.logs.advance(batch);
        self.quarantine.advance(batch);
        self.spans.advance(batch);
    }

    /// Bytes in the tails that are not yet in a split: what back-pressure is measured by.
    pub fn unsealed_bytes(&self) -> usize {
        self.logs.tail_bytes() + self.quarantine.tail_bytes() + self.spans.tail_bytes()
    }

    /// Logs, quarantine, spans.
    pub fn stats(&self) -> [(&'static str, DatasetStats); 3] {
        [
            (Logs::NAME, self.logs.stats()),
            (Quarantine::NAME, self.quarantine.stats()),
            (Spans::NAME, self.spans.stats()),
        ]
    }

    /// Merges the small splits that are worth it now, instead of when nothing more urgent is done.
    pub async fn compact(self: &Arc<Self>) -> io::Result<()> {
        let store = Arc::clone(self);
        let merged = tokio::task::spawn_blocking(move || {
            let now = store.clock.now();
            while store.logs.merge(now, &|| true)? {}
            while store.quarantine.merge(now, &|| true)? {}
            while store.spans.merge(now, &|| true)? {}
            Ok(())
        });
        merged.await.map_err(io::Error::other)?
    }

    /// Seals what is in the tails and waits until it is published. For a clean stop. What cannot
    /// be sealed is logged and stays with the write-ahead log.
    pub async fn close(self: &Arc<Self>) {
        let store = Arc::clone(self);
        let sealed = tokio::task::spawn_blocking(move || {
            let now = store.clock.now();
            if let Err(error) = store.patterns.save(now) {
                store.patterns.failed();
                tracing::error!(%error, "the patterns could not be saved");
            }
            seal_all(store.logs.as_ref(), now);
            seal_all(store.quarantine.as_ref(), now);
            seal_all(store.spans.as_ref(), now);
        });
        if sealed.await.is_err() {
            tracing::error!("sealing at the end has panicked");
        }
    }
}

fn open<D: Dataset>(
    dir: &Path,
    policy: Policy,
    metrics: &Metrics,
    caches: &Arc<Caches>,
) -> Result<Engine<D>, OpenError> {
    let metrics = metrics.of_dataset(D::NAME);
    Engine::open(dir, policy, metrics, Arc::clone(caches))
}

fn seal_all<D: Dataset>(engine: &Engine<D>, now: watchfire_schemas::Timestamp) {
    loop {
        match engine.seal(now) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                engine.failed();
                tracing::error!(dataset = D::NAME, %error, "the tail could not be sealed");
                return;
            }
        }
    }
    if let Err(error) = engine.follow() {
        engine.failed();
        tracing::error!(dataset = D::NAME, %error, "the checkpoint could not be written");
    }
}
