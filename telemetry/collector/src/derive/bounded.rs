use rustc_hash::{FxHashMap, FxHashSet};

use super::OTHER;

/// The values that a label may take, for each owner at most so many: who comes first stays.
#[derive(Debug)]
pub(super) struct BoundedLabels {
    most: usize,
    known: FxHashMap<Box<str>, FxHashSet<Box<str>>>,
    limited: u64,
}

impl BoundedLabels {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            known: FxHashMap::default(),
            limited: 0,
        }
    }

    /// The value itself, or [`OTHER`] if it would be one too many for its owner.
    pub(super) fn admit<'v>(&mut self, owner: &str, value: &'v str) -> &'v str {
        if !self.known.contains_key(owner) {
            self.known.insert(owner.into(), FxHashSet::default());
        }
        let known = self.known.get_mut(owner).expect("just put in");
        if known.contains(value) {
            return value;
        }
        if known.len() < self.most {
            known.insert(value.into());
            return value;
        }
        self.limited += 1;
        OTHER
    }

    /// How many values an owner has.
    pub(super) fn len(&self, owner: &str) -> usize {
        self.known.get(owner).map_or(0, FxHashSet::len)
    }

    /// How many values were replaced since this was last asked.
    pub(super) fn take_limited(&mut self) -> u64 {
        std::mem::take(&mut self.limited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_first_stays() {
        let mut labels = BoundedLabels::new(2);
        assert_eq!(labels.admit("a", "x"), "x");
        assert_eq!(labels.admit("a", "y"), "y");
        assert_eq!(labels.admit("a", "z"), OTHER);
        assert_eq!(labels.admit("a", "x"), "x");
        assert_eq!(labels.admit("b", "z"), "z");
        assert_eq!((labels.take_limited(), labels.take_limited()), (1, 0));
    }
}
