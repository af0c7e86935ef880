use rustc_hash::FxHashMap;

/// Remembers what was put in lately: at least the last `most` keys, at most twice as many, at a
/// constant cost.
#[derive(Debug)]
pub(super) struct Recent<V> {
    most: usize,
    young: FxHashMap<u64, V>,
    old: FxHashMap<u64, V>,
}

impl<V: Copy> Recent<V> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            young: FxHashMap::default(),
            old: FxHashMap::default(),
        }
    }

    /// What was put in; what is asked for counts as put in again.
    pub(super) fn get(&mut self, key: u64) -> Option<V> {
        if let Some(value) = self.young.get(&key) {
            return Some(*value);
        }
        let value = *self.old.get(&key)?;
        self.put(key, value);
        Some(value)
    }

    pub(super) fn put(&mut self, key: u64, value: V) {
        if self.young.len() >= self.most {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(key, value);
    }

    pub(super) fn remove(&mut self, key: u64) {
        self.young.remove(&key);
        self.old.remove(&key);
    }

    /// About how much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        // One byte of control a slot, and about an eighth of the slots free.
        (self.young.capacity() + self.old.capacity()) * (size_of::<(u64, V)>() + 1) * 8 / 7
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let mut recent = Recent::new(10);
        for key in 0..1_000 {
            recent.put(key, key);
            assert_eq!(recent.get(0), Some(0), "{key}");
            assert!(recent.young.len() + recent.old.len() <= 20);
        }
        assert_eq!(recent.get(999), Some(999));
        assert_eq!(recent.get(500), None);
        recent.remove(0);
        assert_eq!(recent.get(0), None);
    }
}
