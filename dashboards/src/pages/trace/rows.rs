//! Which rows the waterfall has, in order, given what is folded.
//!
//! One rule: a row is there if all above it is open, or if it lies on the way to a span that is
//! pinned. A closed node thus still shows the way to the first error, to the chosen span and to what
//! was looked for, and nothing else.

use std::collections::HashSet;

use super::runs::Runs;
use super::times::Times;
use super::tree::Tree;

/// More rows than this at once, and a trace opens with only its critical path and its first error
/// unfolded.
const MUCH: usize = 300;

/// What a row stands for: an index into the spans, the runs or the logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    Span(usize),
    Run(usize),
    Log(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) subject: Subject,
    pub(crate) depth: u32,
    /// Whether what is below it is shown; none if nothing is.
    pub(crate) is_open: Option<bool>,
}

/// A log record in the tree: below its span, at its time; without a span among the roots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogPlace {
    pub(crate) span: Option<usize>,
    pub(crate) at: i64,
    /// It says that something failed.
    pub(crate) is_error: bool,
}

/// What is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Unfolding {
    /// What matters, if there is much; else all but the runs.
    #[default]
    Relevant,
    /// All, runs too.
    All,
}

/// All that decides about the rows besides the trace itself.
#[derive(Debug, Default)]
pub(crate) struct Folding {
    pub(crate) unfolding: Unfolding,
    /// Turned by hand.
    pub(crate) opened: HashSet<Subject>,
    pub(crate) closed: HashSet<Subject>,
    /// Shown wherever they are.
    pub(crate) pinned: Vec<usize>,
    /// If given, only these and what is above them; nothing is folded then.
    pub(crate) only: Option<Vec<usize>>,
}

/// A trace with what was found out about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Laid<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) times: &'a Times,
    pub(crate) runs: &'a Runs,
    /// By time.
    pub(crate) logs: &'a [LogPlace],
    /// Spans of the critical path, and those that failed.
    pub(crate) is_critical: &'a [bool],
    pub(crate) first_error: Option<usize>,
}

/// The rows, first to last.
pub(crate) fn rows(laid: Laid<'_>, folding: &Folding) -> Vec<Row> {
    Unfolder::new(laid, folding).rows()
}

struct Unfolder<'a> {
    laid: Laid<'a>,
    folding: &'a Folding,
    /// On the way to something pinned (or, if only some are asked for, to one of these).
    is_on_way: Vec<bool>,
    /// On the way to the first error or part of the critical path.
    is_relevant: Vec<bool>,
    is_much: bool,
    /// The logs of each span, by time, as ranges of `log_order`.
    log_order: Vec<usize>,
    first_log: Vec<usize>,
}

impl<'a> Unfolder<'a> {
    fn new(laid: Laid<'a>, folding: &'a Folding) -> Self {
        let count = laid.tree.order.len();
        let upwards = |spans: &[usize]| {
            let mut marked = vec![false; count];
            for span in spans {
                for above in laid.tree.upwards(*span) {
                    if std::mem::replace(&mut marked[above], true) {
                        break;
                    }
                }
            }
            marked
        };
        let mut is_relevant = laid.is_critical.to_vec();
        for above in laid
            .first_error
            .into_iter()
            .flat_map(|at| laid.tree.upwards(at))
        {
            is_relevant[above] = true;
        }
        let wanted = folding.only.as_ref().unwrap_or(&folding.pinned);
        let mut pinned = wanted.clone();
        if folding.only.is_none() {
            pinned.extend(laid.first_error);
        }
        let (log_order, first_log) = by_span(laid.logs, count);
        Self {
            is_on_way: upwards(&pinned),
            is_much: count + laid.logs.len() > MUCH,
            is_relevant,
            log_order,
            first_log,
            laid,
            folding,
        }
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        // The last is the next. A row's own folding is known when it is put there.
        let mut waiting = Vec::new();
        let count = self.laid.tree.order.len();
        self.put(
            &self.laid.tree.roots,
            self.logs_of(count),
            (0, true),
            &mut waiting,
        );
        while let Some(row) = waiting.pop() {
            rows.push(row);
            match row.subject {
                Subject::Span(span) => {
                    let open = row.is_open == Some(true) || self.folding.only.is_some();
                    let children = self.laid.tree.children(span);
                    self.put(
                        children,
                        self.logs_of(span),
                        (row.depth + 1, open),
                        &mut waiting,
                    );
                }
                Subject::Run(run) => {
                    let is_open = row.is_open == Some(true);
                    let members = self.laid.runs.runs[run].members.iter().rev();
                    let shown = members.filter(|span| is_open || self.is_on_way[**span]);
                    waiting.extend(shown.map(|span| self.span(*span, row.depth + 1)));
                }
                Subject::Log(_) => {}
            }
        }
        rows
    }

