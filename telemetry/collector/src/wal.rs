//! The write-ahead log: every batch is on disk here before its sender hears that we have it.
//!
//! A folder of segments of one size, filled with zeros when they are made and used again when all
//! consumers have passed them, so that a write touches no metadata of the file system and
//! `fdatasync` stays cheap. A segment is a header and frames; a frame is a batch. What ends the
//! log is a frame of length zero or one whose checksum fails with nothing readable after it. The
//! checksum is seeded with the segment's number: frames of a segment's former life never count.

mod by_kind;
mod frame;
mod recovery;
mod segment;
mod shelf;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use by_kind::ByKind;
pub(crate) use frame::{Frame, Kind, Packed};
pub(crate) use recovery::{Recovery, open};
pub(crate) use shelf::{Shelf, WalOptions};
pub(crate) use writer::{AppendError, WalWriter, is_full};
