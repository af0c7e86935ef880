use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::sync::Mutex;

use rustc_hash::{FxBuildHasher, FxHashMap};
use watchfire_schemas::LabelSet;

/// A start that is longer ago says nothing about what is missing here: we may have begun later.
const LATELY_MS: i64 = 600_000;

/// When the counters began that were heard of lately.
///
/// A counter is first heard of when it has counted already. With a zero where it began, what it
/// counted until then is an increase; without, it is none.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    by_series: Mutex<FxHashMap<u64, Heard>>,
}

/// What was heard of one series.
#[derive(Debug, Clone, Copy)]
struct Heard {
    start: i64,
    /// The time of the first sample since that start.
    first: i64,
    /// The time of the last one, of any start.
    last: i64,
}

impl Starts {
    /// So many series are remembered; then it begins anew.
    const MOST: usize = 200_000;

    /// Whether a zero belongs at `start`, for a sample at `t`: if it is the first since then, or the
    /// first once more, since its request was refused and sent again.
    pub(super) fn is_new(&self, labels: &LabelSet, (start, t): (i64, i64), now: i64) -> bool {
        if start <= 0 || start >= t || now.saturating_sub(start) > LATELY_MS {
            return false;
        }
        let key = FxBuildHasher.hash_one(labels);
        let mut by_series = self
            .by_series
            .lock()
            .expect("no holder of this lock panics");
        if by_series.len() >= Self::MOST && !by_series.contains_key(&key) {
            by_series.clear();
        }
        let fresh = Heard {
            start,
            first: t,
            last: t,
        };
        match by_series.entry(key) {
            Entry::Vacant(place) => {
                place.insert(fresh);
                true
            }
            Entry::Occupied(mut place) => {
                let heard = place.get_mut();
                if heard.start == start {
                    heard.last = heard.last.max(t);
                    return t <= heard.first;
                }
                // Among samples a zero would be a reset that there was not.
                let is_after = start > heard.last;
                if is_after {
                    *heard = fresh;
                } else {
                    heard.last = heard.last.max(t);
                }
                is_after
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zero_belongs_where_a_counter_began_and_nowhere_else() {
        let starts = Starts::default();
        let labels = LabelSet::metric("a_total", [("job", "x")]);
        let now = 1_000_000;
        let check = |start, t, expected| {
            assert_eq!(
                starts.is_new(&labels, (start, t), now),
                expected,
                "{start} {t}"
            );
        };
        check(900_000, 910_000, true);
        check(900_000, 920_000, false);
        // Refused and sent again.
        check(900_000, 910_000, true);
        // Begun anew, after and among what came.
        check(930_000, 940_000, true);
        check(935_000, 950_000, false);
        // Without a start, or one that is long ago.
        check(0, 960_000, false);
        check(960_000, 960_000, false);
        let other = LabelSet::metric("b_total", [("job", "x")]);
        assert!(!starts.is_new(&other, (100_000, 960_000), now));
    }
}