    /// Puts siblings and the logs between them where they are taken from next, last first.
    fn put(
        &self,
        siblings: &[usize],
        logs: &[usize],
        (depth, is_open): (u32, bool),
        waiting: &mut Vec<Row>,
    ) {
        if siblings.is_empty() && logs.is_empty() {
            return;
        }
        let begin = waiting.len();
        let is_picked = self.folding.only.is_some();
        let mut seen = HashSet::new();
        let mut logs = logs
            .iter()
            .copied()
            .filter(|log| is_open && (!is_picked || self.laid.logs[*log].is_error));
        let mut next_log = logs.next();
        for span in siblings.iter().copied() {
            if (is_picked || !is_open) && !self.is_on_way[span] {
                continue;
            }
            while let Some(log) = next_log.filter(|log| self.is_before(*log, span)) {
                waiting.push(log_row(log, depth));
                next_log = logs.next();
            }
            match self.laid.runs.of[span].filter(|_| !is_picked) {
                None => waiting.push(self.span(span, depth)),
                Some(run) if seen.insert(run) => waiting.push(self.run(run, depth)),
                Some(_) => {}
            }
        }
        waiting.extend(
            next_log
                .into_iter()
                .chain(logs)
                .map(|log| log_row(log, depth)),
        );
        waiting[begin..].reverse();
    }

    fn is_before(&self, log: usize, span: usize) -> bool {
        self.laid.logs[log].at < self.laid.times.start[span]
    }

    fn span(&self, span: usize, depth: u32) -> Row {
        let has_below = self.laid.tree.below[span] > 0 || !self.logs_of(span).is_empty();
        Row {
            subject: Subject::Span(span),
            depth,
            is_open: (has_below && self.folding.only.is_none()).then(|| self.is_open(span)),
        }
    }

    fn run(&self, run: usize, depth: u32) -> Row {
        let subject = Subject::Run(run);
        let is_open = if self.folding.unfolding == Unfolding::All {
            !self.folding.closed.contains(&subject)
        } else {
            self.folding.opened.contains(&subject)
        };
        Row {
            subject,
            depth,
            is_open: Some(is_open),
        }
    }

    fn is_open(&self, span: usize) -> bool {
        let subject = Subject::Span(span);
        if self.folding.opened.contains(&subject) {
            return true;
        }
        if self.folding.closed.contains(&subject) {
            return false;
        }
        let tree = self.laid.tree;
        self.folding.unfolding == Unfolding::All
            || !self.is_much
            || tree.parent[span].is_none()
            || tree.below[span] == 0
            || self.is_relevant[span]
    }

    /// Of a span, or, for the number of spans, of none.
    fn logs_of(&self, span: usize) -> &[usize] {
        &self.log_order[self.first_log[span]..self.first_log[span + 1]]
    }
}

const fn log_row(log: usize, depth: u32) -> Row {
    Row {
        subject: Subject::Log(log),
        depth,
        is_open: None,
    }
}

/// Logs by their span, those without one last; and where those of each begin.
fn by_span(logs: &[LogPlace], spans: usize) -> (Vec<usize>, Vec<usize>) {
    let slot = |log: &usize| logs[*log].span.unwrap_or(spans);
    let mut order: Vec<usize> = (0..logs.len()).collect();
    order.sort_by_key(|log| (slot(log), logs[*log].at, *log));
    let mut first = vec![0; spans + 2];
    for log in &order {
        first[slot(log) + 1] += 1;
    }
    for at in 1..first.len() {
        first[at] += first[at - 1];
    }
    (order, first)
}

#[cfg(test)]
mod tests {
    use super::super::critical_path::CriticalPath;
    use super::super::sketch::{span, spans_in};
    use super::*;
    use proptest::prelude::*;
    use watchfire_logsearch::SpanOutline;

    fn shown(spans: &[SpanOutline], logs: &[LogPlace], folding: &Folding) -> Vec<Row> {
        let tree = Tree::of(spans);
        let times = Times::of(spans, &vec![0; spans.len()]);
        let runs = Runs::of(spans, &tree, &times);
        let path = CriticalPath::of(&tree, &times);
        let laid = Laid {
            tree: &tree,
            times: &times,
            runs: &runs,
            logs,
            is_critical: &path.members(spans.len()),
            first_error: tree.order.iter().copied().find(|at| spans[*at].is_error),
        };
        rows(laid, folding)
    }

    fn subjects(rows: &[Row]) -> Vec<Subject> {
        rows.iter().map(|row| row.subject).collect()
    }

    fn log(span: Option<usize>, ms: i64) -> LogPlace {
        LogPlace {
            span,
            at: ms * 1_000_000,
            is_error: false,
        }
    }

    /// One parent with `count` children alike, of which the last but one failed.
    fn n_plus_one(count: u64) -> Vec<SpanOutline> {
        let mut spans = spans_in("1 0 a 0 9000");
        spans.extend((2..count + 2).map(|n| span(n, 1, 1, n as i64 * 2, n as i64 * 2 + 1)));
        let failed = spans.len() - 2;
        spans[failed].is_error = true;
        spans
    }

