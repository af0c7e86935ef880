//! When each span was, by one clock, in nanoseconds after the earliest; and how much of it was its
//! own.

use watchfire_logsearch::SpanOutline;
use watchfire_schemas::Timestamp;

use super::tree::Tree;

#[derive(Debug, Default)]
pub(crate) struct Times {
    /// What the times count from.
    pub(crate) zero: Timestamp,
    pub(crate) start: Vec<i64>,
    /// Never before the start.
    pub(crate) end: Vec<i64>,
    /// When the last one ended.
    pub(crate) length: i64,
}

impl Times {
    /// With `shift` added to the times of each span.
    pub(crate) fn of(spans: &[SpanOutline], shift: &[i64]) -> Self {
        let moved = |at: Timestamp, by: i64| at.nanos().saturating_add(by);
        let starts = spans.iter().zip(shift);
        let zero = starts.map(|(span, by)| moved(span.start, *by)).min();
        let zero = zero.unwrap_or_default();
        let mut times = Self {
            zero: Timestamp::from_nanos(zero),
            ..Self::default()
        };
        for (span, by) in spans.iter().zip(shift) {
            let start = moved(span.start, *by).saturating_sub(zero);
            let end = moved(span.end, *by).saturating_sub(zero).max(start);
            times.length = times.length.max(end);
            times.start.push(start);
            times.end.push(end);
        }
        times
    }

    pub(crate) fn duration(&self, span: usize) -> i64 {
        self.end[span] - self.start[span]
    }

    /// Of each span the time in which none of its children ran.
    pub(crate) fn self_times(&self, tree: &Tree) -> Vec<i64> {
        let mut children = Vec::new();
        let mut own = |span: usize| {
            let (from, to) = (self.start[span], self.end[span]);
            let mut covered = 0;
            let mut until = from;
            children.clear();
            children.extend_from_slice(tree.children(span));
            children.sort_by_key(|child| self.start[*child]);
            for child in &children {
                let start = self.start[*child].max(until);
                let end = self.end[*child].min(to);
                if end > start {
                    covered += end - start;
                    until = end;
                }
            }
            (to - from) - covered
        };
        (0..self.start.len()).map(&mut own).collect()
    }

    /// The longest stretch in which no span ran, if it is more than `share` of all.
    pub(crate) fn longest_gap(&self, share: f64) -> Option<(i64, i64)> {
        let mut by_start: Vec<usize> = (0..self.start.len()).collect();
        by_start.sort_by_key(|span| self.start[*span]);
        let mut until = 0;
        let mut longest = (0, 0);
        for span in by_start {
            if self.start[span] - until > longest.1 - longest.0 {
                longest = (until, self.start[span]);
            }
            until = until.max(self.end[span]);
        }
        let length = (longest.1 - longest.0) as f64;
        (length > 0.0 && length > self.length as f64 * share).then_some(longest)
    }
}

/// Nanoseconds as seconds, for the eye.
pub(crate) fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::super::sketch::spans_in;
    use super::*;

    fn self_times(text: &str) -> Vec<i64> {
        let spans = spans_in(text);
        let times = Times::of(&spans, &vec![0; spans.len()]);
        let own = times.self_times(&Tree::of(&spans));
        own.into_iter().map(|nanos| nanos / 1_000_000).collect()
    }

    #[test]
    fn children_at_once_are_counted_once() {
        assert_eq!(
            self_times("1 0 a 0 100; 2 1 a 10 60; 3 1 a 40 80; 4 1 a 45 50"),
            [30, 50, 40, 5]
        );
    }

    #[test]
    fn what_outlives_its_parent_is_cut_at_its_end() {
        assert_eq!(self_times("1 0 a 0 100; 2 1 a 90 500"), [90, 410]);
        assert_eq!(
            self_times("1 0 a 10 20; 2 1 a 0 15; 3 1 a 30 40"),
            [5, 15, 10]
        );
        assert_eq!(self_times("1 0 a 5 5"), [0]);
    }

    #[test]
    fn a_long_silence_is_found() {
        let spans = spans_in("1 0 a 0 100; 2 1 a 5000 5010");
        let times = Times::of(&spans, &[0, 0]);
        let ms = |nanos: i64| nanos / 1_000_000;
        let gap = times.longest_gap(0.5).map(|(from, to)| (ms(from), ms(to)));
        assert_eq!(gap, Some((100, 5000)));
        assert_eq!(times.longest_gap(0.99), None);
    }

    #[test]
    fn times_at_the_ends_of_what_can_be_said_do_not_overflow() {
        let mut spans = spans_in("1 0 a 0 100; 2 1 a 5 6");
        spans[0].start = Timestamp::MIN;
        spans[0].end = Timestamp::MAX;
        let times = Times::of(&spans, &[0, i64::MAX]);
        assert!(times.end.iter().all(|end| *end >= 0));
        assert_eq!(times.self_times(&Tree::of(&spans)).len(), 2);
    }
}
