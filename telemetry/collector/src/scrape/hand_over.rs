//! From those who gather samples to the collector. Small batches become large ones, what has no
//! room waits, and what cannot be kept is counted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep};
use watchfire_schemas::{Batch, SeriesSamples};

use super::meters::ScrapeMeters;
use crate::{Collector, Refusal};

/// How many series may wait; who has more waits with it.
const ROOM: usize = 200_000;
/// How long samples are gathered before they are written, and how many are enough.
const GATHER: Duration = Duration::from_millis(200);
const ENOUGH: usize = 20_000;
/// How long a batch is tried again before it counts as lost.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where gathered samples go.
#[async_trait]
pub(crate) trait Destination: Send + Sync + fmt::Debug {
    /// Returns when they are on disk.
    async fn take(&self, receiver: &'static str, series: Vec<SeriesSamples>)
    -> Result<(), Refusal>;
}

#[async_trait]
impl Destination for Collector {
    async fn take(
        &self,
        receiver: &'static str,
        series: Vec<SeriesSamples>,
    ) -> Result<(), Refusal> {
        self.accept(receiver, Batch::Metrics(series))
            .await
            .map(drop)
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
    meters: Arc<ScrapeMeters>,
}

#[derive(Debug)]
struct Handed {
    series: Vec<SeriesSamples>,
    room: Option<OwnedSemaphorePermit>,
}

/// Both ends. `receiver` says in our own figures who gathered.
pub(crate) fn hand_over(
    receiver: &'static str,
    destination: Arc<dyn Destination>,
    meters: Arc<ScrapeMeters>,
) -> (HandOver, Writer) {
    let (to, inflow) = mpsc::channel(1024);
    let room = Arc::new(Semaphore::new(ROOM));
    let writer = Writer {
        receiver,
        inflow,
        destination,
        meters,
    };
    (HandOver { to, room }, writer)
}

impl HandOver {
    /// Waits for room, never for the disk.
    pub(crate) async fn send(&self, series: Vec<SeriesSamples>) {
        let size = series.len().min(ROOM) as u32;
        let room = Arc::clone(&self.room).acquire_many_owned(size).await.ok();
        let handed = Handed { series, room };
        // The far end goes only when nobody gathers any more.
        drop(self.to.send(handed).await);
    }
}

impl Writer {
    /// Writes until every near end is gone.
    pub(crate) async fn run(mut self) {
        while let Some(first) = self.inflow.recv().await {
            let (series, room) = self.gathered(first).await;
            if !series.is_empty() {
                self.write(series).await;
            }
            drop(room);
        }
    }

    async fn gathered(
        &mut self,
        first: Handed,
    ) -> (Vec<SeriesSamples>, Vec<Option<OwnedSemaphorePermit>>) {
        let deadline = Instant::now() + GATHER;
        let (mut series, mut room) = (first.series, vec![first.room]);
        while series.len() < ENOUGH
            && let Ok(Some(more)) = tokio::time::timeout_at(deadline, self.inflow.recv()).await
        {
            series.extend(more.series);
            room.push(more.room);
        }
        (series, room)
    }

    async fn write(&self, series: Vec<SeriesSamples>) {
        let began = Instant::now();
        loop {
            let taken = self.destination.take(self.receiver, series.clone()).await;
            let Err(refusal) = taken else { return };
            match refusal.retry_after() {
                Some(pause) if began.elapsed() < PATIENCE => sleep(pause).await,
                _ => {
                    let samples = series.len() as u64;
                    self.meters.lost(samples);
                    tracing::warn!(%refusal, samples, receiver = self.receiver, "gathered samples are lost");
                    return;
                }
            }
        }
    }
}
