use std::collections::hash_map::Entry;
use std::hash::Hash;

use rustc_hash::FxHashMap;

/// So many different keys are kept after a reduction; twice as many are in memory at most.
const KEPT: usize = 100_000;

/// Counts of keys in bounded memory. Up to 200,000 different ones are counted exactly; of more, the
/// rarest are given up and every count may be too small by [`Self::error`] (Misra and Gries, 1982).
#[derive(Debug)]
pub(crate) struct Tally<K> {
    counts: FxHashMap<K, u64>,
    kept: usize,
    error: u64,
}

impl<K: Eq + Hash> Default for Tally<K> {
    fn default() -> Self {
        Self::keeping(KEPT)
    }
}

impl<K: Eq + Hash> Tally<K> {
    fn keeping(kept: usize) -> Self {
        Self {
            counts: FxHashMap::default(),
            kept,
            error: 0,
        }
    }

    pub(crate) fn add(&mut self, key: K, count: u64) {
        match self.counts.entry(key) {
            Entry::Occupied(mut known) => *known.get_mut() += count,
            Entry::Vacant(new) => {
                new.insert(count);
                if self.counts.len() > 2 * self.kept {
                    self.reduce();
                }
            }
        }
    }

    /// What a count may lack.
    pub(crate) const fn error(&self) -> u64 {
        self.error
    }

    /// Adds what a tally of other records has, its keys told anew.
    pub(crate) fn absorb<O, E>(
        &mut self,
        other: Tally<O>,
        told: impl Fn(O) -> Result<K, E>,
    ) -> Result<(), E> {
        self.error += other.error;
        for (key, count) in other.counts {
            self.add(told(key)?, count);
        }
        Ok(())
    }

    pub(crate) fn into_counts(self) -> impl Iterator<Item = (K, u64)> {
        self.counts.into_iter()
    }

    /// Takes from every count what the first one has that is not kept.
    fn reduce(&mut self) {
        let mut counts: Vec<u64> = self.counts.values().copied().collect();
        let place = counts.len() - self.kept;
        let (_, taken, _) = counts.select_nth_unstable(place - 1);
        let taken = *taken;
        self.error += taken;
        self.counts.retain(|_, count| {
            *count = count.saturating_sub(taken);
            *count > 0
        });
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    #[test]
    fn few_keys_are_counted_exactly() {
        let mut tally = Tally::keeping(10);
        (0..60).for_each(|n| tally.add(n % 20, 1));
        assert_eq!(tally.error(), 0);
        assert!(tally.into_counts().all(|(_, count)| count == 3));
    }

    #[test]
    fn of_many_keys_the_frequent_ones_stay_within_the_error() {
        let mut tally = Tally::keeping(10);
        let mut exact = FxHashMap::default();
        for n in 0_u64..20_000 {
            // A few are frequent, thousands come once.
            let key = if n % 3 == 0 { n % 5 } else { 1_000 + n };
            tally.add(key, 1);
            *exact.entry(key).or_insert(0) += 1;
        }
        let error = tally.error();
        assert!(error > 0 && error <= 20_000 / 10, "{error}");
        let mut whole: Tally<u64> = Tally::keeping(10);
        whole.absorb(tally, Ok::<_, Infallible>).unwrap();
        assert_eq!(whole.error(), error);
        let counts: FxHashMap<_, _> = whole.into_counts().collect();
        assert!(counts.len() <= 20);
        for key in 0..5 {
            let (counted, exact) = (counts[&key], exact[&key]);
            assert!(counted <= exact && exact <= counted + error, "{key}");
        }
    }
}
