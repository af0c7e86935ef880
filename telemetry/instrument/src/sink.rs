use std::time::Duration;

use opentelemetry_sdk::trace::SpanData;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use watchfire_schemas::{Batch, LogRecord};

use crate::builder::StartError;
use crate::dropped::{DropReason, Dropped, Signal};
use crate::registry_snapshot::RegistrySnapshot;
use crate::resource::Resource;
use crate::span_data::to_span;

/// How often and how long apart a full collector is asked again before a batch is dropped. The
/// worker waits, never an emitter.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// Where batches go.
#[derive(Debug)]
pub(crate) enum Sink {
    /// To a collector in this process.
    HandOver {
        collector: Sender<Batch>,
        resource: Resource,
    },
    /// Nowhere: lines on stdout are all there is.
    Nothing,
}

impl Sink {
    /// What the environment says: nowhere.
    pub(crate) fn from_environment(_: &Resource) -> Result<Self, StartError> {
        Ok(Self::Nothing)
    }

    pub(crate) fn wants_anything(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    pub(crate) fn logs(&mut self, records: Vec<LogRecord>, dropped: &Dropped) {
        match self {
            Self::HandOver { collector, .. } => {
                let count = records.len();
                hand_over(
                    collector,
                    Batch::Logs(records),
                    Signal::Logs,
                    count,
                    dropped,
                );
            }
            Self::Nothing => {}
        }
    }

    pub(crate) fn spans(&mut self, spans: Vec<SpanData>, dropped: &Dropped) {
        match self {
            Self::HandOver {
                collector,
                resource,
            } => {
                let spans: Vec<_> = spans
                    .into_iter()
                    .filter_map(|span| to_span(span, resource))
                    .collect();
                let count = spans.len();
                hand_over(
                    collector,
                    Batch::Spans(spans),
                    Signal::Spans,
                    count,
                    dropped,
                );
            }
            Self::Nothing => {}
        }
    }

    pub(crate) fn metrics(&mut self, snapshot: &RegistrySnapshot, dropped: &Dropped) {
        match self {
            Self::HandOver { collector, .. } => match snapshot.series() {
                Ok(series) => {
                    let count = series.len();
                    hand_over(
                        collector,
                        Batch::Metrics(series),
                        Signal::Metrics,
                        count,
                        dropped,
                    );
                }
                Err(_) => dropped.count(Signal::Metrics, DropReason::Unreadable, 1),
            },
            Self::Nothing => {}
        }
    }

    pub(crate) fn close(self) {
        drop(self);
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
