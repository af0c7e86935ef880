//! Reading a snapshot back.

use std::path::Path;
use std::sync::Arc;

use watchfire_schemas::{HistogramSample, LabelSet, Sample, Temporality};

use super::Manifest;
use super::frames::read_frames;
use super::record::{Birth, Frame, LateRecord, SeriesRecord};
use crate::OpenError;
use crate::storage::chunk::Content;
use crate::storage::head::Head;
use crate::storage::head_series::HeadSeries;
use crate::storage::late::LateSamples;
use crate::storage::points::Points;

/// The head that a file holds.
pub(super) fn head(path: &Path, manifest: &Manifest) -> Result<Head, OpenError> {
    let mut head = Head::new();
    head.batch = manifest.batch;
    let mut points = Points::default();
    read_frames(path, manifest.length, |frame: Frame| {
        for record in frame.series {
            take(&mut head, record, &frame.texts, &mut points)?;
        }
        for (labels, exemplar) in frame.exemplars {
            head.exemplars.push(&labels, exemplar);
        }
        for metadata in &frame.metadata {
            head.metadata.learn_family(metadata);
        }
        Ok(())
    })?;
    head.weigh();
    Ok(head)
}

fn take(
    head: &mut Head,
    record: SeriesRecord,
    texts: &[String],
    points: &mut Points,
) -> Result<(), String> {
    let id = record.id as usize;
    if let Some(birth) = record.birth {
        if id < head.series.len() {
            return Err(format!("series {id} begins twice"));
        }
        let (labels, series) = begin(head, birth, texts)?;
        head.insert_at(id, &labels, series);
    }
    let series = head.series.get_mut(id).and_then(Option::as_deref_mut);
    let series = series.ok_or_else(|| format!("series {id} was never begun"))?;
    points.clear();
    for chunk in record.floats {
        let chunk = chunk.into_chunk();
        chunk.encoded().decode(i64::MIN, i64::MAX, points);
    }
    for &sample in &points.floats {
        series.restore(sample);
    }
    for histogram in &record.histograms {
        series.restore_histogram(histogram);
    }
    if let Some(late) = record.late {
        series.late = Some(Box::new(late_samples(late)));
    }
    series.saved.note(series.newest_t().unwrap_or(i64::MIN + 1));
    Ok(())
}

fn begin(
    head: &mut Head,
    birth: Birth,
    texts: &[String],
) -> Result<(LabelSet, HeadSeries), String> {
    let text = |at: u32| texts.get(at as usize).map(String::as_str);
    let pairs: Option<Vec<_>> = birth
        .labels
        .iter()
        .map(|&(name, value)| Some((text(name)?, text(value)?)))
        .collect();
    let labels = LabelSet::new(pairs.ok_or("a label has no text")?);
    let temporality = if birth.delta {
        Temporality::Delta
    } else {
        Temporality::Cumulative
    };
    let symbols = head.index.symbols.intern_labels(&labels);
    let mut series = HeadSeries::new(symbols, birth.kind, temporality);
    for chunk in birth.sealed {
        let chunk = Arc::new(chunk.into_chunk());
        match chunk.content {
            Content::Floats => series.chunks.push(chunk),
            Content::Histograms => {
                let histograms = series.histograms.get_or_insert_default();
                histograms.chunks.push(chunk);
            }
        }
    }
    series.kept = birth.kept;
    Ok((labels, series))
}

fn late_samples(late: LateRecord) -> LateSamples {
    let chunks = late.chunks.into_iter();
    LateSamples {
        floats: late.floats,
        histograms: late.histograms,
        chunks: chunks.map(|chunk| Arc::new(chunk.into_chunk())).collect(),
    }
}

impl HeadSeries {
    /// Takes a float as it stood in the head.
    fn restore(&mut self, sample: Sample) {
        match self.open.last_mut() {
            Some(last) if last.t == sample.t => {
                if last.v.to_bits() != sample.v.to_bits() {
                    last.v = sample.v;
                    self.kept &= self.open.len() > 1;
                }
            }
            _ => drop(self.extend(sample)),
        }
    }

    /// Takes a histogram as it stood in the head.
    fn restore_histogram(&mut self, sample: &HistogramSample) {
        if self.delta {
            return self.restore_sum(sample);
        }
        self.histograms.get_or_insert_default().extend(sample);
    }
}
