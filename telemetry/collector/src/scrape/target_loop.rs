use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use watchfire_schemas::{Clock, LabelSet, MetricKind, Timestamp};

use super::board::BoardEntry;
use super::client::{Exposed, Fetch};
use super::config::ReadingConfig;
use super::failure::{FailureReason, ScrapeFailure};
use super::meters::{ScrapeMeters, SkipReason};
use super::reading::{Read, TargetMemory};
use super::target::Target;
use crate::hand_over::{HandOver, end_of, one_sample};

/// A body of more bytes is read where it holds up nobody.
const LARGE_BODY: usize = 256 << 10;
/// A scrape that begins so much too late is dated as if it were on time: even distances between
/// samples take less room.
const LATE_MILLIS: i64 = 2;

/// Scrapes one target again and again.
#[derive(Debug)]
pub(crate) struct TargetLoop {
    pub(crate) target: Target,
    pub(crate) fetch: Arc<dyn Fetch>,
    pub(crate) reading: Arc<ReadingConfig>,
    pub(crate) entry: Arc<BoardEntry>,
    pub(crate) out: HandOver,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) meters: Arc<ScrapeMeters>,
    pub(crate) memory: TargetMemory,
    /// Why every scrape fails without being tried, if it does.
    pub(crate) forbidden: Option<ScrapeFailure>,
    /// Spreads targets over the interval.
    pub(crate) seed: u64,
}

/// Why a target is no longer scraped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is gone: its series end.
    Gone,
    /// It will be scraped in another way, or we stop: its series go on.
    Pause,
}

impl TargetLoop {
    /// Scrapes until told otherwise; gives what it remembers to whoever goes on.
    pub(crate) async fn run(mut self, mut stop: oneshot::Receiver<Ending>) -> TargetMemory {
        let interval = self.target.interval;
        let first = offset(interval, self.clock.now(), self.hash());
        let mut ticks = interval_at(Instant::now() + first, interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut dates = Dates::new(interval);
        let ending = loop {
            tokio::select! {
                ending = &mut stop => break ending,
                _ = ticks.tick() => {}
            }
            let began = self.clock.now();
            let at = dates.date(began.millis());
            let since = Instant::now();
            let answer = tokio::select! {
                ending = &mut stop => break ending,
                answer = self.ask() => answer,
            };
            self.settle(Timestamp::from_millis(at), began, since, answer)
                .await;
        };
        if ending == Ok(Ending::Gone) {
            let at = self.clock.now();
            let mut series = self.memory.end_all(at);
            if self.entry.state().last_scrape.is_some() {
                series.extend(REPORT.map(|name| end_of(self.report_labels(name), at)));
            }
            self.out.send(series, Vec::new()).await;
        }
        self.memory
    }

    fn hash(&self) -> u64 {
        let named = LabelSet::new([("url", self.target.url.as_str())]);
        self.target.labels.fingerprint() ^ named.fingerprint().rotate_left(32) ^ self.seed
    }

    async fn ask(&self) -> Result<Exposed, ScrapeFailure> {
        if let Some(failure) = &self.forbidden {
            return Err(failure.clone());
        }
        let (url, patience) = (&self.target.url, self.target.timeout);
        let answer = timeout(patience, self.fetch.fetch(url, patience)).await;
        answer.unwrap_or_else(|_| {
            Err(FailureReason::Timeout.because(format!("no whole answer within {patience:?}")))
        })
    }

    /// Writes down what came of a scrape.
    async fn settle(
        &mut self,
        at: Timestamp,
        began: Timestamp,
        since: Instant,
        answer: Result<Exposed, ScrapeFailure>,
    ) {
        let (mut read, failure) = match answer {
            Ok(exposed) => self.read(exposed, at).await,
            Err(failure) => {
                let series = self.memory.end_all(at);
                (
                    Read {
                        series,
                        ..Read::default()
                    },
                    Some(failure),
                )
            }
        };
        let took = since.elapsed();
        let counts = [
            f64::from(u8::from(failure.is_none())),
            took.as_secs_f64(),
            read.samples_scraped as f64,
            read.samples_kept as f64,
            read.series_added as f64,
        ];
        for (name, value) in REPORT.into_iter().zip(counts) {
            let labels = self.report_labels(name);
            read.series
                .push(one_sample(labels, MetricKind::Gauge, at, value));
        }
        self.meters.skipped(SkipReason::Duplicate, read.duplicates);
        self.meters
            .skipped(SkipReason::TooFarAhead, read.too_far_ahead);
        if let Some(failure) = &failure {
            self.meters.failed(failure.reason);
        }
        let error = failure.map(|failure| failure.text).unwrap_or_default();
        self.entry.scraped(began, took, error);
        let metadata = self.memory.changed_metadata();
        if let Some(metadata) = &metadata {
            self.entry.describe(metadata.clone());
        }
        let metadata = metadata.unwrap_or_default();
        self.out.send(read.series, metadata).await;
    }

    async fn read(&mut self, exposed: Exposed, at: Timestamp) -> (Read, Option<ScrapeFailure>) {
        if exposed.text.len() <= LARGE_BODY {
            return self
                .memory
                .read(&exposed, at, &self.target.labels, &self.reading);
        }
        let mut memory = std::mem::take(&mut self.memory);
        let (labels, reading) = (self.target.labels.clone(), Arc::clone(&self.reading));
        let work = tokio::task::spawn_blocking(move || {
            let read = memory.read(&exposed, at, &labels, &reading);
            (memory, read)
        });
        match work.await {
            Ok((memory, read)) => {
                self.memory = memory;
                read
            }
            // Only if the runtime stops: what was remembered goes with it.
            Err(error) => (
                Read::default(),
                Some(FailureReason::Malformed.because(error.to_string())),
            ),
        }
    }

    fn report_labels(&self, name: &str) -> LabelSet {
        self.target.labels.with(LabelSet::NAME, name)
    }
}

/// What is told of every scrape.
const REPORT: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// How long to wait so that the first scrape is at this target's place in the interval, which stays
/// the same after a restart.
fn offset(interval: Duration, now: Timestamp, hash: u64) -> Duration {
    let length = interval.as_nanos().max(1) as u64;
    let now = now.nanos().max(0) as u64;
    let until_next = length - now % length;
    Duration::from_nanos((until_next + hash % length) % length)
}

/// Dates scrapes evenly where they come nearly on time.
#[derive(Debug)]
struct Dates {
    interval: i64,
    expected: Option<i64>,
}

impl Dates {
    fn new(interval: Duration) -> Self {
        Self {
            interval: interval.as_millis().max(1) as i64,
            expected: None,
        }
    }

    fn date(&mut self, now: i64) -> i64 {
        let tolerance = LATE_MILLIS.min(self.interval / 100);
        let date = match self.expected {
            Some(expected) if (now - expected).abs() <= tolerance => expected,
            _ => now,
        };
        self.expected = Some(date + self.interval);
        date
    }
}

#[cfg(test)]
mod tests;
