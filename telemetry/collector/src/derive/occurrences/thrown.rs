use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;
use watchfire_schemas::Exception;

use super::Teller;
use crate::fingerprint::simple_name;
use crate::stack::StackFrame;

/// What an exception is known by, short enough to be kept.
///
/// Two tellers need not say the same: one names the module of a type, one has no message, one was
/// told to cut long texts, one has no stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thrown {
    /// A hash of the type without its module; 0 if nobody said.
    kind: u64,
    /// The beginning of the message.
    message: Box<str>,
    /// A hash of the function in which it was thrown; 0 if there is no stack.
    function: u64,
}

impl Thrown {
    /// So many bytes of a message are kept.
    const MESSAGE: usize = 96;

    pub(super) fn new(exception: &Exception, innermost: Option<&StackFrame>) -> Self {
        let hash = |text: &str| {
            let mut hash = FxHasher::default();
            text.hash(&mut hash);
            if text.is_empty() {
                0
            } else {
                hash.finish() | 1
            }
        };
        let kind = simple_name(&exception.kind);
        let message = exception.message.trim();
        let bare = message.strip_prefix(kind).unwrap_or(message);
        let message = bare.strip_prefix(": ").unwrap_or(message);
        let end = (0..=Self::MESSAGE.min(message.len()))
            .rev()
            .find(|at| message.is_char_boundary(*at));
        Self {
            kind: hash(kind),
            message: message[..end.unwrap_or(0)].into(),
            function: hash(innermost.map_or("", |frame| frame.function.as_str())),
        }
    }

    fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.message == other.message && self.may_be_at(other)
    }

    /// Whether both can be of one exception, one of them being told less of it.
    fn may_be(&self, other: &Self) -> bool {
        let (mine, theirs) = (&*self.message, &*other.message);
        let kind = self.kind == other.kind || self.kind == 0 || other.kind == 0;
        let message =
            mine.starts_with(without_end(theirs)) || theirs.starts_with(without_end(mine));
        kind && message && self.may_be_at(other)
    }

    fn may_be_at(&self, other: &Self) -> bool {
        self.function == other.function || self.function == 0 || other.function == 0
    }
}

/// A message without what some put at the place where they cut it.
fn without_end(message: &str) -> &str {
    message.trim_end_matches(['.', '…'])
}

/// An exception of a span, and how often it was told.
#[derive(Debug, Clone)]
pub(super) struct Throw {
    pub(super) thrown: Thrown,
    /// By log records, events of the span, and clients of error trackers.
    pub(super) told: [u32; 3],
    /// By spans within.
    pub(super) within: u32,
    /// How many were counted that are none: if nothing runs around this span.
    pub(super) surplus: u32,
}

impl Throw {
    /// How often it happened, as far as this span knows.
    pub(super) fn count(&self) -> u32 {
        let told = self.told.iter().max().copied().unwrap_or(0);
        told.max(self.within)
    }
}

/// The exceptions of a span.
#[derive(Debug, Default)]
pub(super) struct Throws(Vec<Throw>);

impl Throws {
    /// So many different ones of a span are kept; the last takes in all others.
    const MOST: usize = 32;

    pub(super) fn all(&self) -> &[Throw] {
        &self.0
    }

    /// That of an exception: the same one; else one that can be it and of which this teller has told
    /// less often than others; else a new one. Of what comes from within, no teller is known.
    pub(super) fn of(&mut self, thrown: &Thrown, teller: Option<Teller>) -> &mut Throw {
        let same = self.0.iter().position(|known| known.thrown.is(thrown));
        let like = || {
            self.0.iter().position(|known| {
                let is_open = match teller {
                    Some(teller) => known.told[teller as usize] < known.count(),
                    None => true,
                };
                is_open && known.thrown.may_be(thrown)
            })
        };
        let last = || {
            self.0
                .len()
                .checked_sub(1)
                .filter(|last| last + 1 >= Self::MOST)
        };
        let found = same.or_else(like).or_else(last);
        let index = found.unwrap_or_else(|| {
            self.0.push(Throw {
                thrown: thrown.clone(),
                told: [0; 3],
                within: 0,
                surplus: 0,
            });
            self.0.len() - 1
        });
        &mut self.0[index]
    }
}
