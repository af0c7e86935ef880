//! From those who gather samples to the collector. Small batches become large ones, what has no
//! room waits, and what cannot be kept is counted.

mod gathering;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout_at};
use watchfire_schemas::{
    LabelSet, MetricKind, MetricMetadata, Sample, SeriesSamples, Temporality, Timestamp,
};

use crate::{Collector, Refusal};
pub(crate) use gathering::Gathering;

/// How many series may wait; who has more waits with it.
const ROOM: usize = 200_000;
/// How long samples are gathered before they are written, and how many are enough.
const GATHER: Duration = Duration::from_millis(200);
const ENOUGH: usize = 20_000;
/// How long a batch is tried again before it counts as lost.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is measured of all that this process gathers by itself.
#[derive(Debug, Clone, Default)]
pub struct GatherMeters {
    lost: Counter,
}

impl GatherMeters {
    /// Registered once, however many gather.
    pub fn register(registry: &mut Registry) -> Self {
        let meters = Self::default();
        registry.register(
            "watchfire_gathered_samples_lost",
            "Samples that were scraped, probed or read from this host and could not be kept",
            meters.lost.clone(),
        );
        meters
    }
}

/// Where gathered samples go.
#[async_trait]
pub(crate) trait Destination: Send + Sync + fmt::Debug {
    /// Returns when they are on disk.
    async fn take(
        &self,
        receiver: &'static str,
        series: Vec<SeriesSamples>,
        metadata: Vec<MetricMetadata>,
    ) -> Result<(), Refusal>;
}

#[async_trait]
impl Destination for Collector {
    async fn take(
        &self,
        receiver: &'static str,
        series: Vec<SeriesSamples>,
        metadata: Vec<MetricMetadata>,
    ) -> Result<(), Refusal> {
        let taken = self.accept_series(receiver, series, metadata).await;
        taken.map(drop)
    }
}

/// The near end.
#[derive(Debug, Clone)]
pub(crate) struct HandOver {
    to: mpsc::Sender<Handed>,
    room: Arc<Semaphore>,
}

/// The far end.
#[derive(Debug)]
pub(crate) struct Writer {
    receiver: &'static str,
    inflow: mpsc::Receiver<Handed>,
    destination: Arc<dyn Destination>,
    meters: GatherMeters,
    patience: Duration,
    /// What was told of each metric, so that a thousand targets say it once.
    told: HashMap<String, MetricMetadata>,
}

#[derive(Debug)]
struct Handed {
    series: Vec<SeriesSamples>,
    metadata: Vec<MetricMetadata>,
    room: Option<OwnedSemaphorePermit>,
}

/// Both ends. `receiver` says in our own figures who gathered.
pub(crate) fn hand_over(
    receiver: &'static str,
    destination: Arc<dyn Destination>,
    meters: &GatherMeters,
) -> (HandOver, Writer) {
    let (to, inflow) = mpsc::channel(1024);
    let room = Arc::new(Semaphore::new(ROOM));
    let writer = Writer {
        receiver,
        inflow,
        destination,
        meters: meters.clone(),
        patience: PATIENCE,
        told: HashMap::new(),
    };
    (HandOver { to, room }, writer)
}

impl HandOver {
    /// Waits for room, never for the disk.
    pub(crate) async fn send(&self, series: Vec<SeriesSamples>, metadata: Vec<MetricMetadata>) {
        let size = series.len().min(ROOM) as u32;
        let room = Arc::clone(&self.room).acquire_many_owned(size).await.ok();
        let handed = Handed {
            series,
            metadata,
            room,
        };
        // The far end goes only when nobody gathers any more.
        drop(self.to.send(handed).await);
    }
}

impl Writer {
    /// Writes until every near end is gone.
    pub(crate) async fn run(mut self) {
        while let Some(first) = self.inflow.recv().await {
            let mut all = vec![first];
            self.gather(&mut all).await;
            let (mut series, mut metadata, mut room) = (Vec::new(), Vec::new(), Vec::new());
            for handed in all {
                series.extend(handed.series);
                metadata.extend(handed.metadata);
                room.extend(handed.room);
            }
            let news = self.news(metadata);
            self.write(series, news).await;
            // Free again only now.
            drop(room);
        }
    }

    async fn gather(&mut self, all: &mut Vec<Handed>) {
        let deadline = Instant::now() + GATHER;
        let mut count = all.iter().map(|one| one.series.len()).sum::<usize>();
        while count < ENOUGH
            && let Ok(Some(more)) = timeout_at(deadline, self.inflow.recv()).await
        {
            count += more.series.len();
            all.push(more);
        }
    }

    /// What was not said before.
    fn news(&mut self, metadata: Vec<MetricMetadata>) -> Vec<MetricMetadata> {
        let mut news = Vec::new();
        for one in metadata {
            if self.told.get(&one.family) != Some(&one) {
                self.told.insert(one.family.clone(), one.clone());
                news.push(one);
            }
        }
        news
    }

    async fn write(&mut self, series: Vec<SeriesSamples>, news: Vec<MetricMetadata>) {
        if series.is_empty() && news.is_empty() {
            return;
        }
        let began = Instant::now();
        loop {
            let (samples, about) = (series.clone(), news.clone());
            let taken = self.destination.take(self.receiver, samples, about).await;
            let Err(refusal) = taken else { return };
            match refusal.retry_after() {
                Some(pause) if began.elapsed() < self.patience => sleep(pause).await,
                _ => {
                    let (samples, receiver) = (series.len() as u64, self.receiver);
                    self.meters.lost.inc_by(samples);
                    tracing::warn!(%refusal, samples, receiver, "gathered samples are lost");
                    // So that it is said again.
                    self.told
                        .retain(|family, _| news.iter().all(|one| one.family != *family));
                    return;
                }
            }
        }
    }
}

/// What Prometheus writes when a series has ended.
pub(crate) const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// A series' last word.
pub(crate) fn end_of(labels: LabelSet, at: Timestamp) -> SeriesSamples {
    one_sample(labels, MetricKind::Unknown, at, STALE)
}

/// A series with one sample.
pub(crate) fn one_sample(
    labels: LabelSet,
    kind: MetricKind,
    at: Timestamp,
    value: f64,
) -> SeriesSamples {
    SeriesSamples {
        labels,
        kind,
        temporality: Temporality::Cumulative,
        samples: vec![Sample {
            t: at.millis(),
            v: value,
        }],
        histograms: Vec::new(),
        exemplars: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
