//! How large the store is, and what makes it large.

use super::label_index::LabelIndex;
use super::store::Store;
use crate::{TsdbCardinality, TsdbStats};

/// How many are named of what there is most.
const TOP: usize = 10;

impl Store {
    pub(crate) fn stats(&self) -> TsdbStats {
        let blocks = self.blocks.list();
        let head = self.read();
        let (label_pairs, postings) = head.index.sizes();
        let series = || head.series.iter().flatten();
        let bounds = || series().filter_map(|series| series.bounds());
        TsdbStats {
            head_series: head.live,
            head_samples: head.samples,
            blocks: blocks.len(),
            block_bytes: blocks.iter().map(|block| block.manifest.bytes).sum(),
            block_samples: blocks.iter().map(|block| block.manifest.samples).sum(),
            refused_samples: self.refusals.total(),
            memory_bytes: head.memory() + self.blocks.loaded_bytes(),
            max_memory: self.config.max_memory,
            max_series: self.config.max_series,
            refuses_series: head.objection_to_new(self.limits(), 0).is_some(),
            head_chunks: series().map(|series| series.chunk_count()).sum(),
            head_min_t: bounds().map(|(first, _)| first).min().unwrap_or_default(),
            head_max_t: bounds().map(|(_, last)| last).max().unwrap_or_default(),
            symbols: head.index.symbols.len(),
            label_pairs,
            postings,
        }
    }

    pub(crate) fn cardinality(&self) -> TsdbCardinality {
        let head = self.read();
        let index = &head.index;
        TsdbCardinality {
            values_by_label: top(index.value_counts()),
            bytes_by_label: top(index.value_bytes()),
            series_by_pair: top_pairs(index),
            series_by_metric: top(index.series_counts(watchfire_schemas::LabelSet::NAME)),
        }
    }
}

/// The label pairs that most series have, as `name=value`.
fn top_pairs(index: &LabelIndex) -> Vec<(String, usize)> {
    let mut pairs: Vec<_> = index
        .postings()
        .map(|(name, value, ids)| (ids.len(), name, value))
        .collect();
    pairs.sort_unstable_by(|a, b| b.cmp(a));
    pairs.truncate(TOP);
    let text = |symbol| index.symbols.text(symbol);
    pairs
        .into_iter()
        .map(|(count, name, value)| (format!("{}={}", text(name), text(value)), count))
        .collect()
}

/// Those of which there are most, first.
fn top<'a>(counts: impl Iterator<Item = (&'a str, usize)>) -> Vec<(String, usize)> {
    let mut counts: Vec<_> = counts.collect();
    counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    counts.truncate(TOP);
    let named = counts.into_iter();
    named
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_come_first_and_no_more_than_ten() {
        let names: Vec<_> = (0..20).map(|i| format!("n{i:02}")).collect();
        let counts = names
            .iter()
            .enumerate()
            .map(|(i, name)| (name.as_str(), i / 2));
        let found = top(counts);
        assert_eq!(found[0], ("n18".to_owned(), 9));
        assert_eq!(found[1], ("n19".to_owned(), 9));
        assert_eq!(found.len(), TOP);
    }
}
