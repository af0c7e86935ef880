//! What a snapshot says of series.

use std::fmt;
use std::io;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use watchfire_schemas::{Exemplar, HistogramSample, LabelSet, MetricKind, MetricMetadata, Sample};

use crate::storage::chunk::{Chunk, Content, OpenChunk};
use crate::storage::head::Head;
use crate::storage::head_series::HeadSeries;
use crate::storage::label_index::SeriesId;
use crate::storage::points::Points;
use crate::storage::symbols::Symbol;

/// How many series share a frame and its table of texts.
const FRAME_SERIES: usize = 1024;

/// A part of a snapshot.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Frame {
    /// The texts of the labels of its series.
    pub(super) texts: Vec<String>,
    pub(super) series: Vec<SeriesRecord>,
    pub(super) exemplars: Vec<(LabelSet, Exemplar)>,
    pub(super) metadata: Vec<MetricMetadata>,
}

/// What is new of a series.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SeriesRecord {
    pub(super) id: SeriesId,
    /// Of a series that no frame before knows.
    pub(super) birth: Option<Birth>,
    /// Floats in the order of time. If the first is of the time of the last that is known, it takes
    /// its place.
    pub(super) floats: Vec<ChunkRecord>,
    /// Histograms in the order of time.
    pub(super) histograms: Vec<HistogramSample>,
    /// All that came late, if some of it is new.
    pub(super) late: Option<LateRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Birth {
    /// Places in the frame's texts.
    pub(super) labels: Vec<(u32, u32)>,
    pub(super) kind: MetricKind,
    pub(super) delta: bool,
    pub(super) kept: bool,
    /// Chunks of earlier windows.
    pub(super) sealed: Vec<ChunkRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LateRecord {
    pub(super) floats: Vec<Sample>,
    pub(super) histograms: Vec<HistogramSample>,
    pub(super) chunks: Vec<ChunkRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ChunkRecord {
    is_histograms: bool,
    min_t: i64,
    max_t: i64,
    count: u32,
    bytes: Bytes,
}

/// Bytes that are written as they are.
#[derive(Debug)]
struct Bytes(Box<[u8]>);

/// What the last snapshot had, beside the series.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Since {
    exemplars: u64,
    metadata: u64,
}

impl Since {
    pub(super) fn of(head: &Head) -> Self {
        Self {
            exemplars: head.exemplars.pushed,
            metadata: head.metadata.changes,
        }
    }
}

impl Frame {
    /// Shows the head in frames: all of it, or what is new since the last snapshot. Series note
    /// that they are in a snapshot now.
    pub(super) fn each(
        head: &Head,
        since: Option<Since>,
        mut show: impl FnMut(&Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut scratch = Points::default();
        for (slab, series) in head.series.chunks(FRAME_SERIES).enumerate() {
            let mut frame = Self::default();
            let mut places = FxHashMap::default();
            for (at, series) in series.iter().enumerate() {
                let Some(series) = series.as_deref() else {
                    continue;
                };
                let id = (slab * FRAME_SERIES + at) as SeriesId;
                let record = match since {
                    None => Some(frame.whole(head, id, series, &mut places)),
                    Some(_) => frame.news(head, id, series, &mut places, &mut scratch),
                };
                frame.series.extend(record);
                series.saved.note(series.newest_t().unwrap_or(i64::MIN + 1));
            }
            if !frame.series.is_empty() {
                show(&frame)?;
            }
        }
        let since = since.unwrap_or_default();
        let exemplars = head.exemplars.since(since.exemplars);
        let mut rest = Self {
            exemplars: exemplars
                .map(|(l, e)| (LabelSet::clone(l), e.clone()))
                .collect(),
            ..Self::default()
        };
        if head.metadata.changes != since.metadata {
            rest.metadata = head.metadata.iter().collect();
        }
        show(&rest)
    }

    fn whole(
        &mut self,
        head: &Head,
        id: SeriesId,
        series: &HeadSeries,
        places: &mut FxHashMap<Symbol, u32>,
    ) -> SeriesRecord {
        let mut birth = self.birth(head, series, places);
        birth.kept = series.kept;
        birth.sealed = series
            .chunks
            .iter()
            .map(|chunk| ChunkRecord::of(chunk))
            .collect();
        let mut histograms = Vec::new();
        if let Some(own) = &series.histograms {
            birth
                .sealed
                .extend(own.chunks.iter().map(|chunk| ChunkRecord::of(chunk)));
            let mut points = Points::default();
            if let Some(open) = own.open.sealed() {
                open.encoded().decode(i64::MIN, i64::MAX, &mut points);
            }
            histograms = points.histograms;
            // The last one of a delta series is what goes on, even if a block holds it already.
            let last = own.last.as_ref().filter(|_| series.delta);
            let is_there = histograms.last().map(|one| one.t);
            histograms.extend(last.filter(|last| is_there != Some(last.t)).cloned());
        }
        let growing = series.growing.sealed();
        SeriesRecord {
            id,
            birth: Some(birth),
            floats: growing
                .iter()
                .chain(&packed(&series.open))
                .map(ChunkRecord::of)
                .collect(),
            histograms,
            late: LateRecord::of(series),
        }
    }

    /// What the last snapshot does not have of a series; `None` if nothing.
    fn news(
        &mut self,
        head: &Head,
        id: SeriesId,
        series: &HeadSeries,
        places: &mut FxHashMap<Symbol, u32>,
        scratch: &mut Points,
    ) -> Option<SeriesRecord> {
        if series.saved.is_new() {
            return Some(self.whole(head, id, series, places));
        }
        let (since, changed) = (series.saved.t(), series.saved.has_changed());
        if !changed && series.newest_t().is_none_or(|newest| newest <= since) {
            return None;
        }
        scratch.clear();
        // A delta may have changed the last one that is known.
        let from = if changed { since } else { since + 1 };
        if series.open.first().is_some_and(|first| first.t > from) {
            let sealed = series
                .chunks
                .iter()
                .rev()
                .take_while(|chunk| chunk.max_t >= from);
            let sealed: Vec<_> = sealed.collect();
            for chunk in sealed.into_iter().rev() {
                chunk.encoded().decode(from, i64::MAX, scratch);
            }
            if let Some(growing) = series.growing.sealed() {
                growing.encoded().decode(from, i64::MAX, scratch);
            }
        }
        let open = series.open.partition_point(|sample| sample.t < from);
        let end = scratch.floats.last().map_or(i64::MIN, |last| last.t);
        let open = series.open[open..].iter().filter(|sample| sample.t > end);
        scratch.floats.extend(open);
        if let Some(own) = &series.histograms {
            let from = if series.delta { from } else { since + 1 };
            let open = own.open.sealed();
            for chunk in own.chunks.iter().map(|chunk| &**chunk).chain(&open) {
                chunk.encoded().decode(from, i64::MAX, scratch);
            }
            scratch.histograms.extend(own.held().cloned());
        }
        Some(SeriesRecord {
            id,
            birth: None,
            floats: packed(&scratch.floats)
                .iter()
                .map(ChunkRecord::of)
                .collect(),
            histograms: std::mem::take(&mut scratch.histograms),
            late: changed.then(|| LateRecord::of(series)).flatten(),
        })
    }

    fn birth(
        &mut self,
        head: &Head,
        series: &HeadSeries,
        places: &mut FxHashMap<Symbol, u32>,
    ) -> Birth {
        let mut place = |symbol: Symbol| {
            *places.entry(symbol).or_insert_with(|| {
                self.texts.push(head.index.symbols.text(symbol).to_owned());
                self.texts.len() as u32 - 1
            })
        };
        let labels = series.labels.iter();
        Birth {
            labels: labels
                .map(|&(name, value)| (place(name), place(value)))
                .collect(),
            kind: series.kind,
            delta: series.delta,
            kept: false,
            sealed: Vec::new(),
        }
    }
}

impl LateRecord {
    fn of(series: &HeadSeries) -> Option<Self> {
        let late = series.late.as_deref()?;
        Some(Self {
            floats: late.floats.clone(),
            histograms: late.histograms.clone(),
            chunks: late
                .chunks
                .iter()
                .map(|chunk| ChunkRecord::of(chunk))
                .collect(),
        })
    }
}

impl ChunkRecord {
    fn of(chunk: &Chunk) -> Self {
        Self {
            is_histograms: chunk.content == Content::Histograms,
            min_t: chunk.min_t,
            max_t: chunk.max_t,
            count: chunk.count,
            bytes: Bytes(chunk.bytes.clone()),
        }
    }

    pub(super) fn into_chunk(self) -> Chunk {
        Chunk {
            content: if self.is_histograms {
                Content::Histograms
            } else {
                Content::Floats
            },
            min_t: self.min_t,
            max_t: self.max_t,
            count: self.count,
            bytes: self.bytes.0,
        }
    }
}

/// Some floats of any windows as one chunk, `None` if there are none.
fn packed(samples: &[Sample]) -> Option<Chunk> {
    let mut open = OpenChunk::default();
    open.push(samples);
    open.seal()
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Taken;
        impl de::Visitor<'_> for Taken {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.into()))
            }
        }
        deserializer.deserialize_bytes(Taken)
    }
}
