use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use watchfire_schemas::{Exemplar, LabelSet};

/// What an exemplar takes in memory beside its labels, about.
const EXEMPLAR_COST: usize = 160;

/// The newest exemplars of all series, so many and no more; a new one pushes out the oldest.
#[derive(Debug)]
pub(crate) struct ExemplarRing {
    ring: VecDeque<(Arc<LabelSet>, Exemplar)>,
    /// The labels of the ring's series, each once, with time and value of the newest exemplar.
    newest: FxHashMap<Arc<LabelSet>, (i64, u64)>,
    capacity: usize,
    /// How many came since the start.
    pub(crate) pushed: u64,
}

impl ExemplarRing {
    /// What is kept by default: some 8 MiB.
    pub(crate) const CAPACITY: usize = 50_000;

    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            ring: VecDeque::new(),
            newest: FxHashMap::default(),
            capacity,
            pushed: 0,
        }
    }

    /// Takes an exemplar, if it is not the one that its series had last: senders repeat it until
    /// there is another.
    pub(crate) fn push(&mut self, labels: &LabelSet, exemplar: Exemplar) {
        let now = (exemplar.t, exemplar.v.to_bits());
        let known = self.newest.get_key_value(labels);
        if known.is_some_and(|(_, newest)| *newest == now) {
            return;
        }
        let known = known.map(|(labels, _)| Arc::clone(labels));
        let labels = known.unwrap_or_else(|| Arc::new(labels.clone()));
        self.newest.insert(Arc::clone(&labels), now);
        self.ring.push_back((labels, exemplar));
        self.pushed += 1;
        if self.ring.len() > self.capacity {
            self.drop_oldest();
        }
    }

    /// From the oldest to the newest.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<LabelSet>, &Exemplar)> {
        let ring = self.ring.iter();
        ring.map(|(labels, exemplar)| (labels, exemplar))
    }

    /// Those that came after so many.
    pub(crate) fn since(&self, pushed: u64) -> impl Iterator<Item = (&Arc<LabelSet>, &Exemplar)> {
        let newer = usize::try_from(self.pushed.saturating_sub(pushed)).unwrap_or(usize::MAX);
        self.iter().skip(self.ring.len().saturating_sub(newer))
    }

    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.ring.len() * EXEMPLAR_COST
    }

    fn drop_oldest(&mut self) {
        if let Some((labels, _)) = self.ring.pop_front() {
            // The map's own reference and this one: no other exemplar of the series is left.
            if Arc::strong_count(&labels) == 2 {
                self.newest.remove(&labels);
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
        for (name, t) in [("a", 1), ("b", 2), ("b", 3), ("b", 3)] {
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
        assert_eq!(ring.newest.len(), 1);
        assert_eq!(ring.since(2).count(), 1);
    }
}
