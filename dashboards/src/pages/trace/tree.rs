//! Who called whom. Parents are followed as far as they can be believed: a parent that is not there
//! makes a root, a ring is cut at its earliest span, of spans with one id each keeps its place.
//! Nothing here calls itself, so a chain may be as deep as a trace is long.

use std::collections::HashMap;

use watchfire_logsearch::SpanOutline;
use watchfire_schemas::{SpanId, SpanKind};

/// Why a span stands at the root although it names a parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Astray {
    /// Its parent is not part of what arrived.
    MissingParent(SpanId),
    /// It is its own ancestor; the ring is cut here.
    Ring,
}

/// The spans of a trace as a forest. All lists have one entry for each span, in the order of the
/// outline, unless they say otherwise.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) parent: Vec<Option<usize>>,
    pub(crate) astray: Vec<Option<Astray>>,
    /// Another span of the trace has the same id.
    pub(crate) is_twin: Vec<bool>,
    pub(crate) depth: Vec<u32>,
    /// How many spans are below it, and how many of these failed.
    pub(crate) below: Vec<usize>,
    pub(crate) errors_below: Vec<usize>,
    /// Where it stands in `order`.
    pub(crate) place: Vec<usize>,
    /// All spans, parents before their children, siblings by start.
    pub(crate) order: Vec<usize>,
    /// Spans without a parent, by start.
    pub(crate) roots: Vec<usize>,
    children: Vec<usize>,
    /// Where the children of a span begin in `children`; one more than there are spans.
    first_child: Vec<usize>,
}

impl Tree {
    pub(crate) fn of(spans: &[SpanOutline]) -> Self {
        let (mut parent, mut astray, is_twin) = parents(spans);
        cut_rings(&mut parent, &mut astray);
        let mut tree = Self {
            parent,
            astray,
            is_twin,
            ..Self::default()
        };
        tree.list_children(spans);
        tree.put_in_order(spans.len());
        tree.count_below(spans);
        tree
    }

    /// By start.
    pub(crate) fn children(&self, span: usize) -> &[usize] {
        &self.children[self.first_child[span]..self.first_child[span + 1]]
    }

    /// The span itself, its parent, and so on to the root.
    pub(crate) fn upwards(&self, span: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(span), |span| self.parent[*span])
    }

    /// Parents that did not arrive, each with how many spans name it, the most often named first.
    pub(crate) fn missing_parents(&self) -> Vec<(SpanId, usize)> {
        let mut named: HashMap<SpanId, usize> = HashMap::new();
        for astray in self.astray.iter().flatten() {
            if let Astray::MissingParent(id) = astray {
                *named.entry(*id).or_default() += 1;
            }
        }
        let mut named: Vec<_> = named.into_iter().collect();
        named.sort_by_key(|(id, count)| (std::cmp::Reverse(*count), *id));
        named
    }

    fn list_children(&mut self, spans: &[SpanOutline]) {
        let mut by_start: Vec<usize> = (0..spans.len()).collect();
        by_start.sort_by_key(|at| (spans[*at].start, *at));
        let mut counts = vec![0_usize; spans.len() + 1];
        for parent in self.parent.iter().flatten() {
            counts[parent + 1] += 1;
        }
        for at in 1..counts.len() {
            counts[at] += counts[at - 1];
        }
        self.first_child.clone_from(&counts);
        self.children = vec![0; counts[spans.len()]];
        for span in by_start {
            match self.parent[span] {
                None => self.roots.push(span),
                Some(parent) => {
                    self.children[counts[parent]] = span;
                    counts[parent] += 1;
                }
            }
        }
    }

    fn put_in_order(&mut self, count: usize) {
        self.depth = vec![0; count];
        self.place = vec![0; count];
        let mut waiting: Vec<usize> = self.roots.iter().rev().copied().collect();
        let mut order = Vec::with_capacity(count);
        while let Some(span) = waiting.pop() {
            self.place[span] = order.len();
            self.depth[span] = self.parent[span].map_or(0, |parent| self.depth[parent] + 1);
            order.push(span);
            waiting.extend(self.children(span).iter().rev());
        }
        self.order = order;
    }

    fn count_below(&mut self, spans: &[SpanOutline]) {
        self.below = vec![0; spans.len()];
        self.errors_below = vec![0; spans.len()];
        for span in self.order.iter().rev().copied() {
            if let Some(parent) = self.parent[span] {
                self.below[parent] += self.below[span] + 1;
                self.errors_below[parent] +=
                    self.errors_below[span] + usize::from(spans[span].is_error);
            }
        }
    }
}

/// What a span's id leads to.
struct ById {
    first: usize,
    /// The calling side, where both sides of a call have one id.
    caller: Option<usize>,
    count: usize,
}

const fn calls(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Client | SpanKind::Producer)
}

const fn is_called(kind: SpanKind) -> bool {
    matches!(kind, SpanKind::Server | SpanKind::Consumer)
}

type Parents = (Vec<Option<usize>>, Vec<Option<Astray>>, Vec<bool>);

