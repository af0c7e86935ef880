//! What there is: label sets, names and values of labels.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use tokio::time::Instant;
use watchfire_schemas::LabelSet;

use super::block::Block;
use super::label_index::SeriesId;
use super::store::Store;
use crate::matcher::Selector;

/// How many series are looked at before the time is.
const SLAB: usize = 1024;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// A series counts if one of them likes it; none at all likes every series.
    pub(crate) selectors: &'a [Selector],
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) until: Option<Instant>,
}

impl Wanted<'_> {
    fn has_time(&self) -> io::Result<()> {
        match self.until {
            Some(until) if Instant::now() >= until => Err(io::ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

impl Store {
    /// Shows the labels of all series that match and may have samples in the range; one may be
    /// shown several times.
    pub(crate) fn each_labels(
        &self,
        wanted: Wanted<'_>,
        mut show: impl FnMut(&Arc<LabelSet>),
    ) -> io::Result<()> {
        for selector in wanted.selectors {
            let ids = self.read().matching(selector)?;
            for slab in ids.chunks(SLAB) {
                wanted.has_time()?;
                let head = self.read();
                for series in slab.iter().filter_map(|&id| head.series(id)) {
                    let bounds = series.bounds();
                    let labels = head.labels_of(series);
                    let inside = bounds.is_some_and(|(a, b)| a <= wanted.to && b >= wanted.from);
                    // A number may stand for another series than when it was looked up.
                    if inside && selector.matches(&labels) {
                        show(&labels);
                    }
                }
            }
            let blocks = self.blocks.list();
            for block in blocks.iter().filter(|b| b.overlaps(wanted.from, wanted.to)) {
                let ids = block.index.select(selector)?;
                for slab in ids.chunks(SLAB) {
                    wanted.has_time()?;
                    each_of_block(block, slab, wanted, &mut show)?;
                }
                self.blocks.note_use(block);
            }
        }
        Ok(())
    }

    /// The names of labels, sorted.
    pub(crate) fn label_names(&self, wanted: Wanted<'_>) -> io::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        if wanted.selectors.is_empty() {
            names.extend(self.read().index.names().map(str::to_owned));
            for block in self.blocks_in(wanted) {
                names.extend(block.index.names().map(str::to_owned));
            }
            return Ok(names);
        }
        self.each_labels(wanted, |labels| {
            for (name, _) in labels.iter() {
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        })?;
        Ok(names)
    }

    /// The values of a label, sorted.
    pub(crate) fn label_values(
        &self,
        name: &str,
        wanted: Wanted<'_>,
    ) -> io::Result<BTreeSet<String>> {
        let mut values = BTreeSet::new();
        if wanted.selectors.is_empty() {
            values.extend(self.read().index.values(name).map(str::to_owned));
            for block in self.blocks_in(wanted) {
                wanted.has_time()?;
                block.index.each_value(name, |value| {
                    if !values.contains(value) {
                        values.insert(value.to_owned());
                    }
                })?;
                self.blocks.note_use(&block);
            }
            return Ok(values);
        }
        self.each_labels(wanted, |labels| {
            if let Some(value) = labels.get(name)
                && !values.contains(value)
            {
                values.insert(value.to_owned());
            }
        })?;
        Ok(values)
    }

    fn blocks_in(&self, wanted: Wanted<'_>) -> Vec<Arc<Block>> {
        let mut blocks = self.blocks.list();
        blocks.retain(|block| block.overlaps(wanted.from, wanted.to));
        blocks
    }
}

/// Shows the labels of those of a block's series that may have samples in the range.
fn each_of_block(
    block: &Block,
    ids: &[SeriesId],
    wanted: Wanted<'_>,
    show: &mut impl FnMut(&Arc<LabelSet>),
) -> io::Result<()> {
    block.index.each(ids, |entry| {
        let mut chunks = entry.chunks.iter();
        if chunks.any(|chunk| chunk.min_t <= wanted.to && chunk.max_t >= wanted.from) {
            show(&entry.labels);
        }
    })
}
