use std::io;

use crate::fields::{Dataset as _, find};
use crate::row::{Cell, Row};
use crate::span_cells::{ERROR, slot};
use crate::spans::Spans;
use crate::split::{BlockColumn, Split};

/// When spans of a split began, how long they took and whether they failed, a block at a time.
#[derive(Debug)]
pub(crate) struct SpanColumns<'a> {
    times: BlockColumn<'a>,
    durations: BlockColumn<'a>,
    statuses: BlockColumn<'a>,
    error: Option<i64>,
}

/// A field of the table that is there by all means.
pub(crate) fn field(name: &str) -> usize {
    find(Spans::fields(), name).expect("the table has the field")
}

/// How long a span of the tail took, in nanoseconds, and whether it failed.
pub(crate) fn outcome(row: Row<'_>) -> (u64, bool) {
    let duration = match row.slot(slot::DURATION) {
        Some(Cell::Int(nanos)) => u64::try_from(nanos).unwrap_or_default(),
        _ => 0,
    };
    (duration, row.text(slot::STATUS) == ERROR)
}

impl<'a> SpanColumns<'a> {
    pub(crate) fn of(split: &'a Split<Spans>) -> io::Result<Self> {
        let statuses = split.blocks_of(field("status"))?;
        let mut error = None;
        for number in 0..statuses.len() {
            if statuses.value(number)? == ERROR {
                error = Some(number as i64);
            }
        }
        Ok(Self {
            times: split.time_blocks()?,
            durations: split.blocks_of(field("duration"))?,
            statuses,
            error,
        })
    }

    /// Reads what the spans of a block have.
    pub(crate) fn read(&mut self, block: u32) -> io::Result<()> {
        self.times.read(block)?;
        self.durations.read(block)?;
        self.statuses.read(block)
    }

    /// Reads only how long they took.
    pub(crate) fn read_durations(&mut self, block: u32) -> io::Result<()> {
        self.durations.read(block)
    }

    /// The least and the longest duration of all spans, in nanoseconds.
    pub(crate) fn extent(&self) -> Option<(u64, u64)> {
        let (least, most) = self.durations.bounds()?;
        let nanos = |nanos: i64| u64::try_from(nanos).unwrap_or_default();
        Some((nanos(least), nanos(most)))
    }

    /// How long it took, in nanoseconds.
    pub(crate) fn nanos(&self, place: usize) -> u64 {
        u64::try_from(self.durations.get(place).unwrap_or_default()).unwrap_or_default()
    }

    /// When it began, by its place in the block that was read.
    pub(crate) fn time(&self, place: usize) -> i64 {
        self.times.get(place).unwrap_or_default()
    }

    /// How long it took, in nanoseconds, and whether it failed.
    pub(crate) fn outcome(&self, place: usize) -> (u64, bool) {
        let is_error = self.error.is_some() && self.statuses.get(place) == self.error;
        (self.nanos(place), is_error)
    }
}
