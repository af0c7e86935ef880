use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use watchfire_schemas::Clock;
use watchfire_telemetry::Telemetry;

use crate::failure::{Failure, Via, frame};
use crate::reminders::admission::Admission;
use crate::reminders::instruments::{Instruments, Queue};
use crate::reminders::name::Name;
use crate::reminders::store::Store;
use crate::reminders::versions::{Known, Versions};
use crate::reminders::writer::{GroupCommit, Writer};

/// Whom a pool serves. Each has a database, readers, a writer and queues of its own, so that one
/// that is overloaded takes nothing from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consumers {
    Base,
    /// Persons in a partner's programme.
    Partners,
}

/// What serves one kind of consumers.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) consumers: Consumers,
    pub(crate) store: Store,
    pub(crate) versions: Arc<Versions>,
    pub(crate) reads: Admission,
    pub(crate) writer: Writer,
    /// Drawn when the database was made.
    pub(crate) epoch: String,
    pub(crate) instruments: Instruments,
}

/// As many as the database has connections for readers: more would only wait there.
const READS_AT_ONCE: usize = 8;
/// All of an hour's peak may wait; what is more is shed.
const MOST_WAITING: usize = 25_000;
/// A queue this full asks its clients to come less often.
const LOADED: f64 = 0.25;

impl Pool {
    /// A pool over `store`, and the task that writes for it.
    pub(crate) async fn open(
        consumers: Consumers,
        store: Store,
        clock: Arc<dyn Clock>,
        (instruments, telemetry): (&Instruments, &Telemetry),
    ) -> Result<(Self, GroupCommit), Failure> {
        let pool = consumers.as_str();
        let versions = store.versions().await.via(frame!("Pool::open"))?;
        let versions = Arc::new(Versions::new(versions));
        let (writer, task) = Writer::new(
            store.clone(),
            Arc::clone(&versions),
            MOST_WAITING,
            Queue {
                pool,
                queue: "send",
            },
            (instruments, clock, telemetry),
        );
        let reads = Queue {
            pool,
            queue: "read",
        };
        let pool = Self {
            consumers,
            epoch: store.epoch().await.via(frame!("Pool::open"))?,
            store,
            versions,
            reads: Admission::new(READS_AT_ONCE, MOST_WAITING, reads, instruments),
            writer,
            instruments: instruments.clone(),
        };
        Ok((pool, task))
    }

    /// How far the person's records have come: from memory, unless there is doubt.
    pub(crate) async fn version(&self, person: &Name) -> Result<u64, Failure> {
        match self.versions.of(person) {
            Known::At(version) => Ok(version),
            Known::InDoubt => {
                let version = self
                    .store
                    .version(person)
                    .await
                    .via(frame!("Pool::version"))?;
                self.versions.settle(person, version);
                Ok(version)
            }
        }
    }

    /// When who is served now should come again at the earliest, if the pool is loaded.
    pub(crate) fn relief(&self) -> Option<Duration> {
        let fullness = self.reads.fullness().max(self.writer.fullness());
        (fullness > LOADED).then(relief)
    }
}

/// A pause that spreads those who are told to wait.
pub(crate) fn relief() -> Duration {
    Duration::from_secs(rand::rng().random_range(5..=30))
}

impl Consumers {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Partners => "partners",
        }
    }
}
