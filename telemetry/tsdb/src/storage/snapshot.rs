//! The head on disk, as it was after a batch: replay of the write-ahead log goes on from there.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use watchfire_schemas::{BatchSeq, Exemplar, LabelSet, MetricKind, Sample, Temporality};

use super::chunk::Chunk;
use super::durable::{Format, RecordReader, open_sealed, put, replace_sealed};
use super::gorilla::Encoder;
use super::head::Head;
use super::head_series::HeadSeries;
use super::late::LateSamples;
use super::symbols::{SymbolPairs, SymbolTable};
use crate::OpenError;

const FORMAT: Format = Format {
    magic: *b"WFTSHEAD",
    version: 1,
};

/// The head at a moment. Taking it copies no sealed chunk, so that appends wait for a short time.
#[derive(Debug)]
pub(crate) struct HeadImage {
    pub(crate) batch: BatchSeq,
    symbols: Vec<Arc<str>>,
    series: Vec<HeadSeries>,
    exemplars: Vec<(Arc<LabelSet>, Exemplar)>,
    kinds: Vec<(String, MetricKind)>,
}

#[derive(Serialize, Deserialize)]
struct Counts {
    batch: BatchSeq,
    symbols: usize,
    series: usize,
    exemplars: usize,
    kinds: usize,
}

#[derive(Serialize, Deserialize)]
struct SeriesRecord {
    labels: SymbolPairs,
    kind: MetricKind,
    delta: bool,
    chunks: Vec<ChunkRecord>,
    open: Option<ChunkRecord>,
    last: Option<Sample>,
    flushed: Option<Sample>,
    late: Vec<Sample>,
    late_chunks: Vec<ChunkRecord>,
}

#[derive(Serialize, Deserialize)]
struct ChunkRecord {
    min_t: i64,
    max_t: i64,
    count: u32,
    bytes: Box<[u8]>,
}

impl HeadImage {
    pub(crate) fn of(head: &Head) -> Self {
        let series = head.series.iter().flatten();
        let exemplars = head.exemplars.iter();
        let kinds = head.metadata.iter();
        Self {
            batch: head.batch,
            symbols: head.index.symbols.texts().to_vec(),
            series: series.map(|series| HeadSeries::clone(series)).collect(),
            exemplars: exemplars.map(|(l, e)| (Arc::clone(l), e.clone())).collect(),
            kinds: kinds.map(|(name, kind)| (name.to_owned(), kind)).collect(),
        }
    }

    /// Writes it in place of the one before.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        replace_sealed(path, FORMAT, |records| {
            let counts = Counts {
                batch: self.batch,
                symbols: self.symbols.len(),
                series: self.series.len(),
                exemplars: self.exemplars.len(),
                kinds: self.kinds.len(),
            };
            put(records, &counts)?;
            for symbol in &self.symbols {
                put(records, &**symbol)?;
            }
            for series in &self.series {
                put(records, &SeriesRecord::of(series))?;
            }
            for (labels, exemplar) in &self.exemplars {
                put(records, &(&**labels, exemplar))?;
            }
            self.kinds.iter().try_for_each(|kind| put(records, kind))
        })
    }
}

/// The head that a file holds; an empty one if there is no file.
pub(crate) fn read_head(path: &Path) -> Result<Head, OpenError> {
    if !path.exists() {
        return Ok(Head::new());
    }
    let mut records = open_sealed(path, FORMAT)?;
    restore(&mut records).map_err(|error| OpenError::Damaged {
        path: path.display().to_string(),
        reason: error.to_string(),
    })
}

fn restore(records: &mut RecordReader) -> io::Result<Head> {
    let counts: Counts = records.next()?;
    let mut head = Head::new();
    head.batch = counts.batch;
    let mut symbols = SymbolTable::default();
    for _ in 0..counts.symbols {
        symbols.intern(&records.next::<String>()?);
    }
    for _ in 0..counts.series {
        let record: SeriesRecord = records.next()?;
        let labels = symbols.label_set(&record.labels);
        let own = head.index.symbols.intern_labels(&labels);
        head.insert(&labels, record.into_series(own));
    }
    for _ in 0..counts.exemplars {
        let (labels, exemplar): (LabelSet, Exemplar) = records.next()?;
        head.exemplars.push(&labels, exemplar);
    }
    for _ in 0..counts.kinds {
        let (name, kind): (String, MetricKind) = records.next()?;
        head.metadata.learn_family(name, kind);
    }
    Ok(head)
}

impl SeriesRecord {
    fn of(series: &HeadSeries) -> Self {
        let late = series.late.as_deref();
        let records = |chunks: &[Arc<Chunk>]| chunks.iter().map(|c| ChunkRecord::of(c)).collect();
        Self {
            labels: series.labels.clone(),
            kind: series.kind,
            delta: series.delta,
            chunks: records(&series.chunks),
            open: Chunk::sealed(&series.open).map(|chunk| ChunkRecord::of(&chunk)),
            last: series.last,
            flushed: series.flushed,
            late: late.map(|late| late.buffer.clone()).unwrap_or_default(),
            late_chunks: late.map(|late| records(&late.chunks)).unwrap_or_default(),
        }
    }

    fn into_series(self, labels: SymbolPairs) -> HeadSeries {
        let temporality = if self.delta {
            Temporality::Delta
        } else {
            Temporality::Cumulative
        };
        let chunks = |records: Vec<ChunkRecord>| {
            let chunks = records.into_iter().map(ChunkRecord::into_chunk);
            chunks.map(Arc::new).collect()
        };
        let late = LateSamples {
            buffer: self.late,
            chunks: chunks(self.late_chunks),
        };
        let mut open = Encoder::default();
        if let Some(record) = self.open {
            record.into_chunk().samples().for_each(|s| open.push(s));
        }
        HeadSeries {
            chunks: chunks(self.chunks),
            open,
            last: self.last,
            flushed: self.flushed,
            late: (!late.is_empty()).then(|| Box::new(late)),
            ..HeadSeries::new(labels, self.kind, temporality)
        }
    }
}

impl ChunkRecord {
    fn of(chunk: &Chunk) -> Self {
        Self {
            min_t: chunk.min_t,
            max_t: chunk.max_t,
            count: chunk.count,
            bytes: chunk.bytes.clone(),
        }
    }

    fn into_chunk(self) -> Chunk {
        Chunk {
            min_t: self.min_t,
            max_t: self.max_t,
            count: self.count,
            bytes: self.bytes,
        }
    }
}
