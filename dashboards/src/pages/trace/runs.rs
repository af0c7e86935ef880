//! Runs: siblings that are alike (one service, one name, one kind) and so many that they say more as
//! one row: `× 312 SELECT orders`. They need not stand side by side, for a loop that asks twice per
//! round makes two runs.

use std::collections::HashMap;

use watchfire_logsearch::SpanOutline;

use super::times::Times;
use super::tree::Tree;

/// So many alike make a run.
pub(crate) const LEAST: usize = 8;

/// What stands for many spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    /// By start; at least [`LEAST`].
    pub(crate) members: Vec<usize>,
    /// Members that failed.
    pub(crate) errors: usize,
    /// Spans below the members.
    pub(crate) below: usize,
    /// The quantiles and the sum of the members' durations, in nanoseconds.
    pub(crate) p50: i64,
    pub(crate) p95: i64,
    pub(crate) max: i64,
    pub(crate) total: i64,
    /// From the first start to the last end.
    pub(crate) from: i64,
    pub(crate) to: i64,
    /// No member began before the one before it had ended: a loop that waits each time.
    pub(crate) is_sequence: bool,
}

/// All runs of a trace, and of each span the one that it is part of.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    pub(crate) runs: Vec<Run>,
    pub(crate) of: Vec<Option<usize>>,
}

impl Runs {
    pub(crate) fn of(spans: &[SpanOutline], tree: &Tree, times: &Times) -> Self {
        let mut found = Self {
            runs: Vec::new(),
            of: vec![None; spans.len()],
        };
        found.among(&tree.roots, spans, tree, times);
        for span in &tree.order {
            found.among(tree.children(*span), spans, tree, times);
        }
        found
    }

    fn among(&mut self, siblings: &[usize], spans: &[SpanOutline], tree: &Tree, times: &Times) {
        if siblings.len() < LEAST {
            return;
        }
        let mut alike: HashMap<_, Vec<usize>> = HashMap::new();
        for span in siblings.iter().copied() {
            let outline = &spans[span];
            let key = (outline.service, outline.name, outline.kind);
            alike.entry(key).or_default().push(span);
        }
        let mut runs: Vec<Vec<usize>> = alike.into_values().collect();
        runs.retain(|members| members.len() >= LEAST);
        runs.sort_by_key(|members| tree.place[members[0]]);
        for members in runs {
            for span in &members {
                self.of[*span] = Some(self.runs.len());
            }
            self.runs.push(Run::of(members, spans, tree, times));
        }
    }
}

impl Run {
    fn of(members: Vec<usize>, spans: &[SpanOutline], tree: &Tree, times: &Times) -> Self {
        let mut durations: Vec<i64> = members.iter().map(|span| times.duration(*span)).collect();
        durations.sort_unstable();
        let quantile = |share: f64| {
            let rank = (share * durations.len() as f64).ceil() as usize;
            durations[rank.clamp(1, durations.len()) - 1]
        };
        let pairs = members.windows(2);
        let is_sequence = pairs
            .into_iter()
            .all(|pair| times.start[pair[1]] >= times.end[pair[0]]);
        Self {
            errors: members.iter().filter(|span| spans[**span].is_error).count(),
            below: members.iter().map(|span| tree.below[*span]).sum(),
            p50: quantile(0.5),
            p95: quantile(0.95),
            max: quantile(1.0),
            total: durations
                .iter()
                .fold(0, |sum: i64, one| sum.saturating_add(*one)),
            from: members
                .iter()
                .map(|span| times.start[*span])
                .min()
                .unwrap_or(0),
            to: members
                .iter()
                .map(|span| times.end[*span])
                .max()
                .unwrap_or(0),
            is_sequence,
            members,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sketch::{span, spans_in};
    use super::*;

    fn runs(spans: &[SpanOutline]) -> Runs {
        let times = Times::of(spans, &vec![0; spans.len()]);
        Runs::of(spans, &Tree::of(spans), &times)
    }

    #[test]
    fn a_loop_of_two_queries_is_two_runs() {
        let mut spans = spans_in("1 0 a 0 1000");
        for round in 0..10 {
            let begins = 10 + i64::from(round) * 50;
            let id = u64::from(round as u32) * 2 + 2;
            spans.push(span(id, 1, 1, begins, begins + 10));
            spans.push(span(
                id + 1,
                1,
                2,
                begins + 12,
                begins + 12 + i64::from(round),
            ));
        }
        spans[3].is_error = true;
        let found = runs(&spans);
        assert_eq!(found.runs.len(), 2);
        let (first, second) = (&found.runs[0], &found.runs[1]);
        assert_eq!((first.members.len(), first.errors), (10, 1));
        assert!(first.is_sequence && second.is_sequence);
        assert_eq!(second.p50 / 1_000_000, 4);
        assert_eq!((second.p95 / 1_000_000, second.max / 1_000_000), (9, 9));
        assert_eq!(second.total / 1_000_000, 45);
        assert_eq!(found.of[0], None);
    }

    #[test]
    fn a_few_alike_stay_as_they_are() {
        let spans = spans_in("1 0 a 0 99; 2 1 b 1 2; 3 1 b 3 4; 4 1 b 5 6; 5 1 c 7 8");
        assert!(runs(&spans).runs.is_empty());
    }

    #[test]
    fn what_ran_at_once_is_no_sequence() {
        let mut spans = spans_in("1 0 a 0 1000");
        spans.extend((2..12).map(|n| span(n, 1, 1, 10 + n as i64, 500)));
        assert!(!runs(&spans).runs[0].is_sequence);
    }
}
