//! A trace with all that is found out about it before anything is drawn.

use watchfire_logsearch::{FoundLog, SpanOutline, TraceOutline};
use watchfire_schemas::{SeverityRange, Timestamp};

use super::critical_path::{CriticalPath, Segment};
use super::rows::{Laid, LogPlace};
use super::runs::Runs;
use super::skew::Clocks;
use super::times::Times;
use super::tree::Tree;

#[derive(Debug, Default)]
pub(crate) struct Layout {
    pub(crate) outline: TraceOutline,
    /// By time.
    pub(crate) records: Vec<FoundLog>,
    pub(crate) tree: Tree,
    pub(crate) clocks: Clocks,
    /// The times that are shown.
    pub(crate) times: Times,
    pub(crate) self_times: Vec<i64>,
    pub(crate) path: CriticalPath,
    pub(crate) is_critical: Vec<bool>,
    pub(crate) runs: Runs,
    pub(crate) logs: Vec<LogPlace>,
    /// Spans that failed, in the order of the waterfall.
    pub(crate) errors: Vec<usize>,
}

impl Layout {
    /// With the times as they were sent, or as if all clocks agreed.
    pub(crate) fn of(outline: TraceOutline, records: Vec<FoundLog>, is_adjusted: bool) -> Self {
        let spans = &outline.spans;
        let tree = Tree::of(spans);
        let clocks = Clocks::of(spans, &tree);
        let agreed = Times::of(spans, &clocks.shift);
        let self_times = agreed.self_times(&tree);
        let mut path = CriticalPath::of(&tree, &agreed);
        let is_critical = path.members(spans.len());
        let mut times = agreed;
        if !is_adjusted {
            let sent = Times::of(spans, &vec![0; spans.len()]);
            let between = times.zero.nanos().saturating_sub(sent.zero.nanos());
            for part in &mut path.segments {
                let by = between.saturating_sub(clocks.shift[part.span]);
                *part = moved(*part, by);
            }
            times = sent;
        }
        if let (true, Some(first), Some(last)) = (spans.is_empty(), records.first(), records.last())
        {
            times.zero = first.record.timestamp;
            times.length = last
                .record
                .timestamp
                .nanos()
                .saturating_sub(times.zero.nanos());
        }
        let runs = Runs::of(spans, &tree, &times);
        let shift: &[i64] = if is_adjusted { &clocks.shift } else { &[] };
        let logs = places(&records, spans, &times, shift);
        let errors = tree.order.iter().copied();
        Self {
            errors: errors.filter(|span| spans[*span].is_error).collect(),
            outline,
            records,
            tree,
            clocks,
            times,
            self_times,
            path,
            is_critical,
            runs,
            logs,
        }
    }

    pub(crate) fn laid(&self) -> Laid<'_> {
        Laid {
            tree: &self.tree,
            times: &self.times,
            runs: &self.runs,
            logs: &self.logs,
            is_critical: &self.is_critical,
            first_error: self.errors.first().copied(),
        }
    }

    pub(crate) fn spans(&self) -> &[SpanOutline] {
        &self.outline.spans
    }

    pub(crate) fn service(&self, span: usize) -> &str {
        let service = self.outline.spans[span].service;
        self.outline
            .services
            .get(service as usize)
            .map_or("", String::as_str)
    }

    pub(crate) fn name(&self, span: usize) -> &str {
        let name = self.outline.spans[span].name;
        self.outline
            .names
            .get(name as usize)
            .map_or("", String::as_str)
    }

    /// The root that the trace is about.
    pub(crate) const fn root(&self) -> Option<usize> {
        self.path.root
    }

    /// When the first span began and the last one ended, as they were sent.
    pub(crate) fn sent(&self) -> Option<(Timestamp, Timestamp)> {
        let start = self.outline.spans.iter().map(|span| span.start).min();
        let end = self.outline.spans.iter().map(|span| span.end).max();
        let records = self.records.first().zip(self.records.last());
        start.zip(end).or_else(|| {
            records.map(|(first, last)| (first.record.timestamp, last.record.timestamp))
        })
    }
}

const fn moved(part: Segment, by: i64) -> Segment {
    Segment {
        span: part.span,
        from: part.from.saturating_add(by),
        to: part.to.saturating_add(by),
    }
}

/// Where each record belongs: to the span that it names, if that is there.
fn places(
    records: &[FoundLog],
    spans: &[SpanOutline],
    times: &Times,
    shift: &[i64],
) -> Vec<LogPlace> {
    let mut by_id: std::collections::HashMap<_, usize> = std::collections::HashMap::new();
    for (at, span) in spans.iter().enumerate() {
        by_id.entry(span.span_id).or_insert(at);
    }
    let place = |found: &FoundLog| {
        let span = found.record.span_id.and_then(|id| by_id.get(&id).copied());
        let by = span.and_then(|span| shift.get(span).copied()).unwrap_or(0);
        let at = found
            .record
            .timestamp
            .nanos()
            .saturating_sub(times.zero.nanos());
        LogPlace {
            span,
            at: at.saturating_add(by),
            is_error: found.record.severity.range() >= SeverityRange::Error,
        }
    };
    records.iter().map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sketch::spans_in;
    use super::*;
    use watchfire_schemas::SpanKind;

    fn layout(text: &str, is_adjusted: bool) -> Layout {
        let mut spans = spans_in(text);
        spans[0].kind = SpanKind::Client;
        spans[1].kind = SpanKind::Server;
        let outline = TraceOutline {
            spans,
            ..TraceOutline::default()
        };
        Layout::of(outline, Vec::new(), is_adjusted)
    }

    #[test]
    fn the_critical_path_lies_on_the_bars_whatever_the_clocks_say() {
        let text = "1 0 a 0 100; 2 1 b 140 220; 3 2 b 150 200";
        for is_adjusted in [false, true] {
            let layout = layout(text, is_adjusted);
            assert_eq!(layout.is_critical, [true, true, true]);
            for part in &layout.path.segments {
                let (start, end) = (layout.times.start[part.span], layout.times.end[part.span]);
                assert!(
                    part.from >= start && part.to <= end,
                    "{is_adjusted} {part:?}"
                );
            }
        }
        assert_eq!(layout(text, true).times.length, 100_000_000);
        assert_eq!(layout(text, false).times.length, 220_000_000);
    }
}
