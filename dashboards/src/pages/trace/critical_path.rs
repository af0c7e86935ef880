//! The critical path: the chain of spans that determined when the trace's answer was there.
//!
//! It is read backwards from the end of a root. Whoever ended last before a moment, among the spans
//! that one waited for, is what kept it until then; what lies between that end and the moment is
//! the span's own work. So with each child taken, the search goes on at that child's start:
//! - of children that ran at once, the one that ended last is on the path, the others are not;
//! - a child that outlived its parent was not waited for, and is not on the path;
//! - the time of the path is the root's duration, each instant of it given to exactly one span.
//!
//! Times are those of one clock (`skew`), or a millisecond between two machines would tear the path.

use super::times::Times;
use super::tree::Tree;

/// A part of the path: the time from one instant to another was this span's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) span: usize,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// The path, earliest first.
#[derive(Debug, Default)]
pub(crate) struct CriticalPath {
    pub(crate) segments: Vec<Segment>,
    /// The root whose end it explains.
    pub(crate) root: Option<usize>,
}

/// A span whose children are being asked.
struct Frame {
    span: usize,
    from: i64,
    /// Until here it is not yet explained.
    until: i64,
    /// Its children, the last to end last.
    children: Vec<usize>,
}

impl Frame {
    fn new(span: usize, (from, until): (i64, i64), tree: &Tree, times: &Times) -> Self {
        let mut children = tree.children(span).to_vec();
        children.sort_by_key(|child| (times.end[*child], std::cmp::Reverse(times.start[*child])));
        Self {
            span,
            from,
            until,
            children,
        }
    }

    /// The child that ended last before `until`, with the part of it that was waited for.
    fn awaited(&mut self, times: &Times) -> Option<(usize, i64, i64)> {
        while let Some(child) = self.children.pop() {
            let (from, to) = (times.start[child].max(self.from), times.end[child]);
            if to <= self.until && from < to {
                return Some((child, from, to));
            }
        }
        None
    }
}

impl CriticalPath {
    /// Of the root that the trace is about.
    pub(crate) fn of(tree: &Tree, times: &Times) -> Self {
        let Some(root) = main_root(tree, times) else {
            return Self::default();
        };
        let mut segments = Vec::new();
        let whole = (times.start[root], times.end[root]);
        let mut frames = vec![Frame::new(root, whole, tree, times)];
        while let Some(frame) = frames.last_mut() {
            let (span, until) = (frame.span, frame.until);
            let awaited = frame.awaited(times);
            let from = awaited.map_or(frame.from, |(_, _, to)| to);
            if from < until {
                segments.push(Segment {
                    span,
                    from,
                    to: until,
                });
            }
            match awaited {
                None => {
                    frames.pop();
                }
                Some((child, from, to)) => {
                    frame.until = from;
                    frames.push(Frame::new(child, (from, to), tree, times));
                }
            }
        }
        segments.reverse();
        Self {
            segments,
            root: Some(root),
        }
    }

    /// Which spans have a part in it, of `count`.
    pub(crate) fn members(&self, count: usize) -> Vec<bool> {
        let mut members = vec![false; count];
        for segment in &self.segments {
            members[segment.span] = true;
        }
        members
    }
}

/// The root that has no parent of its own account, if there is one, and lasted longest.
pub(crate) fn main_root(tree: &Tree, times: &Times) -> Option<usize> {
    let roots = tree.roots.iter().copied();
    roots.max_by_key(|root| {
        let is_whole = tree.astray[*root].is_none();
        let length = times.end[*root].saturating_sub(times.start[*root]);
        (is_whole, length, std::cmp::Reverse(*root))
    })
}

#[cfg(test)]
mod tests {
    use super::super::sketch::{span, spans_in};
    use super::*;
    use watchfire_logsearch::SpanOutline;

    fn path(spans: &[SpanOutline]) -> Vec<(usize, i64, i64)> {
        let tree = Tree::of(spans);
        let times = Times::of(spans, &vec![0; spans.len()]);
        let path = CriticalPath::of(&tree, &times);
        let ms = |nanos: i64| nanos / 1_000_000;
        let told = |part: &Segment| (part.span, ms(part.from), ms(part.to));
        path.segments.iter().map(told).collect()
    }

    #[test]
    fn one_after_another() {
        let spans = spans_in("1 0 a 0 100; 2 1 a 10 40; 3 1 a 50 90; 4 3 a 55 80");
        let expected = [
            (0, 0, 10),
            (1, 10, 40),
            (0, 40, 50),
            (2, 50, 55),
            (3, 55, 80),
            (2, 80, 90),
            (0, 90, 100),
        ];
        assert_eq!(path(&spans), expected);
    }

    #[test]
    fn of_children_at_once_the_last_to_end_counts() {
        let spans = spans_in("1 0 a 0 100; 2 1 a 10 60; 3 1 a 10 90; 4 1 a 12 89");
        assert_eq!(path(&spans), [(0, 0, 10), (2, 10, 90), (0, 90, 100)]);
    }

    #[test]
    fn a_child_that_began_before_the_awaited_one_and_ended_during_it_did_not_delay() {
        let spans = spans_in("1 0 a 0 100; 2 1 a 5 50; 3 1 a 40 95; 4 1 a 5 30");
        let expected = [
            (0, 0, 5),
            (3, 5, 30),
            (0, 30, 40),
            (2, 40, 95),
            (0, 95, 100),
        ];
        assert_eq!(path(&spans), expected);
    }

    #[test]
    fn a_child_that_outlives_its_parent_was_not_waited_for() {
        let spans = spans_in("1 0 a 0 50; 2 1 a 10 400; 3 1 a 10 30; 4 2 a 20 390");
        assert_eq!(path(&spans), [(0, 0, 10), (2, 10, 30), (0, 30, 50)]);
        // Nor one that began when the answer was there.
        let spans = spans_in("1 0 a 0 50; 2 1 b 70 400");
        assert_eq!(path(&spans), [(0, 0, 50)]);
    }

    #[test]
    fn the_root_that_is_whole_is_explained_else_the_longest() {
        assert_eq!(path(&spans_in("1 9 a 0 500; 2 0 b 10 60")), [(1, 10, 60)]);
        assert_eq!(path(&spans_in("1 9 a 0 500; 2 8 b 10 60")), [(0, 0, 500)]);
        assert!(path(&[]).is_empty());
    }

    #[test]
    fn instants_and_rings_do_no_harm() {
        assert!(path(&spans_in("1 0 a 5 5; 2 1 a 5 5")).is_empty());
        assert_eq!(path(&spans_in("1 2 a 0 9; 2 1 a 3 4")).len(), 3);
    }

    #[test]
    fn a_deep_chain_is_one_path_whose_times_add_up() {
        let spans: Vec<_> = (1..=20_000_u64)
            .map(|n| span(n, n - 1, 0, n as i64, 50_000 - n as i64))
            .collect();
        let parts = path(&spans);
        let total: i64 = parts.iter().map(|(_, from, to)| to - from).sum();
        assert_eq!(total, 50_000 - 2);
        assert!(parts.is_sorted_by_key(|(_, from, _)| *from));
    }
}
