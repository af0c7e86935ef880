mod thrown;

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use watchfire_schemas::{Exception, Span, SpanId, SpanKind, TraceId};

use crate::stack::StackFrame;
use thrown::{Thrown, Throws};

/// Who told of an exception. Each tells of it once, so what two of them tell is one occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Teller {
    /// A log record.
    Log,
    /// An event of a span.
    Span,
    /// A client of an error tracker.
    Tracker,
}

/// What an occurrence is told by within its span: type, message and where it was thrown. Not the
/// whole stack: the signal that is taken further out has more frames of the same exception.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) place: Option<(TraceId, SpanId)>,
    pub(super) teller: Teller,
    thrown: Thrown,
}

impl Told {
    pub(super) fn new(
        place: Option<(TraceId, SpanId)>,
        teller: Teller,
        exception: &Exception,
        innermost: Option<&StackFrame>,
    ) -> Self {
        Self {
            place,
            teller,
            thrown: Thrown::new(exception, innermost),
        }
    }
}

/// Tells whether an exception was already counted, as a log record, as an event of its span, or
/// on a span within that one, through which it then went on.
///
/// For each span it keeps how often each teller brought an exception, and how often spans within it
/// did. It happened as often as the one says who says most: two log records of one loop stay two, and
/// so do two attempts in spans of their own. In which order all that comes does not matter, save that
/// two spans are not known to be of one another before the inner one has come; what was counted too
/// much by then is counted less after.
#[derive(Debug, Default)]
pub(super) struct Occurrences {
    spans: FxHashMap<Key, Node>,
    /// The order in which spans are forgotten.
    order: VecDeque<Key>,
}

type Key = (TraceId, SpanId);

#[derive(Debug, Default)]
struct Node {
    /// The span within which it ran, in the same process; once its own came.
    outer: Option<SpanId>,
    throws: Throws,
}

impl Occurrences {
    /// How many spans are remembered; log and span of one occurrence come within seconds of each
    /// other.
    const MOST: usize = 65_536;
    /// So far outward an exception is followed.
    const MOST_HOPS: usize = 64;

    /// Learns within which span a failed one ran: through it, an exception goes on.
    pub(super) fn learn(&mut self, span: &Span) {
        let of_other_process = matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
        let Some(outer) = span.parent_span_id.filter(|_| !of_other_process) else {
            return;
        };
        let key = (span.trace_id, span.span_id);
        let node = self.node(key);
        if node.outer.is_some() || outer == span.span_id {
            return;
        }
        node.outer = Some(outer);
        let throws = node.throws.all().to_vec();
        // What this one told counted by itself until now.
        for own in throws {
            let told = own.thrown.clone();
            let counted = own.count() + own.surplus;
            self.node(key).throws.of(&told, None).surplus = 0;
            let grown = self.rise((span.trace_id, outer), &told, own.count());
            let surplus = counted.saturating_sub(grown);
            if surplus > 0 {
                let end = self.outermost((span.trace_id, outer));
                self.node(end).throws.of(&told, None).surplus += surplus;
            }
        }
    }

    /// Whether this is one more occurrence. Without a span it always is.
    pub(super) fn is_new(&mut self, told: &Told) -> bool {
        let Some(key) = told.place else {
            return true;
        };
        let node = self.node(key);
        let own = node.throws.of(&told.thrown, Some(told.teller));
        let before = own.count();
        own.told[told.teller as usize] += 1;
        let grown = own.count() - before;
        // As its span knows it: what is told outward has one form.
        let thrown = own.thrown.clone();
        let grown = match node.outer {
            Some(outer) if grown > 0 => self.rise((key.0, outer), &thrown, grown),
            _ => grown,
        };
        if grown == 0 {
            return false;
        }
        let end = self.outermost(key);
        let surplus = &mut self.node(end).throws.of(&thrown, None).surplus;
        if *surplus > 0 {
            *surplus -= 1;
            return false;
        }
        true
    }

    /// Tells a span and those around it that so many more came from within. Gives by how many the
    /// outermost one knows more.
    fn rise(&mut self, mut key: Key, thrown: &Thrown, mut grown: u32) -> u32 {
        for _ in 0..Self::MOST_HOPS {
            let node = self.node(key);
            let known = node.throws.of(thrown, None);
            let before = known.count();
            known.within += grown;
            grown = known.count() - before;
            match node.outer {
                Some(outer) if grown > 0 => key.1 = outer,
                _ => break,
            }
        }
        grown
    }

    fn outermost(&self, mut key: Key) -> Key {
        for _ in 0..Self::MOST_HOPS {
            match self.spans.get(&key).and_then(|node| node.outer) {
                Some(outer) => key.1 = outer,
                None => break,
            }
        }
        key
    }

    fn node(&mut self, key: Key) -> &mut Node {
        if !self.spans.contains_key(&key) {
            if self.order.len() >= Self::MOST
                && let Some(oldest) = self.order.pop_front()
            {
                self.spans.remove(&oldest);
            }
            self.order.push_back(key);
        }
        self.spans.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests;
