use watchfire_schemas::{
    Exemplar, HistogramSample, LabelSet, MetricKind, MetricMetadata, Sample, TraceId,
};

use super::wire::{Value, Wire};
use super::{
    Fault, FaultReason, Span, WriteBatch, WriteError, WriteVersion, WrittenSeries, histogram,
    request_v1, request_v2,
};

/// The names and values of an exemplar's labels have at most so many characters together.
const MOST_EXEMPLAR_CHARS: usize = 128;

pub(super) fn decode(body: Vec<u8>, version: WriteVersion) -> Result<WriteBatch, WriteError> {
    if u32::try_from(body.len()).is_err() {
        return Err(WriteError::TooLarge);
    }
    let mut columns = Columns {
        limit: body.len() * WriteBatch::MOST_TIMES + MOST_OF_SMALL,
        ..Columns::default()
    };
    match version {
        WriteVersion::V1 => request_v1::read(&body, &mut columns)?,
        WriteVersion::V2 => request_v2::read(&body, &mut columns)?,
    }
    let mut batch = columns.batch;
    batch.body = body;
    batch.body.extend_from_slice(&columns.appendix);
    batch.bytes = batch.body.len() + columns.bytes;
    if u32::try_from(batch.body.len()).is_err() {
        return Err(WriteError::TooLarge);
    }
    Ok(batch)
}

/// What a small request may take in any case.
const MOST_OF_SMALL: usize = 1 << 16;
/// Nobody's histogram or exemplar is longer: reading one may take sixteen times its bytes.
const MOST_OF_ONE: usize = 1 << 16;

/// A batch while it is read.
#[derive(Debug, Default)]
pub(super) struct Columns {
    pub(super) batch: WriteBatch,
    /// Bytes to be put behind the body: labels that did not lie side by side in it.
    pub(super) appendix: Vec<u8>,
    /// The number of the series that is being read.
    index: usize,
    /// Bytes that all parts take together, and how many they may.
    bytes: usize,
    limit: usize,
}

/// Where the columns ended before a series.
#[derive(Debug, Clone, Copy)]
pub(super) struct Starts {
    samples: u32,
    histograms: u32,
    exemplars: u32,
}

/// What is known of a series once it is read.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) key: u128,
    pub(super) labels: (u32, u32),
    pub(super) kind: MetricKind,
    pub(super) created: i64,
}

impl Columns {
    pub(super) fn begin(&self) -> Starts {
        Starts {
            samples: self.batch.samples.len() as u32,
            histograms: self.batch.histograms.len() as u32,
            exemplars: self.batch.exemplars.len() as u32,
        }
    }

    /// Counts a part, before it is kept.
    pub(super) fn weigh(&mut self, bytes: usize) -> Result<(), WriteError> {
        self.bytes += bytes;
        if self.bytes > self.limit {
            return Err(WriteError::TooHeavy { limit: self.limit });
        }
        Ok(())
    }

    /// Ends a series; one without samples and histograms is not kept.
    pub(super) fn end(
        &mut self,
        starts: Starts,
        named: impl FnOnce(&mut Self) -> Named,
    ) -> Result<(), WriteError> {
        self.weigh(size_of::<WrittenSeries>())?;
        let batch = &mut self.batch;
        let samples = Span::to_end(starts.samples, &batch.samples);
        let histograms = Span::to_end(starts.histograms, &batch.histograms);
        if samples.start == samples.end && histograms.start == histograms.end {
            batch.exemplars.truncate(starts.exemplars as usize);
            self.index += 1;
            return Ok(());
        }
        if samples.end - samples.start > 1 {
            batch.samples[samples.range()].sort_by_key(|sample| sample.t);
        }
        if histograms.end - histograms.start > 1 {
            batch.histograms[histograms.range()].sort_by_key(|sample| sample.t);
        }
        let exemplars = Span::to_end(starts.exemplars, &batch.exemplars);
        let Named {
            key,
            labels,
            kind,
            created,
        } = named(self);
        self.batch.series.push(WrittenSeries {
            key,
            kind,
            created,
            labels: Span {
                start: labels.0,
                end: labels.1,
            },
            samples,
            histograms,
            exemplars,
        });
        self.index += 1;
        Ok(())
    }

