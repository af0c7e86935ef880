use std::time::Duration;

use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use watchfire_schemas::{Batch, Span, Timestamp};

use crate::builder::StartError;
use crate::dropped::{DropReason, Dropped, Signal};
use crate::otlp::{Encoder, NotTaken, Otlp, Settings};
use crate::pipeline::Waiting;
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
    /// What is asked to encode the spans and lines of requests, if they are to be exported.
    pub(crate) fn encoder(&self, resource: &Resource) -> Option<Encoder> {
        match self {
            Self::Otlp(settings) => Some(Otlp::encoder(settings, resource)),
            Self::Collector(_) | Self::Nowhere => None,
        }
    }

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
    pub(crate) fn logs(&mut self, taken: &mut Waiting, dropped: &Dropped) {
        match self {
            Self::HandOver {
                collector,
                resource,
            } => {
                let mut records = std::mem::take(&mut taken.logs);
                records.extend(taken.facts.iter().filter_map(|line| line.to_log(resource)));
                let count = records.len();
                hand_over(
                    collector,
                    Batch::Logs(records),
                    Signal::Logs,
                    count,
                    dropped,
                );
            }
            Self::Otlp(otlp) => {
                let count = taken.logs.len() + taken.encoded_lines.count();
                if count > 0 {
                    let sent = otlp.logs(&taken.logs, &mut taken.encoded_lines);
                    count_failure(&sent, Signal::Logs, count, dropped);
                }
            }
            Self::Nothing => {}
        }
    }

    pub(crate) fn spans(&mut self, taken: &mut Waiting, dropped: &Dropped) {
        let spans = std::mem::take(&mut taken.spans);
        match self {
            Self::HandOver {
                collector,
                resource,
            } => {
                let spans = spans.into_iter();
                let spans = spans.filter_map(|span| to_span(span, resource));
                let facts = taken.facts.iter();
                let facts = facts.filter(|facts| facts.span.context.is_sampled());
                let facts = facts.filter_map(|facts| facts.to_span(resource));
                let spans: Vec<Span> = spans.chain(facts).collect();
                let count = spans.len();
                hand_over(
                    collector,
                    Batch::Spans(spans),
                    Signal::Spans,
                    count,
                    dropped,
                );
            }
            Self::Otlp(otlp) => {
                let (made, requests) = (spans.len(), taken.encoded_spans.count());
                count_failure(&otlp.spans(spans), Signal::Spans, made, dropped);
                let sent = otlp.fact_spans(&mut taken.encoded_spans);
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
    if count == 0 {
        return;
    }
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
