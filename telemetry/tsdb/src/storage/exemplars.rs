use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use watchfire_schemas::{Exemplar, LabelSet};

/// The newest exemplars of all series, so many and no more; a new one pushes out the oldest.
#[derive(Debug)]
pub(crate) struct ExemplarRing {
    ring: VecDeque<(Arc<LabelSet>, Exemplar)>,
    /// The labels of the ring's series, each once.
    labels: HashSet<Arc<LabelSet>, FxBuildHasher>,
    capacity: usize,
}

impl ExemplarRing {
    /// What is kept by default: some 8 MiB.
    pub(crate) const CAPACITY: usize = 50_000;

    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            ring: VecDeque::new(),
            labels: HashSet::default(),
            capacity,
        }
    }

    pub(crate) fn push(&mut self, labels: &LabelSet, exemplar: Exemplar) {
        if self.ring.len() >= self.capacity {
            self.drop_oldest();
        }
        let known = self.labels.get(labels).cloned();
        let labels = known.unwrap_or_else(|| {
            let labels = Arc::new(labels.clone());
            self.labels.insert(Arc::clone(&labels));
            labels
        });
        self.ring.push_back((labels, exemplar));
    }

    /// From the oldest to the newest.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<LabelSet>, &Exemplar)> {
        self.ring
            .iter()
            .map(|(labels, exemplar)| (labels, exemplar))
    }

    fn drop_oldest(&mut self) {
        if let Some((labels, _)) = self.ring.pop_front() {
            // The set's own reference and this one: no other exemplar of the series is left.
            if Arc::strong_count(&labels) == 2 {
                self.labels.remove(&labels);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_newest_and_forgets_their_labels_with_them() {
        let mut ring = ExemplarRing::new(2);
        for (name, t) in [("a", 1), ("b", 2), ("b", 3)] {
            let exemplar = Exemplar {
                t,
                v: 1.0,
                trace_id: None,
                labels: LabelSet::default(),
            };
            ring.push(&LabelSet::new([(LabelSet::NAME, name)]), exemplar);
        }
        let kept: Vec<_> = ring.iter().map(|(l, e)| (l.name(), e.t)).collect();
        assert_eq!(kept, [("b", 2), ("b", 3)]);
        assert_eq!(ring.labels.len(), 1);
    }
}
