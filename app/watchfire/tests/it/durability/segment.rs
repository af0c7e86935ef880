//! A segment of the write-ahead log, read and damaged from outside.

use std::path::{Path, PathBuf};

/// `len u32 | crc32c u32 | kind u8 | version u8 | seq u64 | received_at i64`
const FRAME_HEADER: usize = 26;
const SEGMENT_HEADER: usize = 32;

/// The newest segment of a stopped server.
pub(super) struct Segment {
    path: PathBuf,
    id: u64,
    pub(super) bytes: Vec<u8>,
}

impl Segment {
    pub(super) fn newest(data_dir: &Path) -> Self {
        let names = std::fs::read_dir(data_dir.join("wal")).unwrap();
        let mut paths: Vec<_> = names.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| {
            let number = path.file_stem().is_some_and(|stem| stem.len() == 16);
            number && path.extension().is_some_and(|end| end == "wal")
        });
        paths.sort();
        let path = paths.pop().unwrap();
        let id = u64::from_str_radix(path.file_stem().unwrap().to_str().unwrap(), 16).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        Self { path, id, bytes }
    }

    /// Where each frame starts, and where the log ends.
    pub(super) fn frames(&self) -> Vec<usize> {
        let mut starts = vec![SEGMENT_HEADER];
        loop {
            let at = *starts.last().unwrap();
            let length = u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap()) as usize;
            if length == 0 {
                return starts;
            }
            starts.push(at + (FRAME_HEADER + length).next_multiple_of(8));
        }
    }

    /// Appends a batch with a payload of our own.
    pub(super) fn append(&mut self, kind: u8, seq: u64, payload: &[u8]) {
        let at = *self.frames().last().unwrap();
        let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
        frame.extend_from_slice(&[0, 0, 0, 0, kind, 2]);
        frame.extend_from_slice(&seq.to_le_bytes());
        frame.extend_from_slice(&0_i64.to_le_bytes());
        frame.extend_from_slice(payload);
        let parts = [&self.id.to_le_bytes()[..], &frame[..4], &frame[8..]];
        let crc = crc32c(&parts.concat());
        frame[4..8].copy_from_slice(&crc.to_le_bytes());
        self.bytes[at..at + frame.len()].copy_from_slice(&frame);
    }

    /// The number of the last batch.
    pub(super) fn last_seq(&self) -> u64 {
        let frames = self.frames();
        let at = frames[frames.len() - 2] + 10;
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap())
    }

    /// Writes another format version into the header.
    pub(super) fn set_version(&mut self, version: u16) {
        self.bytes[8..10].copy_from_slice(&version.to_le_bytes());
        let parts = [&self.bytes[..12], &self.bytes[16..SEGMENT_HEADER]];
        let crc = crc32c(&parts.concat());
        self.bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    }

    pub(super) fn write(&self) {
        std::fs::write(&self.path, &self.bytes).unwrap();
    }
}

fn crc32c(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 }
        })
    });
    !crc
}