/// Of spans with one id, a child belongs to the one of its own service, else to the first; the
/// called side belongs to the calling side.
fn parents(spans: &[SpanOutline]) -> Parents {
    let mut by_id: HashMap<SpanId, ById> = HashMap::with_capacity(spans.len());
    let mut in_service: HashMap<(SpanId, u32), usize> = HashMap::new();
    for (at, span) in spans.iter().enumerate() {
        let caller = calls(span.kind).then_some(at);
        let known = by_id.entry(span.span_id).or_insert(ById {
            first: at,
            caller: None,
            count: 0,
        });
        known.count += 1;
        known.caller = known.caller.or(caller);
        // The callee's side is what the callee's own spans hang from.
        if is_called(span.kind) {
            in_service.insert((span.span_id, span.service), at);
        } else {
            in_service.entry((span.span_id, span.service)).or_insert(at);
        }
    }
    let mut parents = Vec::with_capacity(spans.len());
    let mut astray = vec![None; spans.len()];
    let mut is_twin = Vec::with_capacity(spans.len());
    for (at, span) in spans.iter().enumerate() {
        let own = &by_id[&span.span_id];
        is_twin.push(own.count > 1);
        let caller = own.caller.filter(|caller| {
            is_called(span.kind)
                && *caller != at
                && spans[*caller].parent_span_id == span.parent_span_id
        });
        let named = span.parent_span_id;
        let parent = caller.or_else(|| {
            let id = named?;
            let same = in_service.get(&(id, span.service)).copied();
            same.or_else(|| by_id.get(&id).map(|known| known.first))
        });
        if let (None, Some(id)) = (parent, named) {
            astray[at] = Some(Astray::MissingParent(id));
        }
        parents.push(parent);
    }
    (parents, astray, is_twin)
}

/// Takes the parent away from the earliest span of each ring.
fn cut_rings(parents: &mut [Option<usize>], astray: &mut [Option<Astray>]) {
    // 0: not seen; otherwise the number of the walk that saw it.
    let mut seen = vec![0_usize; parents.len()];
    for start in 0..parents.len() {
        let walk = start + 1;
        let mut at = start;
        while seen[at] == 0 {
            seen[at] = walk;
            let Some(parent) = parents[at] else { break };
            at = parent;
        }
        if seen[at] != walk || parents[at].is_none() {
            continue;
        }
        // `at` was met twice by this walk: it is part of a ring.
        let mut earliest = at;
        let mut round = parents[at];
        while let Some(next) = round.filter(|next| *next != at) {
            earliest = earliest.min(next);
            round = parents[next];
        }
        parents[earliest] = None;
        astray[earliest] = Some(Astray::Ring);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::{id, span, spans_in};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn children_follow_their_parent_by_start() {
        let spans = spans_in("1 0 a 0 100; 3 1 a 50 60; 2 1 a 10 40; 4 2 b 12 30");
        let tree = Tree::of(&spans);
        let ids: Vec<_> = tree.order.iter().map(|at| spans[*at].span_id).collect();
        assert_eq!(ids, [id(1), id(2), id(4), id(3)]);
        assert_eq!(tree.below[tree.roots[0]], 3);
        assert_eq!(tree.depth.iter().max(), Some(&2));
    }

    #[test]
    fn a_missing_parent_makes_a_root_and_is_named() {
        let mut spans = spans_in("1 0 a 0 100; 2 9 b 10 20; 3 9 b 30 40!; 4 2 b 12 13!");
        let tree = Tree::of(&spans);
        assert_eq!(tree.roots.len(), 3);
        assert_eq!(tree.missing_parents(), [(id(9), 2)]);
        assert_eq!(tree.errors_below, [0, 1, 0, 0]);
        spans.clear();
        assert!(Tree::of(&spans).order.is_empty());
    }

    #[test]
    fn a_ring_is_cut_at_its_earliest_span() {
        let spans = spans_in("1 0 a 0 9; 2 4 a 1 9; 3 2 a 2 9; 4 3 a 3 9; 5 5 a 4 9; 6 5 a 5 9");
        let tree = Tree::of(&spans);
        assert_eq!(tree.order.len(), 6);
        let cut: Vec<usize> = (0..6)
            .filter(|at| tree.astray[*at] == Some(Astray::Ring))
            .collect();
        assert_eq!(
            cut,
            [1, 4],
            "the ring of three, and the span that names itself"
        );
        assert_eq!(tree.parent[3], Some(2));
    }

    #[test]
    fn both_sides_of_a_call_may_have_one_id() {
        let mut spans = spans_in("1 0 a 0 100; 2 1 a 10 90; 2 1 b 20 80; 3 2 b 30 40; 4 2 a 11 12");
        spans[1].kind = SpanKind::Client;
        spans[2].kind = SpanKind::Server;
        let tree = Tree::of(&spans);
        assert_eq!(tree.parent[2], Some(1), "the callee below the caller");
        assert_eq!(
            tree.parent[3],
            Some(2),
            "what the callee did below the callee"
        );
        assert_eq!(tree.parent[4], Some(1));
        assert_eq!(tree.is_twin, [false, true, true, false, false]);
    }

    #[test]
    fn a_chain_of_fifty_thousand_is_walked() {
        let spans: Vec<_> = (1..=50_000_u64)
            .map(|n| span(n, n - 1, 0, n as i64, 100_000))
            .collect();
        let tree = Tree::of(&spans);
        assert_eq!(tree.depth[49_999], 49_999);
        assert_eq!(tree.below[0], 49_999);
    }

    proptest! {
        #[test]
        fn every_span_stands_exactly_once_after_its_parent(
            links in prop::collection::vec((0_u64..12, 0_u64..14, 0_u32..3, 0_i64..50), 0..40),
        ) {
            let spans: Vec<_> = links
                .iter()
                .map(|(own, parent, service, start)| span(own + 1, *parent, *service, *start, start + 5))
                .collect();
            let tree = Tree::of(&spans);
            let mut order = tree.order.clone();
            order.sort_unstable();
            prop_assert_eq!(order, (0..spans.len()).collect::<Vec<_>>());
            for at in 0..spans.len() {
                if let Some(parent) = tree.parent[at] {
                    prop_assert!(tree.place[parent] < tree.place[at]);
                }
            }
            let all: usize = tree.roots.iter().map(|root| tree.below[*root] + 1).sum();
            prop_assert_eq!(all, spans.len());
        }
    }
}