    #[test]
    fn logs_stand_between_the_spans_at_their_time() {
        use Subject::{Log, Span};
        let spans = spans_in("1 0 a 0 100; 2 1 a 10 40; 3 1 a 50 90");
        let logs = [
            log(Some(0), 45),
            log(Some(1), 20),
            log(None, 60),
            log(Some(0), 95),
        ];
        let found = shown(&spans, &logs, &Folding::default());
        assert_eq!(
            subjects(&found),
            [Span(0), Span(1), Log(1), Log(0), Span(2), Log(3), Log(2)]
        );
        assert_eq!(found[2].depth, 2);
    }

    #[test]
    fn a_closed_run_shows_the_first_error_of_it() {
        let spans = n_plus_one(20);
        let found = shown(&spans, &[], &Folding::default());
        assert_eq!(
            subjects(&found),
            [Subject::Span(0), Subject::Run(0), Subject::Span(19)]
        );
        let opened = Folding {
            opened: HashSet::from([Subject::Run(0)]),
            ..Folding::default()
        };
        assert_eq!(shown(&spans, &[], &opened).len(), 22);
    }

    #[test]
    fn what_is_closed_by_hand_hides_all_but_what_is_pinned() {
        let spans = spans_in("1 0 a 0 100; 2 1 a 10 40; 3 2 a 20 30; 4 2 a 31 35; 5 1 a 50 90");
        let folding = |pinned: Vec<usize>| Folding {
            closed: HashSet::from([Subject::Span(0)]),
            pinned,
            ..Folding::default()
        };
        assert_eq!(shown(&spans, &[], &folding(Vec::new())).len(), 1);
        let found = shown(&spans, &[], &folding(vec![3]));
        assert_eq!(subjects(&found), [0, 1, 2, 3].map(Subject::Span));
        assert_eq!(found[0].is_open, Some(false));
    }

    #[test]
    fn only_some_are_shown_with_what_is_above_them() {
        let spans = spans_in("1 0 a 0 100; 2 1 a 10 40; 3 2 a 20 30!; 4 2 a 31 35; 5 1 a 50 90");
        let only = Folding {
            only: Some(vec![2]),
            ..Folding::default()
        };
        assert_eq!(
            subjects(&shown(&spans, &[], &only)),
            [0, 1, 2].map(Subject::Span)
        );
    }

    #[test]
    fn much_opens_at_what_matters() {
        let mut spans = spans_in("1 0 a 0 5000; 2 1 a 10 6000; 3 1 a 100 4000");
        for n in 0..400_u64 {
            let parent = 2 + n % 2;
            let mut child = span(10 + n, parent, n as u32, 200 + n as i64, 201 + n as i64);
            child.is_error = n == 0;
            spans.push(child);
        }
        let found = shown(&spans, &[], &Folding::default());
        // The second is open for its error, the third for the critical path.
        assert_eq!(found.len(), 403);
        spans[3].is_error = false;
        assert_eq!(shown(&spans, &[], &Folding::default()).len(), 203);
    }

    proptest! {
        #[test]
        fn every_span_and_log_is_there_once_when_all_is_open(
            links in prop::collection::vec((0_u64..30, 0_u64..32, 0_u32..2, 0_i64..50), 0..60),
            logs in prop::collection::vec((0_usize..80, 0_i64..60), 0..12),
        ) {
            let spans: Vec<_> = links
                .iter()
                .map(|(own, parent, service, start)| span(own + 1, *parent, *service, *start, start + 5))
                .collect();
            let logs: Vec<_> = logs
                .iter()
                .map(|(of, ms)| log(Some(*of).filter(|of| *of < spans.len()), *ms))
                .collect();
            let all = Folding { unfolding: Unfolding::All, ..Folding::default() };
            let found = shown(&spans, &logs, &all);
            let mut seen = HashSet::new();
            for row in &found {
                prop_assert!(seen.insert(row.subject), "twice: {:?}", row);
            }
            for at in 0..spans.len() {
                prop_assert!(seen.contains(&Subject::Span(at)));
            }
            for at in 0..logs.len() {
                prop_assert!(seen.contains(&Subject::Log(at)));
            }
        }

        #[test]
        fn what_is_pinned_is_there_whatever_is_closed(
            links in prop::collection::vec((0_u64..30, 0_u64..32, 0_u32..2), 1..60),
            pin in 0_usize..60,
        ) {
            let spans: Vec<_> = links
                .iter()
                .map(|(own, parent, service)| span(own + 1, *parent, *service, 1, 5))
                .collect();
            let pin = pin % spans.len();
            let closed = (0..spans.len()).map(Subject::Span).collect();
            let folding = Folding { closed, pinned: vec![pin], ..Folding::default() };
            prop_assert!(subjects(&shown(&spans, &[], &folding)).contains(&Subject::Span(pin)));
        }
    }
}