    pub(super) fn fault(&mut self, reason: FaultReason) -> Result<(), WriteError> {
        self.weigh(size_of::<Fault>())?;
        self.batch.faults.push(Fault {
            series: self.index,
            reason,
        });
        Ok(())
    }

    #[inline]
    pub(super) fn sample(&mut self, mut wire: Wire<'_>) -> Result<(), WriteError> {
        let mut sample = Sample { t: 0, v: 0.0 };
        while let Some((number, value)) = wire.field()? {
            match number {
                1 => sample.v = value.double(&wire)?,
                2 => sample.t = value.number(&wire)? as i64,
                _ => {}
            }
        }
        self.weigh(size_of::<Sample>())?;
        self.batch.samples.push(sample);
        Ok(())
    }

    pub(super) fn histogram(&mut self, wire: Wire<'_>) -> Result<(), WriteError> {
        if wire.len() > MOST_OF_ONE {
            return self.fault(FaultReason::BadHistogram);
        }
        let Some(sample) = histogram::read(wire)? else {
            return self.fault(FaultReason::BadHistogram);
        };
        let h = &sample.h;
        let counts = h.positive.counts.len() + h.negative.counts.len() + h.custom_bounds.len();
        let spans = h.positive.spans.len() + h.negative.spans.len();
        self.weigh(size_of::<HistogramSample>() + 8 * (counts + spans))?;
        self.batch.histograms.push(sample);
        Ok(())
    }

    /// Takes an exemplar, of which `labels` reads the labels if they can be.
    pub(super) fn exemplar(
        &mut self,
        wire: Wire<'_>,
        labels: impl FnOnce(Wire<'_>) -> Result<((f64, i64), Option<LabelSet>), WriteError>,
    ) -> Result<(), WriteError> {
        if wire.len() > MOST_OF_ONE {
            return self.fault(FaultReason::BadExemplar);
        }
        let ((v, t), labels) = labels(wire)?;
        let chars = |labels: &LabelSet| -> usize {
            let texts = labels.iter().flat_map(|(name, value)| [name, value]);
            texts.map(|text| text.chars().count()).sum()
        };
        let Some(labels) = labels.filter(|labels| chars(labels) <= MOST_EXEMPLAR_CHARS) else {
            return self.fault(FaultReason::BadExemplar);
        };
        let trace_id: Option<TraceId> = labels.get(TRACE_ID).and_then(|id| id.parse().ok());
        let labels = match trace_id {
            Some(_) => labels.without(TRACE_ID),
            None => labels,
        };
        self.weigh(size_of::<Exemplar>() + 64 * labels.len())?;
        self.batch.exemplars.push(Exemplar {
            t,
            v,
            trace_id,
            labels,
        });
        Ok(())
    }

    pub(super) fn metadata(&mut self, metadata: MetricMetadata) -> Result<(), WriteError> {
        let texts = metadata.family.len() + metadata.help.len() + metadata.unit.len();
        self.weigh(size_of::<MetricMetadata>() + texts)?;
        self.batch.metadata.push(metadata);
        Ok(())
    }
}

/// The label of an exemplar that holds its trace.
const TRACE_ID: &str = "trace_id";

/// The parts of an exemplar: value and time, both versions alike, and its labels by `label`.
pub(super) fn exemplar_parts(
    mut wire: Wire<'_>,
    mut label: impl FnMut(Value, &Wire<'_>) -> Result<(), WriteError>,
) -> Result<(f64, i64), WriteError> {
    let (mut v, mut t) = (0.0, 0);
    while let Some((number, value)) = wire.field()? {
        match number {
            1 => label(value, &wire)?,
            2 => v = value.double(&wire)?,
            3 => t = value.number(&wire)? as i64,
            _ => {}
        }
    }
    Ok((v, t))
}

/// The kind that both versions give this number.
pub(super) const fn kind_of(number: u64) -> MetricKind {
    match number as i32 {
        1 => MetricKind::Counter,
        2 => MetricKind::Gauge,
        3 => MetricKind::Histogram,
        4 => MetricKind::GaugeHistogram,
        5 => MetricKind::Summary,
        6 => MetricKind::Info,
        7 => MetricKind::StateSet,
        _ => MetricKind::Unknown,
    }
}
