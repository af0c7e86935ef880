//! Clocks that disagree. A call cannot begin before its caller, and a server's answer cannot end
//! after the client that waited for it. From all calls between two services follows by how much the
//! clock of the remote one can be off: an interval. If zero lies outside of it, the clocks differ,
//! and the middle of the interval is the estimate (as if both ways took equally long). The clock of
//! the root's service is taken for the right one, for nobody can know better.

use std::collections::BTreeMap;

use watchfire_logsearch::SpanOutline;
use watchfire_schemas::SpanKind;

use super::tree::Tree;

/// Differences below this are not worth a word: clocks that tick in milliseconds have them.
const WORTH_TELLING: i64 = 1_000_000;

/// Two services whose clocks disagree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) caller: u32,
    pub(crate) remote: u32,
    /// By how many nanoseconds the called service's clock is behind (or, below zero, ahead).
    pub(crate) behind: i64,
    /// One difference explains all of their calls.
    pub(crate) is_steady: bool,
    pub(crate) calls: usize,
}

/// When each span was, in nanoseconds after the earliest, by one clock.
#[derive(Debug, Default)]
pub(crate) struct Clocks {
    /// What is added to the times of each span.
    pub(crate) shift: Vec<i64>,
    pub(crate) differences: Vec<Difference>,
}

/// What the calls from one service to another allow.
struct Between {
    least: i64,
    most: i64,
    /// What each call that cannot be would need to be possible.
    needed: Vec<i64>,
    calls: usize,
}

impl Clocks {
    pub(crate) fn of(spans: &[SpanOutline], tree: &Tree) -> Self {
        let mut pairs: BTreeMap<(u32, u32), Between> = BTreeMap::new();
        for (caller, remote) in calls(spans, tree) {
            let (least, most) = allowed(&spans[caller], &spans[remote]);
            let pair = (spans[caller].service, spans[remote].service);
            let between = pairs.entry(pair).or_insert(Between {
                least: i64::MIN,
                most: i64::MAX,
                needed: Vec::new(),
                calls: 0,
            });
            between.calls += 1;
            between.least = between.least.max(least);
            between.most = between.most.min(most);
            let needed = estimate(least, most);
            if needed != 0 {
                between.needed.push(needed);
            }
        }
        let mut shift = vec![0_i64; spans.len()];
        for span in tree.order.iter().copied() {
            let Some(parent) = tree.parent[span] else {
                continue;
            };
            let pair = (spans[parent].service, spans[span].service);
            let own = pairs.get(&pair).map_or(0, |between| {
                if between.is_steady() {
                    estimate(between.least, between.most)
                } else {
                    let (least, most) = allowed(&spans[parent], &spans[span]);
                    estimate(least, most)
                }
            });
            shift[span] = shift[parent].saturating_add(own);
        }
        let differences = pairs.into_iter();
        Self {
            shift,
            differences: differences
                .filter_map(|(pair, between)| between.told(pair))
                .collect(),
        }
    }
}

impl Between {
    const fn is_steady(&self) -> bool {
        self.least <= self.most
    }

    fn told(mut self, (caller, remote): (u32, u32)) -> Option<Difference> {
        let behind = if self.is_steady() {
            estimate(self.least, self.most)
        } else {
            self.needed.sort_unstable();
            *self.needed.get(self.needed.len() / 2)?
        };
        (behind.saturating_abs() >= WORTH_TELLING).then_some(Difference {
            caller,
            remote,
            behind,
            is_steady: self.is_steady(),
            calls: self.calls,
        })
    }
}

/// Parents and children of different services.
fn calls<'a>(
    spans: &'a [SpanOutline],
    tree: &'a Tree,
) -> impl Iterator<Item = (usize, usize)> + 'a {
    let parents = tree.parent.iter().enumerate();
    parents.filter_map(|(span, parent)| {
        let parent = (*parent)?;
        (spans[parent].service != spans[span].service).then_some((parent, span))
    })
}

/// By how much the called span may be moved, least and most.
fn allowed(caller: &SpanOutline, remote: &SpanOutline) -> (i64, i64) {
    let (caller_start, caller_end) = (caller.start.nanos(), caller.end.nanos());
    let (start, end) = (remote.start.nanos(), remote.end.nanos());
    let least = caller_start.saturating_sub(start);
    let is_awaited = caller.kind == SpanKind::Client && remote.kind == SpanKind::Server;
    let fits = end.saturating_sub(start) <= caller_end.saturating_sub(caller_start);
    let most = if is_awaited && fits {
        caller_end.saturating_sub(end)
    } else {
        i64::MAX
    };
    (least, most)
}

/// Zero where it is allowed; else the middle, or the only bound.
const fn estimate(least: i64, most: i64) -> i64 {
    if least <= 0 && most >= 0 {
        0
    } else if most == i64::MAX {
        least
    } else if least == i64::MIN {
        most
    } else {
        least + (most - least) / 2
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::spans_in;
    use super::*;

    const MS: i64 = 1_000_000;

    fn clocks(text: &str, calls: &[(usize, usize)]) -> (Clocks, Vec<SpanOutline>) {
        let mut spans = spans_in(text);
        for (caller, remote) in calls {
            spans[*caller].kind = SpanKind::Client;
            spans[*remote].kind = SpanKind::Server;
        }
        let tree = Tree::of(&spans);
        (Clocks::of(&spans, &tree), spans)
    }

    #[test]
    fn clocks_that_agree_are_left_alone() {
        let (clocks, _) = clocks("1 0 a 0 100; 2 1 b 10 90; 3 2 b 20 30", &[(0, 1)]);
        assert_eq!(clocks.shift, [0, 0, 0]);
        assert!(clocks.differences.is_empty());
    }

    #[test]
    fn a_server_that_ends_after_its_client_has_another_clock() {
        let (clocks, _) = clocks("1 0 a 0 100; 2 1 b 140 220; 3 2 b 150 160", &[(0, 1)]);
        assert_eq!(clocks.shift, [0, -130 * MS, -130 * MS]);
        let difference = &clocks.differences[0];
        assert_eq!((difference.behind, difference.is_steady), (-130 * MS, true));
    }

    #[test]
    fn several_calls_narrow_the_estimate() {
        let text = "1 0 a 0 500; 2 1 a 0 100; 3 2 b -115 -35; 4 1 a 200 300; 5 4 b 81 179";
        let (clocks, _) = clocks(text, &[(1, 2), (3, 4)]);
        assert_eq!(clocks.shift[2], clocks.shift[4]);
        let behind = clocks.shift[4] / MS;
        assert!((119..=121).contains(&behind), "{behind}");
    }

    #[test]
    fn work_that_nobody_waits_for_may_end_late() {
        let (clocks, _) = clocks("1 0 a 0 10; 2 1 b 5 400", &[]);
        assert_eq!(clocks.shift, [0, 0]);
        // A server that worked on after its client had given up.
        let (given_up, _) = self::clocks("1 0 a 0 100; 2 1 b 5 400", &[(0, 1)]);
        assert!(given_up.differences.is_empty());
    }

    #[test]
    fn clocks_that_jump_are_put_right_call_by_call() {
        let text = "1 0 a 0 500; 2 1 a 0 100; 3 2 b 110 190; 4 1 a 200 300; 5 4 b 90 180";
        let (clocks, _) = clocks(text, &[(1, 2), (3, 4)]);
        assert!(!clocks.differences[0].is_steady);
        assert_eq!(clocks.shift[2], -100 * MS);
        assert_eq!(clocks.shift[4], 115 * MS);
    }
}
