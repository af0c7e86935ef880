//! Moving whole windows from the head into blocks.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use watchfire_schemas::{BatchSeq, LabelSet, MetricKind, Sample};

use super::block::{BlockSeries, write_block};
use super::chunk::{Chunk, WINDOW_MS, window_of};
use super::head::Head;
use super::head_series::{CARRY_MS, HeadSeries};
use super::label_index::SeriesId;
use super::slice::{Part, Slice};

/// What the head holds of the windows before one.
#[derive(Debug)]
pub(crate) struct Cut {
    end_window: i64,
    batch: BatchSeq,
    series: Vec<CutSeries>,
}

#[derive(Debug)]
struct CutSeries {
    id: SeriesId,
    labels: LabelSet,
    kind: MetricKind,
    delta: bool,
    chunks: Vec<Arc<Chunk>>,
    late: Vec<Arc<Chunk>>,
    last: Option<Sample>,
}

impl Cut {
    /// Seals what is due and notes it; the head keeps it until [`Self::finish`].
    pub(crate) fn prepare(head: &mut Head, end_window: i64) -> Self {
        let mut series = Vec::new();
        let symbols = &head.index.symbols;
        for (id, slot) in head.series.iter_mut().enumerate() {
            let Some(one) = slot.as_deref_mut() else {
                continue;
            };
            if let Some(mut due) = CutSeries::prepare(one, end_window) {
                due.id = id as SeriesId;
                due.labels = symbols.label_set(&one.labels);
                series.push(due);
            }
        }
        Self {
            end_window,
            batch: head.batch,
            series,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Writes a block for each window.
    pub(crate) fn write(&self, blocks: &Path) -> io::Result<Vec<PathBuf>> {
        let windows: BTreeSet<_> = self.series.iter().flat_map(CutSeries::windows).collect();
        let mut written = Vec::new();
        for window in windows {
            let mut series = Vec::new();
            for one in &self.series {
                let chunks = one.chunks_of(window)?;
                if !chunks.is_empty() {
                    series.push(BlockSeries {
                        labels: one.labels.clone(),
                        kind: one.kind,
                        carried: one.delta,
                        chunks,
                    });
                }
            }
            series.sort_by(|a, b| a.labels.cmp(&b.labels));
            written.push(write_block(blocks, self.batch, &series)?);
        }
        Ok(written)
    }

    /// Takes out of the head what is in blocks now, and the series of which nothing is left.
    pub(crate) fn finish(self, head: &mut Head) {
        for one in &self.series {
            if let Some(series) = head.series[one.id as usize].as_deref_mut() {
                one.remove_from(series);
            }
        }
        let over = (self.end_window * WINDOW_MS).saturating_sub(CARRY_MS);
        let series = head.series.iter().enumerate();
        let spent: Vec<_> = series
            .filter(|(_, slot)| slot.as_deref().is_some_and(|one| one.is_spent(over)))
            .map(|(id, _)| id as SeriesId)
            .collect();
        if !spent.is_empty() {
            head.remove(&spent);
        }
    }
}

impl CutSeries {
    fn prepare(series: &mut HeadSeries, end_window: i64) -> Option<Self> {
        if !series.open.is_empty() && window_of(series.open.first_t()) < end_window {
            series.seal();
        }
        if let Some(late) = &mut series.late {
            late.pack(end_window);
        }
        let is_due = |chunk: &&Arc<Chunk>| window_of(chunk.min_t) < end_window;
        let due = |chunks: &[Arc<Chunk>]| chunks.iter().filter(is_due).cloned().collect();
        let late = series.late.as_deref();
        let last = series.unflushed_last();
        let cut = Self {
            id: 0,
            labels: LabelSet::default(),
            kind: series.kind,
            delta: series.delta,
            chunks: due(&series.chunks),
            late: late.map(|late| due(&late.chunks)).unwrap_or_default(),
            last: last.filter(|last| window_of(last.t) < end_window),
        };
        let some = !cut.chunks.is_empty() || !cut.late.is_empty() || cut.last.is_some();
        some.then_some(cut)
    }

    fn windows(&self) -> impl Iterator<Item = i64> {
        let chunks = self.chunks.iter().chain(&self.late);
        chunks
            .map(|chunk| window_of(chunk.min_t))
            .chain(self.last.map(|last| window_of(last.t)))
    }

    /// Its chunks of one window: as they are, or packed anew if something must be merged in.
    fn chunks_of(&self, window: i64) -> io::Result<Vec<Arc<Chunk>>> {
        let of_window = |chunks: &[Arc<Chunk>]| -> Vec<_> {
            let chunks = chunks.iter().filter(|c| window_of(c.min_t) == window);
            chunks.cloned().collect()
        };
        let (chunks, late) = (of_window(&self.chunks), of_window(&self.late));
        let last = self.last.filter(|last| window_of(last.t) == window);
        if late.is_empty() && last.is_none() {
            return Ok(chunks);
        }
        let parts = late.into_iter().chain(chunks).map(Part::Chunk);
        let all = Slice {
            labels: Arc::default(),
            carried: false,
            parts: parts
                .chain(last.map(|last| Part::Samples(vec![last])))
                .collect(),
        };
        let samples = all.decode(i64::MIN, i64::MAX, i64::MAX)?;
        Ok(Chunk::pack(&samples.floats)
            .into_iter()
            .map(Arc::new)
            .collect())
    }

    fn remove_from(&self, series: &mut HeadSeries) {
        let gone =
            |gone: &[Arc<Chunk>], chunk: &Arc<Chunk>| gone.iter().any(|g| Arc::ptr_eq(g, chunk));
        series.chunks.retain(|chunk| !gone(&self.chunks, chunk));
        if let Some(late) = &mut series.late {
            late.chunks.retain(|chunk| !gone(&self.late, chunk));
            if late.is_empty() {
                series.late = None;
            }
        }
        if self.last.is_some() {
            series.flushed = self.last;
        }
    }
}
