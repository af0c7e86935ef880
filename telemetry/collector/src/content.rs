mod compact;
mod series;

use watchfire_logsearch::Entry;
use watchfire_schemas::{BatchSeq, LogRecord, RecordId, Span, Timestamp};

use crate::sink::Delivery;
use crate::wal::{Frame, Kind, Packed};
use crate::written::Written;

pub(crate) use series::Series;

/// One batch, as it goes into the log and to the stores.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Logs(Vec<LogRecord>),
    /// Lines that broke their contract, as records of what could be read of them.
    Quarantine(Vec<LogRecord>),
    Spans(Vec<Span>),
    Metrics(Series),
    /// Samples as remote write brings them.
    Written(Box<Written>),
}

/// A frame whose checksum is right but whose payload cannot be read: written by other code.
#[derive(Debug, thiserror::Error)]
#[error("batch {seq} cannot be read: {reason}")]
pub(crate) struct UnreadableBatch {
    seq: BatchSeq,
    reason: String,
}

impl Content {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Logs(_) => Kind::Logs,
            Self::Quarantine(_) => Kind::Quarantine,
            Self::Spans(_) => Kind::Spans,
            Self::Metrics(_) | Self::Written(_) => Kind::Metrics,
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Logs(records) | Self::Quarantine(records) => records.len(),
            Self::Spans(spans) => spans.len(),
            Self::Metrics(series) => series.len(),
            // One request is one batch.
            Self::Written(written) => usize::from(!written.batch.is_empty()),
        }
    }

    /// In parts that are small enough for a batch; none if it is empty.
    pub(crate) fn parts(self, most: usize) -> Vec<Self> {
        debug_assert!(most <= RecordId::MAX_BATCH);
        if (1..=most).contains(&self.len()) {
            return vec![self];
        }
        match self {
            Self::Logs(records) => cut(records, most).map(Self::Logs).collect(),
            Self::Quarantine(records) => cut(records, most).map(Self::Quarantine).collect(),
            Self::Spans(spans) => cut(spans, most).map(Self::Spans).collect(),
            Self::Metrics(series) => series.cut(most).map(Self::Metrics).collect(),
            // Longer than one part is none, and this one is empty.
            Self::Written(_) => Vec::new(),
        }
    }

    /// As it lies in the log.
    pub(crate) fn pack(&self, received_at: Timestamp) -> Packed {
        let mut plain = Vec::with_capacity(self.len() * 300);
        match self {
            Self::Logs(records) | Self::Quarantine(records) => {
                for record in records {
                    compact::write(record, &mut plain);
                }
            }
            Self::Spans(spans) => {
                compact::spans::write(spans, &mut plain);
            }
            Self::Metrics(series) => plain = series.pack(),
            Self::Written(written) => return written.pack(received_at),
        }
        Packed::new(self.kind(), received_at, plain)
    }

    /// What a frame of the log holds. The time of receipt is the frame's.
    pub(crate) fn unpack(frame: &Frame) -> Result<Self, UnreadableBatch> {
        let fault = |reason: String| UnreadableBatch {
            seq: frame.seq,
            reason,
        };
        if let Some(written) = Written::unpack(frame) {
            return match written {
                Ok(written) => Ok(Self::Written(Box::new(written))),
                Err(reason) => Err(fault(reason)),
            };
        }
        let plain = frame.plain().map_err(|error| fault(error.to_string()))?;
        let lines = || {
            let lines = plain.split(|byte| *byte == b'\n');
            lines.filter(|line| !line.is_empty())
        };
        let records = || -> Result<Vec<LogRecord>, UnreadableBatch> {
            if frame.version > Frame::LINES {
                return compact::read(&plain, frame.received_at)
                    .map_err(|error| fault(error.to_string()));
            }
            lines()
                .map(|line| LogRecord::from_line(line, frame.received_at))
                .collect::<Result<_, _>>()
                .map_err(|error| fault(error.to_string()))
        };
        Ok(match frame.kind {
            Kind::Logs => Self::Logs(records()?),
            Kind::Quarantine => Self::Quarantine(records()?),
            Kind::Spans if frame.version > Frame::SPAN_LINES => {
                Self::Spans(compact::spans::read(&plain).map_err(|error| fault(error.to_string()))?)
            }
            Kind::Spans => Self::Spans(
                lines()
                    .map(serde_json::from_slice)
                    .collect::<Result<_, _>>()
                    .map_err(|error| fault(error.to_string()))?,
            ),
            Kind::Metrics => Self::Metrics(
                Series::unpack(frame.version, &plain).map_err(|error| fault(error.to_string()))?,
            ),
        })
    }

    /// What of it goes to which store.
    pub(crate) fn into_delivery(self) -> Delivery {
        let of_entry = |entry| Delivery {
            entry: Some(entry),
            ..Delivery::default()
        };
        match self {
            Self::Logs(records) => of_entry(Entry::Logs(records)),
            Self::Quarantine(records) => of_entry(Entry::Quarantine(records)),
            Self::Spans(spans) => of_entry(Entry::Spans(spans)),
            Self::Metrics(Series { series, metadata }) => Delivery {
                series,
                metadata,
                ..Delivery::default()
            },
            Self::Written(written) => Delivery {
                written: Some(written.batch),
                ..Delivery::default()
            },
        }
    }
}

