//! Finding a series by its labels.

use std::hash::BuildHasher;

use rustc_hash::FxBuildHasher;
use watchfire_schemas::LabelSet;

use super::Head;
use crate::storage::label_index::SeriesId;

impl Head {
    /// The series with these labels.
    pub(crate) fn find(&self, labels: &LabelSet) -> Option<SeriesId> {
        let mut next = self.by_hash.get(&hash_of(labels)).copied();
        while let Some(id) = next {
            let series = self.series(id)?;
            if self.index.symbols.stands_for(&series.labels, labels) {
                return Some(id);
            }
            next = series.next;
        }
        None
    }

    /// Puts a series in front of its hash's list; gives the one after it.
    pub(super) fn link(&mut self, labels: &LabelSet, id: SeriesId) -> Option<SeriesId> {
        self.by_hash.insert(hash_of(labels), id)
    }

    /// Takes a series out of its hash's list.
    pub(super) fn unlink(&mut self, labels: &LabelSet, id: SeriesId) {
        let Some(series) = self.series(id) else {
            return;
        };
        let (key, next) = (series.key as u64, series.next);
        if self.by_key.get(&key) == Some(&id) {
            self.by_key.remove(&key);
        }
        let hash = hash_of(labels);
        let Some(&first) = self.by_hash.get(&hash) else {
            return;
        };
        if first == id {
            match next {
                Some(next) => drop(self.by_hash.insert(hash, next)),
                None => drop(self.by_hash.remove(&hash)),
            }
            return;
        }
        let mut at = first;
        while let Some(before) = self.series[at as usize].as_deref_mut() {
            match before.next {
                Some(after) if after == id => return before.next = next,
                Some(after) => at = after,
                None => return,
            }
        }
    }
}

fn hash_of(labels: &LabelSet) -> u64 {
    FxBuildHasher.hash_one(labels)
}
