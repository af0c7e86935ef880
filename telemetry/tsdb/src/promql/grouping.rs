//! Which series have the same values of some labels. No label set is built for a series that falls
//! into a group that is there.

use std::hash::Hasher;

use promql_parser::parser::LabelModifier;
use rustc_hash::{FxHashMap, FxHasher};
use watchfire_schemas::LabelSet;

use super::metric::Metric;

/// The labels by which series are grouped.
#[derive(Debug, Clone, Copy)]
pub(crate) enum KeyLabels<'e> {
    Only(&'e [String]),
    /// All but these and the name.
    Without(&'e [String]),
}

/// The groups that series fall into, in the order in which they appeared.
#[derive(Debug)]
pub(crate) struct Groups<'e> {
    by: KeyLabels<'e>,
    /// The first group of each hash; those of the same hash are in a list.
    first: FxHashMap<u64, usize>,
    all: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    labels: LabelSet,
    /// Whether the group's name goes at the end of the query.
    dropped: bool,
    hash: u64,
    next: Option<usize>,
}

impl<'e> KeyLabels<'e> {
    /// `by` and `without` of an aggregation.
    pub(crate) fn of_aggregation(modifier: Option<&'e LabelModifier>) -> Self {
        match modifier {
            None => Self::Only(&[]),
            Some(LabelModifier::Include(kept)) => Self::Only(&kept.labels),
            Some(LabelModifier::Exclude(left_out)) => Self::Without(&left_out.labels),
        }
    }

    /// `on` and `ignoring` of an operator.
    pub(crate) fn of_matching(modifier: Option<&'e LabelModifier>) -> Self {
        match modifier {
            None => Self::Without(&[]),
            Some(LabelModifier::Include(on)) => Self::Only(&on.labels),
            Some(LabelModifier::Exclude(ignored)) => Self::Without(&ignored.labels),
        }
    }

    /// Whether a label is among those that count.
    pub(crate) fn has(self, name: &str) -> bool {
        match self {
            Self::Only(kept) => kept.iter().any(|other| other == name),
            Self::Without(left_out) => {
                name != LabelSet::NAME && !left_out.iter().any(|other| other == name)
            }
        }
    }

    fn hash(self, metric: &Metric) -> u64 {
        let mut hasher = FxHasher::default();
        let mut add = |text: &str| {
            hasher.write(text.as_bytes());
            hasher.write_u8(0xff);
        };
        match self {
            Self::Only(kept) => {
                for name in kept {
                    add(metric.get(name).unwrap_or_default());
                }
            }
            Self::Without(_) => {
                for (name, value) in metric.iter().filter(|(name, _)| self.has(name)) {
                    add(name);
                    add(value);
                }
            }
        }
        hasher.finish()
    }

    fn are(self, labels: &LabelSet, metric: &Metric) -> bool {
        match self {
            Self::Only(kept) => kept.iter().all(|name| labels.get(name) == metric.get(name)),
            Self::Without(_) => labels
                .iter()
                .eq(metric.iter().filter(|(name, _)| self.has(name))),
        }
    }
}

impl<'e> Groups<'e> {
    pub(crate) fn new(by: KeyLabels<'e>) -> Self {
        Self {
            by,
            first: FxHashMap::default(),
            all: Vec::new(),
        }
    }

    /// The number of the group that a series belongs to; a new one has the next number.
    pub(crate) fn place(&mut self, metric: &Metric) -> usize {
        let hash = self.by.hash(metric);
        if let Some(found) = self.find(hash, |labels, by| by.are(labels, metric)) {
            return found;
        }
        let labels = LabelSet::new(metric.iter().filter(|(name, _)| self.by.has(name)));
        let dropped = metric.is_delayed() && metric.is_dropped();
        self.add(labels, dropped, hash)
    }

    /// The group of a series, if there is one.
    pub(crate) fn of(&self, metric: &Metric) -> Option<usize> {
        self.find(self.by.hash(metric), |labels, by| by.are(labels, metric))
    }

    /// The place here of a group that was found elsewhere.
    pub(crate) fn place_of(&mut self, other: &Self, at: usize) -> usize {
        let group = &other.all[at];
        self.find(group.hash, |labels, _| *labels == group.labels)
            .unwrap_or_else(|| self.add(group.labels.clone(), group.dropped, group.hash))
    }

    pub(crate) fn labels(&self, at: usize) -> &LabelSet {
        &self.all[at].labels
    }

    /// What a series of the group's result is of.
    pub(crate) fn into_metrics(self, delayed: bool) -> impl Iterator<Item = Metric> {
        self.all.into_iter().map(move |group| {
            let metric = Metric::new(group.labels).delayed(delayed);
            if group.dropped {
                metric.unnamed()
            } else {
                metric
            }
        })
    }

    fn find(&self, hash: u64, is: impl Fn(&LabelSet, KeyLabels<'_>) -> bool) -> Option<usize> {
        let mut next = self.first.get(&hash).copied();
        while let Some(at) = next {
            if is(&self.all[at].labels, self.by) {
                return Some(at);
            }
            next = self.all[at].next;
        }
        None
    }

    fn add(&mut self, labels: LabelSet, dropped: bool, hash: u64) -> usize {
        let at = self.all.len();
        let next = self.first.insert(hash, at);
        self.all.push(Group {
            labels,
            dropped,
            hash,
            next,
        });
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(pairs: &[(&str, &str)]) -> Metric {
        Metric::new(LabelSet::metric("m", pairs.iter().copied()))
    }

    #[test]
    fn series_of_the_same_values_are_one_group() {
        let by = ["a".to_owned(), "c".to_owned()];
        let mut groups = Groups::new(KeyLabels::Only(&by));
        let places = [
            metric(&[("a", "1"), ("b", "1")]),
            metric(&[("a", "1"), ("b", "2")]),
            metric(&[("c", "1")]),
            metric(&[]),
        ];
        let places = places.map(|metric| groups.place(&metric));
        assert_eq!(places, [0, 0, 1, 2]);
        let left_out = ["b".to_owned()];
        let mut groups = Groups::new(KeyLabels::Without(&left_out));
        assert_eq!(groups.place(&metric(&[("a", "1"), ("b", "1")])), 0);
        assert_eq!(groups.place(&metric(&[("a", "1")])), 0);
        assert_eq!(groups.place(&metric(&[("b", "1")])), 1);
        assert_eq!(groups.labels(1), &LabelSet::default());
        assert_eq!(groups.of(&metric(&[("z", "1")])), None);
    }
}
