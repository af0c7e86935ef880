//! Making few large blocks of many small ones.

use std::io;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use watchfire_schemas::BatchSeq;

use super::block::{Block, BlockWriter, ChunkBytes, Entry};
use super::chunk::{Chunk, WINDOW_MS};
use super::merge::merged_chunks;
use super::points::ReadAhead;
use super::slice::Part;

/// A larger block spans so many of the next smaller ones.
const FANOUT: i64 = 3;

/// No block spans more time.
const LONGEST_MS: i64 = 31 * 86_400_000;

/// The blocks that should become one next: those that overlap, else those of the shortest span that
/// is complete. `list` is in the order of time; no block shall span more than `longest_ms`.
pub(crate) fn plan(list: &[Arc<Block>], longest_ms: i64) -> Option<Vec<Arc<Block>>> {
    let bounds: Vec<_> = list
        .iter()
        .map(|block| (block.manifest.min_t, block.manifest.max_t))
        .collect();
    let chosen = overlapping(&bounds).or_else(|| complete(&bounds, longest_ms))?;
    Some(list[chosen].to_vec())
}

/// Blocks of the same time.
fn overlapping(bounds: &[(i64, i64)]) -> Option<std::ops::Range<usize>> {
    let first = bounds.windows(2).position(|pair| pair[1].0 <= pair[0].1)?;
    let mut end = bounds[first].1;
    let more = bounds[first..].iter().take_while(|(min_t, max_t)| {
        let joins = *min_t <= end;
        end = end.max(*max_t);
        joins
    });
    Some(first..first + more.count())
}

/// Several blocks within one span that has an end: there is a block after it.
fn complete(bounds: &[(i64, i64)], longest_ms: i64) -> Option<std::ops::Range<usize>> {
    let newest = bounds.last()?.0;
    let mut span = WINDOW_MS * FANOUT;
    while span <= longest_ms.min(LONGEST_MS) {
        let mut start = 0;
        while start < bounds.len() {
            let end_t = (bounds[start].0.div_euclid(span) + 1) * span;
            let within = bounds[start..]
                .iter()
                .take_while(|(_, max_t)| *max_t < end_t);
            let count = within.count();
            if count > 1 && newest >= end_t {
                return Some(start..start + count);
            }
            start += count.max(1);
        }
        span *= FANOUT;
    }
    None
}

/// Writes one block that holds what several hold. `sources` are in the order in which the later
/// one counts.
pub(crate) fn merge(blocks: &Path, sources: &[Arc<Block>]) -> io::Result<Option<PathBuf>> {
    let min_t = sources.iter().map(|block| block.manifest.min_t).min();
    let mut writer = BlockWriter::create(blocks, min_t.unwrap_or_default())?;
    let mut streams: Vec<_> = sources
        .iter()
        .map(|block| Stream::of(block).peekable())
        .collect();
    let mut ahead: Vec<_> = sources.iter().map(|_| ReadAhead::default()).collect();
    while let Some(series) = next_series(&mut streams)? {
        let (_, first) = &series[0];
        let (labels, kind, carried) = (Arc::clone(&first.labels), first.kind, first.carried);
        let places = series.iter().flat_map(|(_, entry)| &entry.chunks);
        if places.is_sorted_by(|a, b| a.max_t < b.min_t) {
            let mut copied = Vec::new();
            for (source, entry) in &series {
                for place in &entry.chunks {
                    let chunk = sources[*source].chunk(place, &mut ahead[*source])?;
                    copied.push((*place, chunk.bytes.to_vec()));
                }
            }
            let chunks = copied.iter().map(|(place, bytes)| ChunkBytes {
                content: place.content,
                min_t: place.min_t,
                max_t: place.max_t,
                count: place.count,
                bytes,
            });
            writer.series(&labels, kind, carried, chunks)?;
        } else {
            let parts = series.iter().flat_map(|(source, entry)| {
                let places = entry.chunks.iter();
                places.map(|place| Part::Stored(Arc::clone(&sources[*source]), *place))
            });
            let chunks = merged_chunks(parts.collect())?;
            writer.series(&labels, kind, carried, chunks.iter().map(Chunk::as_bytes))?;
        }
    }
    let batch = sources.iter().map(|block| block.manifest.batch).max();
    let names = sources.iter().map(|block| block.name()).collect();
    writer.finish(batch.unwrap_or(BatchSeq::ZERO), names)
}

/// The entries of the series that comes first by its labels, with the number of their source.
fn next_series(streams: &mut [Peekable<Stream<'_>>]) -> io::Result<Option<Vec<(usize, Entry)>>> {
    let mut first: Option<Arc<watchfire_schemas::LabelSet>> = None;
    for stream in streams.iter_mut() {
        if let Some(Err(_)) = stream.peek() {
            return stream.next().transpose().map(|_| None);
        }
        if let Some(Ok(entry)) = stream.peek()
            && first.as_ref().is_none_or(|first| entry.labels < *first)
        {
            first = Some(Arc::clone(&entry.labels));
        }
    }
    let Some(labels) = first else {
        return Ok(None);
    };
    let mut series = Vec::new();
    for (source, stream) in streams.iter_mut().enumerate() {
        let same = |entry: &io::Result<Entry>| entry.as_ref().is_ok_and(|e| e.labels == labels);
        if let Some(entry) = stream.next_if(same) {
            series.push((source, entry?));
        }
    }
    Ok(Some(series))
}

/// All series of a block, group by group.
struct Stream<'a> {
    block: &'a Block,
    group: usize,
    entries: std::vec::IntoIter<Entry>,
}

impl<'a> Stream<'a> {
    fn of(block: &'a Block) -> Self {
        Self {
            block,
            group: 0,
            entries: Vec::new().into_iter(),
        }
    }
}

impl Iterator for Stream<'_> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Some(Ok(entry));
            }
            match self.block.index.pass(self.group) {
                Ok(Some(entries)) => self.entries = entries.into_iter(),
                Ok(None) => return None,
                Err(error) => {
                    self.group = usize::MAX;
                    return Some(Err(error));
                }
            }
            self.group += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn check(hours: &[(i64, i64)], longest_hours: i64, expected: &[(i64, i64)]) {
        let bounds: Vec<_> = hours
            .iter()
            .map(|(from, to)| (from * HOUR, to * HOUR - 1))
            .collect();
        let found = overlapping(&bounds).or_else(|| complete(&bounds, longest_hours * HOUR));
        let found = found.map(|chosen| &hours[chosen]).unwrap_or_default();
        assert_eq!(found, expected, "{hours:?}");
    }

    #[test]
    fn complete_spans_become_one_block() {
        let three = [(0, 2), (2, 4), (4, 6), (6, 8)];
        check(&three[..3], 100, &[]);
        check(&three, 100, &three[..3]);
        check(&[(0, 2), (4, 6), (6, 8)], 100, &[(0, 2), (4, 6)]);
        check(&[(0, 6), (6, 8)], 100, &[]);
        let larger = [(0, 6), (6, 12), (12, 18), (18, 20)];
        check(&larger, 100, &larger[..3]);
        check(&larger, 17, &[]);
        check(&[], 100, &[]);
    }

    #[test]
    fn blocks_that_overlap_go_first() {
        let blocks = [(0, 2), (2, 4), (3, 4), (4, 6), (6, 8)];
        check(&blocks, 100, &blocks[1..3]);
        let chain = [(0, 6), (2, 4), (5, 8), (8, 10)];
        check(&chain, 1, &chain[..3]);
    }
}
