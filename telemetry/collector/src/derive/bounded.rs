use rustc_hash::FxHashMap;

use super::OTHER;

/// The values that a label may take, for each owner at most so many: who comes first stays, as long
/// as it goes on to come.
#[derive(Debug)]
pub(super) struct BoundedLabels {
    most: usize,
    /// By owner and value, whether it came lately.
    known: FxHashMap<Box<str>, FxHashMap<Box<str>, bool>>,
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
            self.known.insert(owner.into(), FxHashMap::default());
        }
        let known = self.known.get_mut(owner).expect("just put in");
        if let Some(came) = known.get_mut(value) {
            *came = true;
            return value;
        }
        if known.len() < self.most {
            known.insert(value.into(), true);
            return value;
        }
        self.limited += 1;
        OTHER
    }

    /// Forgets the values that did not come since this was last called.
    pub(super) fn renew(&mut self) {
        self.known.retain(|_, values| {
            values.retain(|_, came| std::mem::take(came));
            !values.is_empty()
        });
    }

    /// How many values an owner has.
    pub(super) fn len(&self, owner: &str) -> usize {
        self.known.get(owner).map_or(0, FxHashMap::len)
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

    #[test]
    fn who_comes_no_more_makes_room() {
        let mut labels = BoundedLabels::new(2);
        labels.admit("a", "x");
        labels.admit("a", "y");
        labels.renew();
        labels.admit("a", "y");
        assert_eq!(labels.admit("a", "z"), OTHER);
        labels.renew();
        assert_eq!([labels.admit("a", "z"), labels.admit("a", "y")], ["z", "y"]);
    }
}
