//! Room on the disk: the oldest splits go first, whichever dataset they are of.

use std::collections::HashSet;
use std::io;

use crate::engine::{Aged, Dropped};
use crate::store::EventStore;

/// What had to go to make room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Whole splits.
    pub splits: u64,
    /// Records in them.
    pub records: u64,
    /// What their files took. It is free when the last query that reads one of them has ended.
    pub bytes: u64,
}

impl EventStore {
    /// Drops the oldest splits of logs, quarantined lines and spans until at least so many bytes are
    /// free, or nothing is left. Whoever holds the share of the disk calls this; it blocks.
    pub fn make_room(&self, bytes: u64) -> io::Result<Evicted> {
        let [logs, quarantine, spans] = chosen(
            [self.logs.ages(), self.quarantine.ages(), self.spans.ages()],
            bytes,
        );
        let mut evicted = Evicted::default();
        evicted.add(self.logs.evict(&logs)?);
        evicted.add(self.quarantine.evict(&quarantine)?);
        evicted.add(self.spans.evict(&spans)?);
        Ok(evicted)
    }
}

impl Evicted {
    fn add(&mut self, dropped: Dropped) {
        self.splits += dropped.splits;
        self.records += dropped.records;
        self.bytes += dropped.bytes;
    }
}

/// The oldest of all that take together so many bytes, by dataset.
fn chosen<const N: usize>(ages: [Vec<Aged>; N], bytes: u64) -> [HashSet<u64>; N] {
    let mut all: Vec<(Aged, usize)> = Vec::new();
    for (dataset, ages) in ages.into_iter().enumerate() {
        all.extend(ages.into_iter().map(|aged| (aged, dataset)));
    }
    all.sort_unstable();
    let mut chosen = std::array::from_fn(|_| HashSet::new());
    let mut freed = 0;
    for (aged, dataset) in all {
        if freed >= bytes {
            break;
        }
        freed += aged.bytes;
        chosen[dataset].insert(aged.number);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_all_datasets_go_first_and_no_more_than_needed() {
        let aged = |newest, number| Aged {
            newest,
            number,
            bytes: 10,
        };
        let both = || [vec![aged(5, 1), aged(9, 2)], vec![aged(3, 1), aged(7, 2)]];
        let check = |bytes, expected: [&[u64]; 2]| {
            let expected = expected.map(|numbers| numbers.iter().copied().collect());
            assert_eq!(chosen(both(), bytes), expected, "{bytes}");
        };
        check(0, [&[], &[]]);
        check(1, [&[], &[1]]);
        check(20, [&[1], &[1]]);
        check(21, [&[1], &[1, 2]]);
        check(u64::MAX, [&[1, 2], &[1, 2]]);
    }
}
