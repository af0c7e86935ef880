use std::cell::RefCell;

use bytes::Bytes;

use super::attribute::resource_of;
use super::wire::Wire;
use super::{logs, spans};
use crate::fact_span::FactRecord;
use crate::resource::Resource;

/// What every request of a signal begins with: one resource and one scope, whose fields have the
/// same numbers for all signals. Their lengths are put in when it is complete.
#[derive(Debug)]
pub(crate) struct Head {
    bytes: Vec<u8>,
    /// Where the message begins that holds the records.
    inner: usize,
}

/// A request to which records are added as they are made, so that what is known of each is let go
/// of where it is at hand.
#[derive(Debug, Default)]
pub(crate) struct Growing {
    bytes: Vec<u8>,
    count: usize,
}

/// A record as each signal has it: a span, a line, or both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoded<'a> {
    pub(crate) span: Option<&'a [u8]>,
    pub(crate) line: Option<&'a [u8]>,
}

/// Writes what is made of requests while they are answered.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) head: Head,
    /// Which signals are asked for.
    pub(super) spans: bool,
    pub(super) lines: bool,
}

thread_local! {
    static SCRATCH: RefCell<Wire> = RefCell::default();
}

impl Encoder {
    /// Encodes a record and gives it to `take`.
    pub(crate) fn encode(&self, record: &FactRecord, take: impl FnOnce(Encoded<'_>)) {
        SCRATCH.with_borrow_mut(|out| {
            out.clear();
            if self.spans && record.span.context.is_sampled() {
                spans::span(out, record);
            }
            let split = out.as_bytes().len();
            if self.lines {
                logs::line(out, record);
            }
            let (span, line) = out.as_bytes().split_at(split);
            take(Encoded {
                span: Some(span).filter(|span| !span.is_empty()),
                line: Some(line).filter(|line| !line.is_empty()),
            });
        });
    }
}

impl Head {
    pub(super) fn of(resource: &Resource) -> Self {
        let mut out = Wire::default();
        out.open(1);
        resource_of(&mut out, resource);
        let inner = out.open(2);
        out.message::<1>(1, |out| {
            out.text(1, env!("CARGO_PKG_NAME"));
            out.text(2, env!("CARGO_PKG_VERSION"));
        });
        Self {
            bytes: out.into_bytes(),
            inner,
        }
    }
}

impl Growing {
    /// A larger one is not kept for the next request.
    const LARGEST: usize = 8 << 20;

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn push(&mut self, head: &Head, record: &[u8]) {
        if self.bytes.is_empty() {
            self.bytes.extend_from_slice(&head.bytes);
        }
        self.bytes.extend_from_slice(record);
        self.count += 1;
    }

    /// The whole request.
    pub(super) fn close(&mut self, head: &Head) -> Bytes {
        let mut out = Wire::from(std::mem::take(&mut self.bytes));
        out.close(head.inner);
        out.close(Wire::FIRST);
        self.count = 0;
        out.into_bytes().into()
    }

    /// Takes the room of a request that was sent.
    pub(super) fn reuse(&mut self, sent: Bytes) {
        if sent.is_unique() && sent.len() <= Self::LARGEST {
            self.bytes = sent.into();
            self.bytes.clear();
        }
    }
}
