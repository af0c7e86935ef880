use std::time::Duration;

use opentelemetry_sdk::trace::SpanData;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use watchfire_schemas::{Batch, LogRecord, Timestamp};

use crate::builder::StartError;
use crate::dropped::{DropReason, Dropped, Signal};
use crate::http_span::HttpRecord;
use crate::otlp::{NotTaken, Otlp, Settings};
use crate::registry_snapshot::RegistrySnapshot;
use crate::resource::Resource;
use crate::span_data::to_span;

/// How often and how long apart a full collector is asked again before a batch is dropped. The
/// worker waits, never an emitter.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Where batches are to go.
#[derive(Debug)]
pub(crate) enum Destination {
    /// To a collector in this process.
    Collector(Sender<Batch>),
    /// To a receiver of OTLP.
    Otlp(Box<Settings>),
    /// Nowhere: lines are all there is.
    Nowhere,
}

impl Destination {
    /// Opens it, on the thread that will use it.
    pub(crate) fn open(self, resource: Resource, since: Timestamp) -> Result<Sink, StartError> {
        Ok(match self {
            Self::Collector(collector) => Sink::HandOver {
                collector,
                resource,
            },
            Self::Otlp(settings) => Sink::Otlp(Box::new(Otlp::new(&settings, resource, since)?)),
            Self::Nowhere => Sink::Nothing,
        })
    }
}

/// An open [`Destination`]. What it does not take is counted as dropped.
#[derive(Debug)]
pub(crate) enum Sink {
    HandOver {
        collector: Sender<Batch>,
        resource: Resource,
    },
    Otlp(Box<Otlp>),
    Nothing,
}

impl Sink {
    pub(crate) fn logs(
        &mut self,
        mut records: Vec<LogRecord>,
        http: &[HttpRecord],
        dropped: &Dropped,
    ) {
        let lines = http.iter().filter(|record| record.logged.is_some());
        let count = records.len() + lines.clone().count();
        if count == 0 {
            return;
        }
        match self {
            Self::HandOver {
                collector,
                resource,
            } => {
                records.extend(lines.filter_map(|line| line.to_log(resource)));
                let batch = Batch::Logs(records);
                hand_over(collector, batch, Signal::Logs, count, dropped);
            }
            Self::Otlp(otlp) => {
                let sent = otlp.logs(&records, http);
                count_failure(&sent, Signal::Logs, count, dropped);
            }
            Self::Nothing => {}
        }
    }

    pub(crate) fn spans(&mut self, spans: Vec<SpanData>, http: &[HttpRecord], dropped: &Dropped) {
        let sampled = http.iter().filter(|http| http.span.context.is_sampled());
        let (made, requests) = (spans.len(), sampled.clone().count());
        if made + requests == 0 {
            return;
        }
        match self {
            Self::HandOver {
                collector,
                resource,
            } => {
                let spans = spans.into_iter();
                let spans = spans.filter_map(|span| to_span(span, resource));
                let http = sampled.filter_map(|http| http.to_span(resource));
                let batch = Batch::Spans(spans.chain(http).collect());
                hand_over(collector, batch, Signal::Spans, made + requests, dropped);
            }
            Self::Otlp(otlp) => {
                count_failure(&otlp.spans(spans), Signal::Spans, made, dropped);
                let sent = otlp.http_spans(http);
                count_failure(&sent, Signal::Spans, requests, dropped);
            }
            Self::Nothing => {}
        }
    }

    pub(crate) fn metrics(&mut self, snapshot: &mut RegistrySnapshot, dropped: &Dropped) {
        match self {
            Self::HandOver { collector, .. } => match snapshot.series() {
                Some(series) => {
                    let count = series.len();
                    hand_over(
                        collector,
                        Batch::Metrics(series),
                        Signal::Metrics,
                        count,
                        dropped,
                    );
                }
                None => dropped.count(Signal::Metrics, DropReason::Unreadable, 1),
            },
            Self::Otlp(otlp) if otlp.takes_metrics() => match snapshot.families() {
                Some(families) => {
                    let count = families.iter().map(|family| family.series.len()).sum();
                    count_failure(&otlp.metrics(families), Signal::Metrics, count, dropped);
                }
                None => dropped.count(Signal::Metrics, DropReason::Unreadable, 1),
            },
            Self::Otlp(_) | Self::Nothing => {}
        }
    }
}

fn count_failure(result: &Result<(), NotTaken>, signal: Signal, count: usize, dropped: &Dropped) {
    if result.is_err() {
        dropped.count(signal, DropReason::ExportFailed, count);
    }
}

fn hand_over(
    collector: &Sender<Batch>,
    batch: Batch,
    signal: Signal,
    count: usize,
    dropped: &Dropped,
) {
    let mut batch = batch;
    for _ in 0..ATTEMPTS {
        batch = match collector.try_send(batch) {
            Ok(()) => return,
            Err(TrySendError::Closed(_)) => {
                return dropped.count(signal, DropReason::CollectorClosed, count);
            }
            Err(TrySendError::Full(batch)) => batch,
        };
        std::thread::park_timeout(PAUSE);
    }
    dropped.count(signal, DropReason::CollectorFull, count);
}