fn cut<T>(all: Vec<T>, most: usize) -> impl Iterator<Item = Vec<T>> {
    let mut rest = all.into_iter();
    std::iter::from_fn(move || {
        let part: Vec<T> = rest.by_ref().take(most).collect();
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::{
        LabelSet, MetricKind, Sample, SeriesSamples, SeverityNumber, Temporality,
    };

    use super::*;

    fn frame_of(content: &Content, at: Timestamp) -> Frame {
        let dir = tempfile::tempdir().unwrap();
        let open = |frames: &mut Vec<Frame>| {
            crate::wal::open(
                dir.path(),
                crate::wal::WalOptions::default(),
                BatchSeq::ZERO,
                |f| frames.push(f),
            )
            .unwrap()
            .0
        };
        let mut frames = Vec::new();
        assert!(
            open(&mut frames)
                .append(&[&content.pack(at)])
                .error
                .is_none()
        );
        open(&mut frames);
        frames.pop().unwrap()
    }

    #[test]
    fn every_kind_survives_the_log() {
        let at = Timestamp::from_secs(9);
        let mut record = LogRecord::new(at, SeverityNumber::ERROR, "shop", "line\nfeed \u{1f525}");
        record.exception_group = Some("0123456789abcdef".to_owned());
        let series = SeriesSamples {
            labels: LabelSet::metric("up", [("job", "a")]),
            kind: MetricKind::Gauge,
            temporality: Temporality::Cumulative,
            samples: vec![Sample {
                t: 1,
                v: f64::INFINITY,
            }],
            histograms: Vec::new(),
            exemplars: Vec::new(),
        };
        for content in [
            Content::Logs(vec![record.clone(), record.clone()]),
            Content::Quarantine(vec![record]),
            Content::Metrics(Series::from(vec![series])),
            Content::Spans(vec![crate::derive::tests::span(3, "GET /", 0.2)]),
        ] {
            assert_eq!(Content::unpack(&frame_of(&content, at)).unwrap(), content);
        }
    }

    #[test]
    fn records_that_were_logged_as_lines_are_still_read() {
        let at = Timestamp::from_secs(9);
        let record = LogRecord::new(at, SeverityNumber::ERROR, "shop", "line\nfeed");
        let frame = Frame {
            version: Frame::LINES,
            payload: format!("{0}\n{0}\n", record.to_line()).into_bytes(),
            ..frame_of(&Content::Logs(vec![record.clone()]), at)
        };
        let read = Content::unpack(&frame).unwrap();
        assert_eq!(read, Content::Logs(vec![record.clone(), record]));
    }

    #[test]
    fn parts_keep_order_and_size() {
        let record =
            |n: i64| LogRecord::new(Timestamp::from_secs(n), SeverityNumber::INFO, "a", "m");
        let parts = Content::Logs((0..5).map(record).collect()).parts(2);
        assert_eq!(
            parts.iter().map(Content::len).collect::<Vec<_>>(),
            [2, 2, 1]
        );
        assert_eq!(parts[2], Content::Logs(vec![record(4)]));
        assert!(Content::Spans(Vec::new()).parts(2).is_empty());
    }
}
