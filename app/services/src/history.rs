//! The past that a demonstration starts from: telemetry of a quiet stretch of time, of the same
//! shape as the live services emit. Arrivals, and content's requests, statements and messages come from
//! the very code that makes the live ones; what the telemetry crate adds of its own is held by a test.
//! What the other services do is told from a recording.

mod catalogue;
mod emitter;
mod pace;
mod recorded;
mod request;
mod sync_round;

use std::collections::VecDeque;
use std::iter::Peekable;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use watchfire_schemas::{Batch, LogRecord, Span, TimeRange, Timestamp};

use crate::content::collection::COLLECTIONS;
use crate::content::sync::POLL_EVERY;
use crate::feed::Source;
use crate::history::catalogue::Catalogue;
use crate::history::emitter::Emitters;
use crate::history::recorded::Recording;
use crate::traffic::{Arrivals, Mix};

/// How much of the past goes into one batch of logs and one of spans.
const SLOT: Duration = Duration::from_secs(10);
/// How many records a batch holds at most.
const MAX_BATCH: usize = 2_000;

/// Telemetry of a quiet stretch of the past, of the same shape as the running services emit at
/// `traffic` requests per second: batches in the order of time.
pub fn history(range: TimeRange, traffic: f64, seed: u64) -> impl Iterator<Item = Batch> {
    let source = Source::new();
    Past {
        range,
        slot: range.start,
        next_round: range.start,
        arrivals: Arrivals::new(traffic, seed).peekable(),
        mix: Mix::new(&source, seed),
        catalogue: Catalogue::new(&source, range.start),
        source,
        emitters: Emitters::new(),
        recording: Recording::new(traffic, seed.wrapping_add(1_000)),
        dice: StdRng::seed_from_u64(seed.wrapping_add(2)),
        ready: VecDeque::new(),
    }
}

/// Records as they are told, in no order yet.
#[derive(Debug, Default)]
struct Told {
    logs: Vec<LogRecord>,
    spans: Vec<Span>,
}

#[derive(Debug)]
struct Past {
    range: TimeRange,
    /// Where the next slot begins.
    slot: Timestamp,
    next_round: Timestamp,
    arrivals: Peekable<Arrivals>,
    mix: Mix,
    catalogue: Catalogue,
    source: Source,
    emitters: Emitters,
    recording: Recording,
    dice: StdRng,
    ready: VecDeque<Batch>,
}

impl Iterator for Past {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        while self.ready.is_empty() && self.slot < self.range.end {
            self.tell_slot();
        }
        self.ready.pop_front()
    }
}

impl Past {
    fn tell_slot(&mut self) {
        let end = (self.slot + SLOT).min(self.range.end);
        let mut told = Told::default();
        let start = self.range.start;
        while let Some(after) = self.arrivals.next_if(|after| start + *after < end) {
            let request = self.mix.next_request();
            request::tell(
                &request,
                start + after,
                &self.catalogue,
                &self.emitters,
                &mut self.dice,
                &mut told,
            );
        }
        while self.next_round < end {
            for collection in COLLECTIONS {
                sync_round::tell(
                    (self.next_round, collection),
                    &self.source,
                    &self.emitters,
                    &mut self.dice,
                    &mut told,
                );
            }
            self.next_round = self.next_round + POLL_EVERY;
        }
        self.recording.tell(start, end, &mut told);
        self.slot = end;
        self.pack(told);
    }

    fn pack(&mut self, told: Told) {
        // A request that is under way when the past ends is not told to its end, as if the
        // services had been stopped then.
        let Told {
            mut logs,
            mut spans,
        } = told;
        let end = self.range.end;
        logs.retain(|record| record.timestamp < end);
        spans.retain(|span| span.end < end);
        logs.sort_by_key(|record| record.timestamp);
        spans.sort_by_key(|span| span.end);
        let logs = chunks(logs).map(Batch::Logs);
        self.ready
            .extend(logs.chain(chunks(spans).map(Batch::Spans)));
    }
}

fn chunks<T>(records: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rest = records.into_iter();
    std::iter::from_fn(move || {
        let chunk: Vec<T> = rest.by_ref().take(MAX_BATCH).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn an_hour_ago() -> TimeRange {
        TimeRange::last(Duration::from_mins(2), Timestamp::from_secs(1_795_000_000))
    }

    #[test]
    fn batches_come_in_order_are_bounded_and_fill_the_range() {
        let range = an_hour_ago();
        let (mut logs, mut spans, mut last) = (0, 0, range.start);
        for batch in history(range, 120.0, 5) {
            let times: Vec<Timestamp> = match &batch {
                Batch::Logs(records) => records.iter().map(|record| record.timestamp).collect(),
                Batch::Spans(all) => all.iter().map(|span| span.end).collect(),
                Batch::Metrics(_) => panic!("the past tells no metrics of its own"),
            };
            assert!(times.is_sorted() && times.len() <= MAX_BATCH && !times.is_empty());
            assert!(times.iter().all(|at| range.contains(*at)));
            assert!(
                times[0] + SLOT + SLOT >= last,
                "slots come one after the other"
            );
            last = last.max(times[times.len() - 1]);
            match batch {
                Batch::Logs(records) => logs += records.len(),
                _ => spans += times.len(),
            }
        }
        let requests = 120 * 120;
        assert!(range.end.since(last) < Duration::from_secs(1));
        assert!((3 * requests..5 * requests).contains(&logs), "{logs}");
        assert!((7 * requests..11 * requests).contains(&spans), "{spans}");
    }

    #[test]
    fn the_same_seed_tells_the_same_past() {
        let told = |seed| history(an_hour_ago(), 5.0, seed).collect::<Vec<_>>();
        assert_eq!(told(1), told(1));
        assert_ne!(told(1), told(2));
    }

    #[test]
    fn without_traffic_only_the_sync_is_told() {
        let services: std::collections::BTreeSet<String> = history(an_hour_ago(), 0.0, 1)
            .flat_map(|batch| match batch {
                Batch::Spans(spans) => spans.into_iter().map(|span| span.service).collect(),
                _ => Vec::new(),
            })
            .collect();
        assert_eq!(Vec::from_iter(services), ["content-sync"]);
    }
}
