//! Remote write: from a body to a batch of the log, in which it lies as it came.

use bytes::Bytes;
use watchfire_schemas::Timestamp;
use watchfire_tsdb::{Fault, Objection, Place, WriteBatch, WriteError, WriteVersion};

use crate::admission::Arrival;
use crate::content::Content;
use crate::drop_reason::DropReason;
use crate::prepare::Prepared;
use crate::sink::Sink;
use crate::wal::{Frame, Kind, Packed};

/// A request of remote write, read and as it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub(crate) batch: WriteBatch,
    version: WriteVersion,
    body: Bytes,
}

/// Why a body is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnreadableWrite {
    #[error("the body is not snappy in its block format: {0}")]
    Snappy(snap::Error),
    #[error("the body is no request of remote write: {0}")]
    Request(WriteError),
}

/// What the sender is told of a request besides that it is safe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WriteOutcome {
    pub(crate) samples: usize,
    pub(crate) histograms: usize,
    pub(crate) exemplars: usize,
    /// What will never be taken: how much, and the first cases in words.
    pub(crate) refused: u64,
    pub(crate) words: Vec<String>,
}

/// How many faults an answer tells of.
const MOST_WORDS: usize = 10;

impl Written {
    /// How large a body becomes, as it says itself.
    pub(crate) fn plain_len(body: &[u8]) -> Result<usize, UnreadableWrite> {
        snap::raw::decompress_len(body).map_err(UnreadableWrite::Snappy)
    }

    pub(crate) fn read(body: Bytes, version: WriteVersion) -> Result<Self, UnreadableWrite> {
        let plain = snap::raw::Decoder::new().decompress_vec(&body);
        let plain = plain.map_err(UnreadableWrite::Snappy)?;
        let batch = WriteBatch::decode(plain, version).map_err(UnreadableWrite::Request)?;
        Ok(Self {
            batch,
            version,
            body,
        })
    }

    /// Asks the store what it will not take, leaves that out, and packs the rest.
    pub(crate) fn prepare(self, sink: &dyn Sink, arrival: Arrival) -> (Prepared, WriteOutcome) {
        let mut prepared = Prepared::empty("metrics", arrival);
        let mut outcome = WriteOutcome::default();
        let objections = sink.judge(&self.batch);
        for fault in self.batch.faults() {
            outcome.refuse_fault(*fault, &mut prepared);
        }
        for objection in &objections {
            outcome.refuse(&self.batch, objection, &mut prepared);
        }
        let batch = if objections.is_empty() {
            self.batch
        } else {
            self.batch.without(&objections)
        };
        outcome.count(&batch);
        prepared.receipt.accepted = (outcome.samples + outcome.histograms) as u64;
        prepared.receipt.rejected = outcome.refused;
        count_services(&batch, &mut prepared);
        let written = Self { batch, ..self };
        prepared.pack(Content::Written(Box::new(written)), 1);
        (prepared, outcome)
    }

    pub(crate) fn pack(&self, received_at: Timestamp) -> Packed {
        let version = match self.version {
            WriteVersion::V1 => Frame::WRITE_1_0,
            WriteVersion::V2 => Frame::WRITE_2_0,
        };
        Packed::as_it_came(Kind::Metrics, version, received_at, self.body.clone())
    }

    /// What a frame holds, if it is a request of remote write.
    pub(crate) fn unpack(frame: &Frame) -> Option<Result<Self, String>> {
        let version = match (frame.kind, frame.version) {
            (Kind::Metrics, Frame::WRITE_1_0) => WriteVersion::V1,
            (Kind::Metrics, Frame::WRITE_2_0) => WriteVersion::V2,
            _ => return None,
        };
        let body = Bytes::copy_from_slice(&frame.payload);
        Some(Self::read(body, version).map_err(|error| error.to_string()))
    }
}

impl WriteOutcome {
    fn refuse_fault(&mut self, fault: Fault, prepared: &mut Prepared) {
        let reason = DropReason::of_fault(fault.reason);
        prepared.count_drop(reason, 1);
        self.refused += 1;
        self.say(|| format!("series {}: {}", fault.series + 1, fault.reason));
    }

    fn refuse(&mut self, batch: &WriteBatch, objection: &Objection, prepared: &mut Prepared) {
        let series = &batch.series()[objection.series];
        let count = match objection.place {
            Place::All => batch.samples(series).len() + batch.histograms(series).len(),
            Place::Sample(_) | Place::Histogram(_) => 1,
        };
        prepared.count_drop(DropReason::of_objection(objection.reason), count as u64);
        self.refused += count as u64;
        self.say(|| {
            let labels = match batch.labels(series) {
                Ok(labels) => labels.to_string(),
                Err(_) => format!("series {}", objection.series + 1),
            };
            format!("{labels}: {}", objection.words)
        });
    }

    fn say(&mut self, words: impl FnOnce() -> String) {
        if self.words.len() < MOST_WORDS {
            self.words.push(words());
        }
    }

    fn count(&mut self, batch: &WriteBatch) {
        self.samples = batch.sample_count();
        self.histograms = batch.histogram_count();
        self.exemplars = batch.exemplar_count();
    }
}

/// By job, without a text for each series: those of one job follow each other.
fn count_services(batch: &WriteBatch, prepared: &mut Prepared) {
    let (mut job, mut count) = ("", 0);
    for series in batch.series() {
        let of_series = batch.label(series, "job").unwrap_or_default();
        if of_series != job {
            prepared.count_service(job, count);
            (job, count) = (of_series, 0);
        }
        count += (batch.samples(series).len() + batch.histograms(series).len()) as u64;
    }
    prepared.count_service(job, count);
}
