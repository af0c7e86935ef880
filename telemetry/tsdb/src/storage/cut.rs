//! Moving whole windows from the head into blocks.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use watchfire_schemas::{BatchSeq, MetricKind};

use super::block::BlockWriter;
use super::chunk::{Chunk, WINDOW_MS, window_of};
use super::head::Head;
use super::head_series::{CARRY_MS, HeadSeries};
use super::label_index::SeriesId;
use super::merge::merged_chunks;
use super::slice::Part;

/// How many series are looked at before the head's lock is given back.
const SLAB: usize = 512;

/// What the head holds of the windows before one.
#[derive(Debug)]
pub(crate) struct Cut {
    end_window: i64,
    batch: BatchSeq,
    /// In the order of their labels.
    series: Vec<Due>,
    windows: BTreeSet<i64>,
}

/// How many chunks of a series are due: of each list the first ones.
#[derive(Debug, Clone, Copy)]
struct Due {
    id: SeriesId,
    chunks: u32,
    histograms: u32,
    late: u32,
}

/// The chunks of a series that are due.
struct Taken {
    labels: Arc<watchfire_schemas::LabelSet>,
    kind: MetricKind,
    delta: bool,
    late: Vec<Arc<Chunk>>,
    chunks: Vec<Arc<Chunk>>,
}

impl Cut {
    /// Seals what is due and notes it; the head keeps it until [`Self::finish`].
    pub(crate) fn prepare(head: &RwLock<Head>, end_window: i64) -> Self {
        let mut series = Vec::new();
        let mut windows = BTreeSet::new();
        let mut start = 0;
        loop {
            let mut head = head.write().expect("no holder of this lock panics");
            let end = (start + SLAB).min(head.series.len());
            for (id, slot) in head.series[start..end].iter_mut().enumerate() {
                let Some(one) = slot.as_deref_mut() else {
                    continue;
                };
                if let Some(mut due) = Due::prepare(one, end_window, &mut windows) {
                    due.id = (start + id) as SeriesId;
                    series.push(due);
                }
            }
            start = end;
            if start == head.series.len() {
                break;
            }
        }
        let batch = Self::sort(
            &head.read().expect("no holder of this lock panics"),
            &mut series,
        );
        Self {
            end_window,
            batch,
            series,
            windows,
        }
    }

    /// Brings series into the order of their labels. Gives the last batch that was applied.
    fn sort(head: &Head, series: &mut [Due]) -> BatchSeq {
        let ranks = head.index.symbols.ranks();
        series.sort_by_cached_key(|due| -> Box<[(u32, u32)]> {
            let labels = head.series(due.id).map(|series| &*series.labels);
            let labels = labels.unwrap_or_default().iter();
            labels
                .map(|&(name, value)| (ranks[name as usize], ranks[value as usize]))
                .collect()
        });
        head.batch
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Writes a block for each window.
    pub(crate) fn write(&self, head: &RwLock<Head>, blocks: &Path) -> io::Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        for &window in &self.windows {
            let mut writer = BlockWriter::create(blocks, window * WINDOW_MS)?;
            for slab in self.series.chunks(SLAB) {
                let taken: Vec<_> = {
                    let head = head.read().expect("no holder of this lock panics");
                    let taken = slab.iter().filter_map(|due| due.take(&head, window));
                    taken.collect()
                };
                for series in taken {
                    let parts = series.late.into_iter().chain(series.chunks);
                    let chunks = merged_chunks(parts.map(Part::Chunk).collect())?;
                    let chunks = chunks.iter().map(Chunk::as_bytes);
                    writer.series(&series.labels, series.kind, series.delta, chunks)?;
                }
            }
            written.extend(writer.finish(self.batch, Vec::new())?);
        }
        Ok(written)
    }

    /// Takes out of the head what is in blocks now, and the series of which nothing is left.
    pub(crate) fn finish(self, head: &mut Head) {
        for due in &self.series {
            if let Some(series) = head.series[due.id as usize].as_deref_mut() {
                due.remove_from(series);
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
        head.weigh();
    }
}

impl Due {
    fn prepare(
        series: &mut HeadSeries,
        end_window: i64,
        windows: &mut BTreeSet<i64>,
    ) -> Option<Self> {
        let is_old = |t: i64| window_of(t) < end_window;
        let growing = series.growing.bounds().map(|(first, _)| first);
        let open = series.open.get(usize::from(series.kept)).map(|s| s.t);
        if growing.or(open).is_some_and(is_old) {
            series.seal();
        }
        if let Some(histograms) = &mut series.histograms
            && histograms.held().is_some_and(|held| is_old(held.t))
        {
            histograms.settle();
        }
        if let Some(histograms) = &mut series.histograms
            && histograms
                .open
                .bounds()
                .is_some_and(|(first, _)| is_old(first))
        {
            histograms.seal();
        }
        if let Some(late) = &mut series.late {
            late.pack(end_window);
            late.chunks.sort_by_key(|chunk| !is_old(chunk.min_t));
        }
        let mut count = |chunks: &[Arc<Chunk>]| {
            let due = chunks.iter().take_while(|chunk| is_old(chunk.min_t));
            due.map(|chunk| windows.insert(window_of(chunk.min_t)))
                .count() as u32
        };
        let due = Self {
            id: 0,
            chunks: count(&series.chunks),
            histograms: series.histograms.as_ref().map_or(0, |h| count(&h.chunks)),
            late: series.late.as_ref().map_or(0, |late| count(&late.chunks)),
        };
        (due.chunks + due.histograms + due.late > 0).then_some(due)
    }

    fn take(self, head: &Head, window: i64) -> Option<Taken> {
        let series = head.series(self.id)?;
        let of_window = |chunks: &[Arc<Chunk>], due: u32| -> Vec<Arc<Chunk>> {
            let due = chunks.iter().take(due as usize);
            due.filter(|chunk| window_of(chunk.min_t) == window)
                .cloned()
                .collect()
        };
        let mut chunks = of_window(&series.chunks, self.chunks);
        if let Some(histograms) = &series.histograms {
            chunks.extend(of_window(&histograms.chunks, self.histograms));
        }
        let late = series.late.as_deref();
        let late = late
            .map(|late| of_window(&late.chunks, self.late))
            .unwrap_or_default();
        let some = !chunks.is_empty() || !late.is_empty();
        some.then(|| Taken {
            labels: Arc::new(head.index.symbols.label_set(&series.labels)),
            kind: series.kind,
            delta: series.delta,
            late,
            chunks,
        })
    }

    fn remove_from(self, series: &mut HeadSeries) {
        series.chunks.drain(..self.chunks as usize);
        if let Some(histograms) = &mut series.histograms {
            histograms.chunks.drain(..self.histograms as usize);
        }
        if let Some(late) = &mut series.late {
            late.chunks.drain(..self.late as usize);
            if late.is_empty() {
                series.late = None;
            }
        }
    }
}
