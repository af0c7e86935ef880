use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::Serialize;
use watchfire_schemas::Timestamp;

use crate::derive::OTHER;

/// For `/status`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct IngestStatus {
    /// Who sent what, by receiver, signal and service.
    pub sources: Vec<SourceStatus>,
    /// (reason, count) of all that was refused, quarantined or dropped since start.
    pub drops: Vec<(String, u64)>,
    /// (label, count) of derived series: how often one would have had a value too many since start.
    pub limited: Vec<(String, u64)>,
    /// The size of the write-ahead log on disk.
    pub wal_bytes: u64,
    /// What of the memory budget is in use.
    pub memory_used: usize,
    /// The memory budget.
    pub memory_budget: usize,
    /// The last batch that was applied.
    pub last_batch: u64,
    /// Batches in the log that are not yet in a split or a snapshot.
    pub batches_behind: u64,
    /// Batches that could not be applied and were set aside, since ever.
    pub dead_letters: usize,
}

/// A way in and a service that uses it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceStatus {
    /// `otlp_grpc`, `otlp_http`, `ndjson`, or who handed it over in this process.
    pub receiver: String,
    /// `logs`, `traces` or `metrics`.
    pub signal: String,
    /// Whose records they are.
    pub service: String,
    /// How many were accepted since start.
    pub accepted: u64,
    /// When the last one came.
    pub last_at: Timestamp,
}

/// The sources seen since start; beyond so many, services share one row.
#[derive(Debug, Default)]
pub(crate) struct Sources(Mutex<BTreeMap<Source, (u64, Timestamp)>>);

/// Receiver, signal and service.
type Source = (&'static str, &'static str, String);

impl Sources {
    const MOST: usize = 1_000;

    pub(crate) fn count(
        &self,
        (receiver, signal): (&'static str, &'static str),
        services: &BTreeMap<String, u64>,
        at: Timestamp,
    ) {
        let mut sources = self.0.lock().expect("no holder of this lock panics");
        for (service, count) in services {
            let mut key = (receiver, signal, service.clone());
            if sources.len() >= Self::MOST && !sources.contains_key(&key) {
                OTHER.clone_into(&mut key.2);
            }
            let source = sources.entry(key).or_insert((0, at));
            source.0 += count;
            source.1 = source.1.max(at);
        }
    }

    pub(crate) fn list(&self) -> Vec<SourceStatus> {
        let sources = self.0.lock().expect("no holder of this lock panics");
        sources
            .iter()
            .map(
                |((receiver, signal, service), (accepted, last_at))| SourceStatus {
                    receiver: (*receiver).to_owned(),
                    signal: (*signal).to_owned(),
                    service: service.clone(),
                    accepted: *accepted,
                    last_at: *last_at,
                },
            )
            .collect()
    }
}
