//! A sink for tests that remembers what it was given.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use watchfire_logsearch::Entry;
use watchfire_schemas::{BatchSeq, LogRecord, SeriesSamples, Temporality};
use watchfire_tsdb::{Objection, Place, WriteBatch};

use crate::sink::{Delivery, Sink};
use crate::wal::ByKind;

/// One call of `append`.
type Appended = (BatchSeq, Option<Entry>, Vec<SeriesSamples>);

#[derive(Debug, Default)]
pub(crate) struct RecordingSink {
    batches: Mutex<Vec<Appended>>,
    checkpoint: AtomicU64,
    unsealed: AtomicUsize,
    pub(crate) snapshots: AtomicUsize,
}

impl RecordingSink {
    /// A message over which it panics.
    pub(crate) const POISON: &'static str = "poison";

    pub(crate) fn set_unsealed(&self, bytes: usize) {
        self.unsealed.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn set_checkpoint(&self, batch: u64) {
        self.checkpoint.store(batch, Ordering::Relaxed);
    }

    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.batches
            .lock()
            .unwrap()
            .iter()
            .map(|(batch, ..)| batch.0)
            .collect()
    }

    pub(crate) fn logs(&self) -> Vec<LogRecord> {
        self.records(|entry| match entry {
            Entry::Logs(records) => records.clone(),
            _ => Vec::new(),
        })
    }

    pub(crate) fn quarantine(&self) -> Vec<LogRecord> {
        self.records(|entry| match entry {
            Entry::Quarantine(records) => records.clone(),
            _ => Vec::new(),
        })
    }

    pub(crate) fn series(&self) -> Vec<SeriesSamples> {
        let batches = self.batches.lock().unwrap();
        batches
            .iter()
            .flat_map(|(_, _, series)| series.clone())
            .collect()
    }

    /// The sum of all increments of a counter, over all labels.
    pub(crate) fn total(&self, name: &str) -> f64 {
        let series = self.series();
        let of_name = series.iter().filter(|one| one.labels.name() == name);
        of_name
            .flat_map(|one| &one.samples)
            .map(|sample| sample.v)
            .sum()
    }

    fn records<T>(&self, pick: impl Fn(&Entry) -> Vec<T>) -> Vec<T> {
        let batches = self.batches.lock().unwrap();
        batches
            .iter()
            .filter_map(|(_, entry, _)| entry.as_ref())
            .flat_map(pick)
            .collect()
    }
}

impl Sink for RecordingSink {
    fn passed(&self) -> ByKind {
        ByKind::all(BatchSeq(self.checkpoint.load(Ordering::Relaxed)))
    }

    fn newest(&self) -> BatchSeq {
        self.passed().earliest()
    }

    fn judge(&self, batch: &WriteBatch) -> Vec<Objection> {
        let objection = |(series, one)| {
            let is_poison = batch.label(one, "__name__") == Some(Self::POISON);
            is_poison.then(|| Objection {
                series,
                place: Place::All,
                reason: "too_old",
                words: "too old".to_owned(),
            })
        };
        let all = batch.series().iter().enumerate();
        all.filter_map(objection).collect()
    }

    fn append(&self, batch: BatchSeq, delivery: Delivery) {
        let Delivery {
            entry,
            mut series,
            deltas,
            written,
            ..
        } = delivery;
        series.extend(written.iter().flat_map(as_series));
        series.extend(deltas.to_series());
        if let Some(Entry::Logs(records)) = &entry {
            let poison = records.iter().any(|record| record.message == Self::POISON);
            assert!(!poison, "a record that this store cannot take");
        }
        self.batches.lock().unwrap().push((batch, entry, series));
    }

    fn advance(&self, _: BatchSeq) {}

    fn unsealed_bytes(&self) -> usize {
        self.unsealed.load(Ordering::Relaxed)
    }

    fn snapshot(&self) -> io::Result<()> {
        self.snapshots.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn as_series(batch: &WriteBatch) -> impl Iterator<Item = SeriesSamples> {
    batch.series().iter().filter_map(|one| {
        Some(SeriesSamples {
            labels: batch.labels(one).ok()?,
            kind: one.kind,
            temporality: Temporality::Cumulative,
            samples: batch.samples(one).to_vec(),
            histograms: batch.histograms(one).to_vec(),
            exemplars: batch.exemplars(one).to_vec(),
        })
    })
}
