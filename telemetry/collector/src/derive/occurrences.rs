use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use watchfire_schemas::{Exception, ExceptionSeen, Origin, SpanId, TraceId};

use crate::fingerprint::{Parts, simple_name};
use crate::stack::StackFrame;

/// Tells whether an exception was already counted from its other signal: with `logs/dup`, emitters
/// send each one both as a log record and as a span event.
///
/// Per occurrence it keeps how often each signal brought it. It happened as often as the signal
/// that brought it more often says, so two log records of one loop stay two.
#[derive(Debug, Default)]
pub(super) struct Occurrences {
    counts: FxHashMap<Key, [u32; 2]>,
    /// The order in which keys are forgotten.
    order: VecDeque<Key>,
}

type Key = (TraceId, SpanId, u64);

impl Occurrences {
    /// How many occurrences are remembered; log and span of one come within seconds of each other.
    const MOST: usize = 65_536;

    /// Whether this is one more occurrence. Without a span it always is.
    pub(super) fn is_new(&mut self, seen: &ExceptionSeen, hash: u64) -> bool {
        let (Some(trace), Some(span)) = (seen.trace_id, seen.span_id) else {
            return true;
        };
        let key = (trace, span, hash);
        let counts = self.counts.entry(key).or_insert_with(|| {
            self.order.push_back(key);
            [0, 0]
        });
        let before = counts[0].max(counts[1]);
        match seen.origin {
            Origin::Log => counts[0] += 1,
            Origin::Span => counts[1] += 1,
        }
        let is_new = counts[0].max(counts[1]) > before;
        if self.order.len() > Self::MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.counts.remove(&oldest);
        }
        is_new
    }
}

/// What an occurrence is told by within its span: type, message and where it was thrown. Not the
/// whole stack: the signal that is taken further out has more frames of the same exception.
pub(super) fn hash(exception: &Exception, innermost: Option<&StackFrame>) -> u64 {
    let mut parts = Parts::new("occurrence");
    parts.add(simple_name(&exception.kind));
    parts.add(&exception.message);
    parts.add(&innermost.map(StackFrame::name).unwrap_or_default());
    parts.number()
}
