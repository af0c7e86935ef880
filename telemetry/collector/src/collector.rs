use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prometheus_client::registry::Registry;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use watchfire_logsearch::EventStore;
use watchfire_schemas::{Batch, Clock, MetricMetadata, SeriesSamples};
use watchfire_tsdb::Tsdb;

use crate::admission::{Admission, Arrival};
use crate::apply::{Applied, Applier};
use crate::budget::{Budget, Limits, Share};
use crate::content::Series;
use crate::dead_letters::DeadLetters;
use crate::drop_reason::DropReason;
use crate::exception_backlog::{ExceptionBacklog, Occurrences};
use crate::housekeeping::Housekeeping;
use crate::intake::Intake;
use crate::meters::Meters;
use crate::otlp::Starts;
use crate::pipeline::Pipeline;
use crate::prepare::{self, Prepared};
use crate::receive;
use crate::sink::{Sink, Stores};
use crate::status::Sources;
use crate::wal::{self, ByKind, Recovery, Shelf, WalOptions};
use crate::{Config, IngestStatus, OpenError, QuarantineReplay, Receipt, Refusal};

/// Receives telemetry, keeps it safe and hands it to the stores.
#[derive(Debug)]
pub struct Collector {
    intake: Arc<Intake>,
    sink: Arc<dyn Sink>,
    exceptions: Arc<ExceptionBacklog>,
    dead_letters: Arc<DeadLetters>,
    shelf: Arc<Shelf>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Collector {
    /// Opens the log, replays what the stores do not hold yet, and starts its threads.
    pub async fn open(
        config: Config,
        events: Arc<EventStore>,
        tsdb: Arc<Tsdb>,
        exceptions: mpsc::Sender<Occurrences>,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let sink = Arc::new(Stores { events, tsdb });
        let options = WalOptions::default();
        Self::open_with((config, options), sink, exceptions, clock, registry).await
    }

    pub(crate) async fn open_with(
        (config, options): (Config, WalOptions),
        sink: Arc<dyn Sink>,
        exceptions: mpsc::Sender<Occurrences>,
        clock: Arc<dyn Clock>,
        registry: &mut Registry,
    ) -> Result<Arc<Self>, OpenError> {
        let meters = Arc::new(Meters::register(registry));
        let path = config.dir.join("exceptions.checkpoint");
        let backlog = ExceptionBacklog::new(path, Arc::clone(&meters));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        // Before the replay, so that what it finds can flow off.
        let forwarding = Arc::clone(&backlog);
        let stopped = stop.clone();
        tasks.spawn(async move { forwarding.forward(exceptions, stopped).await });

        let letters = config.dir.join("dead-letters");
        let letters = DeadLetters::open(letters.clone()).map_err(OpenError::io(letters))?;
        let letters = Arc::new(letters);
        let applier = Applier::new(
            Arc::clone(&sink),
            Arc::clone(&backlog),
            Arc::clone(&letters),
            Arc::clone(&meters),
            config.counters,
        );
        let dir = config.dir.clone();
        let (of_replay, replay_meters) = (Arc::clone(&sink), Arc::clone(&meters));
        let opened = tokio::task::spawn_blocking(move || {
            replay(&dir, options, (of_replay, applier, replay_meters))
        });
        let opened = opened.await.map_err(|error| OpenError::Damaged {
            path: config.dir.clone(),
            reason: format!("the replay broke off: {error}"),
        })?;
        let (pipeline, shelf) = opened.inspect_err(|_| stop.cancel())?;
        let limits = Limits {
            total: config.memory_budget,
            in_flight: config.intake_budget,
        };
        let intake = Arc::new(Intake {
            admission: Admission::new(Arc::clone(&config.contracts))
                .with_patterns(Arc::clone(&sink))
                .with_bounds(config.bounds),
            pipeline,
            budget: Budget::new(limits, Arc::clone(&sink)),
            meters,
            sink: Arc::clone(&sink),
            sources: Sources::default(),
            clock,
            max_body: config.max_body,
            otlp_metrics: config.otlp_metrics,
            starts: Starts::default(),
        });
        let housekeeping = Housekeeping {
            intake: Arc::clone(&intake),
            sink: Arc::clone(&sink),
            shelf: Arc::clone(&shelf),
            exceptions: Arc::clone(&backlog),
            snapshot_interval: config.snapshot_interval,
        };
        let stopped = stop.clone();
        tasks.spawn(async move { housekeeping.run(stopped).await });
        Ok(Arc::new(Self {
            intake,
            sink,
            exceptions: backlog,
            dead_letters: letters,
            shelf,
            tasks,
            stop,
        }))
    }

    /// Validates, enriches and logs a batch, in process; returns when it is on disk and searchable.
    pub async fn accept(&self, receiver: &'static str, batch: Batch) -> Result<Receipt, Refusal> {
        let bytes = estimated_bytes(&batch);
        self.hand_over(receiver, bytes, |intake, arrival| {
            intake.admission.batch(batch, arrival)
        })
        .await
    }

    /// Takes samples and what is said of their metrics, in process, as [`Self::accept`] does.
    pub async fn accept_series(
        &self,
        receiver: &'static str,
        series: Vec<SeriesSamples>,
        metadata: Vec<MetricMetadata>,
    ) -> Result<Receipt, Refusal> {
        let bytes = SERIES * (series.len() + metadata.len());
        self.hand_over(receiver, bytes, |_, arrival| {
            prepare::told_series(Series { series, metadata }, arrival)
        })
        .await
    }

    async fn hand_over(
        &self,
        receiver: &'static str,
        bytes: usize,
        prepare: impl FnOnce(&Intake, Arrival) -> Prepared + Send + 'static,
    ) -> Result<Receipt, Refusal> {
        let intake = &self.intake;
        let mut reservation = intake
            .budget
            .reserve()
            .inspect_err(|refusal| intake.refused(refusal))?;
        reservation
            .grow_in_time(Share::Decoded, bytes)
            .await
            .inspect_err(|refusal| intake.refused(refusal))?;
        let arrival = intake.arrival(receiver);
        let prepared = intake
            .compute(move |intake| prepare(intake, arrival))
            .await?;
        let taken = intake.commit(prepared).await?;
        Ok(taken.receipt)
    }

    /// `POST /api/v1/ingest/logs`, for the console listener.
    pub fn ingest_router(self: &Arc<Self>) -> Router {
        receive::ndjson_router(&self.intake)
    }

    /// What clients of Sentry and Airbrake send to, for the console listener. Pages of any origin may
    /// post there.
    pub fn clients_router(self: &Arc<Self>) -> Router {
        receive::clients_router(&self.intake)
    }

    /// What log shippers send to in the forms of Loki and Elasticsearch, for the console listener.
    pub fn shippers_router(self: &Arc<Self>) -> Router {
        receive::shippers_router(&self.intake)
    }

    /// `POST /prometheus/api/v1/write`, for the console listener.
    pub fn remote_write_router(self: &Arc<Self>) -> Router {
        receive::remote_write_router(&self.intake)
    }

    /// `POST /v1/{logs,traces,metrics}`.
    pub fn otlp_http_router(self: &Arc<Self>) -> Router {
        receive::otlp_http_router(&self.intake)
    }

    /// The three OTLP services; to be served over HTTP/2 in clear text.
    pub fn otlp_grpc_router(self: &Arc<Self>) -> Router {
        receive::otlp_grpc_router(&self.intake)
    }

    /// Judges quarantined lines again.
    pub fn quarantine_replay(self: &Arc<Self>, events: Arc<EventStore>) -> QuarantineReplay {
        QuarantineReplay::new(
            Arc::clone(&self.intake),
            events,
            self.tasks.clone(),
            self.stop.clone(),
        )
    }

    /// What came, from whom, and what became of it.
    pub fn status(&self) -> IngestStatus {
        let last = self.intake.pipeline.state().last();
        IngestStatus {
            sources: self.intake.sources.list(),
            drops: self.intake.meters.drops(),
            limited: self.intake.meters.limited(),
            wal_bytes: self.shelf.bytes(),
            memory_used: self.intake.budget.used(),
            memory_budget: self.intake.budget.limit(),
            last_batch: last.0,
            batches_behind: last.0.saturating_sub(self.sink.passed().earliest().0),
            dead_letters: self.dead_letters.count(),
        }
    }

    /// Whether a record would be taken now: the log is writable and the budget is not used up.
    pub fn is_ready(&self) -> Result<(), Refusal> {
        self.intake.is_ready()
    }

    /// Refuses new batches, finishes those under way, snapshots the stores.
    pub async fn close(&self) {
        let intake = Arc::clone(&self.intake);
        let (sink, log) = (Arc::clone(&self.sink), Arc::clone(&self.shelf));
        let exceptions = Arc::clone(&self.exceptions);
        let closing = tokio::task::spawn_blocking(move || {
            intake.pipeline.close();
            let snapshot = sink.snapshot();
            let passed = || sink.passed().min(ByKind::all(exceptions.passed()));
            snapshot
                .and_then(|()| exceptions.save())
                .and_then(|()| log.recycle(&passed()))
        });
        match closing.await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the last snapshot failed; the log will be replayed");
            }
            Err(error) => {
                tracing::error!(%error, "the log was not closed cleanly; it will be replayed");
            }
        }
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Collector {
    /// Ends the tasks of one that was never closed.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

type Opened = (Pipeline, Arc<Shelf>);

fn replay(
    dir: &std::path::Path,
    options: WalOptions,
    (sink, mut applier, meters): (Arc<dyn Sink>, Applier, Arc<Meters>),
) -> Result<Opened, OpenError> {
    let mut broken_at = None;
    let (writer, recovery) = wal::open(dir, options, sink.newest(), |frame| {
        if broken_at.is_none() && applier.replay(&frame) == Applied::Broken {
            broken_at = Some(frame.seq);
        }
    })?;
    if let Some(batch) = broken_at {
        return Err(OpenError::Damaged {
            path: dir.to_owned(),
            reason: format!(
                "the stores are not whole after batch {batch}, which was set aside: start again"
            ),
        });
    }
    report(&recovery, &meters);
    sink.advance(recovery.last);
    let shelf = Arc::clone(writer.shelf());
    let last = recovery.last.max(sink.newest());
    let pipeline = Pipeline::start(writer, applier, last, meters).map_err(OpenError::io(dir))?;
    Ok((pipeline, shelf))
}

fn report(recovery: &Recovery, meters: &Meters) {
    meters.torn_bytes.inc_by(recovery.torn_bytes);
    meters.dropped(DropReason::DamagedLog, recovery.damage.len() as u64);
    for (path, offset, bytes) in &recovery.damage {
        tracing::error!(path = %path.display(), offset, bytes, "the write-ahead log is damaged, what follows was kept");
    }
    let (last, torn_bytes) = (recovery.last.0, recovery.torn_bytes);
    tracing::info!(last, torn_bytes, "write-ahead log opened");
}

/// What a series takes in memory while it is worked on.
const SERIES: usize = 512;

/// What a batch takes in memory while it is worked on.
fn estimated_bytes(batch: &Batch) -> usize {
    const RECORD: usize = 3 << 10;
    match batch {
        Batch::Logs(records) => records.len() * RECORD,
        Batch::Spans(spans) => spans.len() * RECORD,
        Batch::Metrics(series) => series.len() * SERIES,
    }
}

/// How often the log is tidied.
pub(crate) const TIDY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
