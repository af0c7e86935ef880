//! The log as a whole: what is answered as durable is read back, whatever happens to the file's end.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use watchfire_schemas::{BatchSeq, Timestamp};

use super::writer::Appended;
use super::{ByKind, Frame, Kind, Packed, Recovery, WalOptions, WalWriter, open};
use crate::OpenError;

const SMALL: WalOptions = WalOptions {
    segment_bytes: 4096,
    max_bytes: 1 << 20,
};

fn packed(payload: &[u8]) -> Packed {
    Packed::new(Kind::Logs, Timestamp::from_secs(5), payload.to_vec())
}

fn reopen(dir: &Path) -> (WalWriter, Recovery, Vec<Frame>) {
    let mut frames = Vec::new();
    let (writer, recovery) =
        open(dir, SMALL, BatchSeq::ZERO, |frame| frames.push(frame)).expect("the log opens");
    (writer, recovery, frames)
}

fn append(writer: &mut WalWriter, payloads: &[Vec<u8>]) -> Appended {
    let packed: Vec<_> = payloads.iter().map(|payload| packed(payload)).collect();
    writer.append(&packed.iter().collect::<Vec<_>>())
}

fn payloads(frames: &[Frame]) -> Vec<std::borrow::Cow<'_, [u8]>> {
    frames.iter().map(|frame| frame.plain().unwrap()).collect()
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_string_lossy().contains("spare"))
        .collect();
    paths.sort();
    paths
}

/// Three frames in one segment, and where the last one starts and ends.
fn three_frames(dir: &Path) -> (PathBuf, usize, usize) {
    let (mut writer, ..) = reopen(dir);
    append(&mut writer, &[b"one".to_vec(), b"two".to_vec()]);
    let start = writer.active_used() as usize;
    append(&mut writer, &[b"three".to_vec()]);
    let end = writer.active_used() as usize;
    (segments(dir).remove(0), start, end)
}

#[test]
fn a_torn_last_frame_is_cut_at_every_byte() {
    for cut in 0..32 {
        let dir = tempfile::tempdir().unwrap();
        let (path, start, end) = three_frames(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        let cut = start + cut.min(end - start);
        bytes[cut..end].fill(0);
        fs::write(&path, &bytes).unwrap();
        let whole = frame_is_whole(cut, start);
        let (mut writer, recovery, frames) = reopen(dir.path());
        let expected: &[&[u8]] = if whole {
            &[b"one", b"two", b"three"]
        } else {
            &[b"one", b"two"]
        };
        assert_eq!(payloads(&frames), expected, "cut at {cut}");
        assert!(recovery.damage.is_empty());
        assert_eq!(
            recovery.torn_bytes > 0,
            !whole && cut > start,
            "cut at {cut}"
        );
        append(&mut writer, &[b"four".to_vec()]);
        drop(writer);
        let (_, recovery, frames) = reopen(dir.path());
        assert_eq!(frames.last().unwrap().payload, b"four");
        assert_eq!(
            recovery,
            Recovery {
                torn_bytes: 0,
                ..recovery.clone()
            }
        );
    }
}

/// A frame's own 26 + 5 bytes; what follows is padding that may be lost.
fn frame_is_whole(cut: usize, start: usize) -> bool {
    cut >= start + 31
}

#[test]
fn a_file_that_ends_early_is_a_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    let (path, start, end) = three_frames(dir.path());
    let bytes = fs::read(&path).unwrap();
    for length in start..end {
        fs::write(&path, &bytes[..length]).unwrap();
        let (_, recovery, frames) = reopen(dir.path());
        assert_eq!(
            frames.len(),
            if length < start + 31 { 2 } else { 3 },
            "{length} bytes"
        );
        assert!(recovery.damage.is_empty());
    }
}

#[test]
fn damage_before_whole_frames_is_told_and_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (path, ..) = three_frames(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    // In the payload of the first frame.
    bytes[32 + 26] ^= 0xff;
    fs::write(&path, &bytes).unwrap();
    let (mut writer, recovery, frames) = reopen(dir.path());
    assert_eq!(payloads(&frames), [b"two".as_slice(), b"three"]);
    assert_eq!(recovery.damage, [(path, 32, 32)]);
    assert_eq!(
        append(&mut writer, &[b"four".to_vec()]).durable,
        [BatchSeq(4)]
    );
}

#[test]
fn every_flipped_byte_of_the_last_frame_costs_that_frame_only() {
    let dir = tempfile::tempdir().unwrap();
    let (path, start, _) = three_frames(dir.path());
    let bytes = fs::read(&path).unwrap();
    for at in start..start + 31 {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x55;
        fs::write(&path, &flipped).unwrap();
        let (_, recovery, frames) = reopen(dir.path());
        assert_eq!(payloads(&frames), [b"one".as_slice(), b"two"], "byte {at}");
        assert!(recovery.damage.is_empty());
    }
}

#[test]
fn a_later_format_is_refused_with_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let (path, ..) = three_frames(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 3;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..32]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = open(dir.path(), SMALL, BatchSeq::ZERO, |_| ())
        .map(|_| ())
        .unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Version {
                found: 3,
                supported: 2,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn passed_segments_are_used_again_and_their_old_frames_do_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, ..) = reopen(dir.path());
    let batch = || vec![vec![7; 900]];
    for _ in 0..12 {
        assert!(append(&mut writer, &batch()).error.is_none());
    }
    let before = writer.shelf().segments();
    assert!(before >= 3, "{before}");
    assert!(writer.shelf().recycle(&ByKind::all(BatchSeq(8))).unwrap() >= 2);
    let bytes = writer.shelf().bytes();
    append(&mut writer, &batch());
    append(&mut writer, &batch());
    assert!(
        writer.shelf().bytes() <= bytes + SMALL.segment_bytes,
        "a spare was used"
    );
    drop(writer);
    let (_, recovery, frames) = reopen(dir.path());
    let numbers: Vec<u64> = frames.iter().map(|frame| frame.seq.0).collect();
    assert_eq!(numbers, (numbers[0]..=14).collect::<Vec<_>>());
    assert_eq!((recovery.last, recovery.torn_bytes), (BatchSeq(14), 0));
}

#[test]
fn a_spare_that_was_left_is_used_and_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let left = dir.path().join("spare-2.wal");
    fs::write(&left, vec![0xaa; 4096]).unwrap();
    fs::write(dir.path().join("spare-9.wal"), b"unfinished").unwrap();
    let (mut writer, ..) = reopen(dir.path());
    assert!(!dir.path().join("spare-9.wal").exists());
    for _ in 0..12 {
        assert!(append(&mut writer, &[vec![7; 900]]).error.is_none());
        writer.shelf().prepare_spare().unwrap();
    }
    assert!(!left.exists());
    drop(writer);
    assert_eq!(reopen(dir.path()).2.len(), 12);
}

#[test]
fn a_full_disk_refuses_what_is_new_keeps_what_is_old_and_passes() {
    let dir = tempfile::tempdir().unwrap();
    let options = WalOptions {
        segment_bytes: 4096,
        max_bytes: 8192,
    };
    let (mut writer, _) = open(dir.path(), options, BatchSeq::ZERO, |_| ()).unwrap();
    let refused = loop {
        let appended = append(&mut writer, &[vec![1; 900]]);
        if appended.error.is_some() {
            break appended;
        }
    };
    assert!(refused.durable.is_empty());
    let kept = reopen(dir.path()).2.len() as u64;
    assert!(kept >= 6);
    writer
        .shelf()
        .recycle(&ByKind::all(BatchSeq(kept)))
        .unwrap();
    assert!(append(&mut writer, &[vec![1; 900]]).error.is_none());
}

#[test]
fn a_batch_larger_than_a_segment_gets_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, ..) = reopen(dir.path());
    // Bytes that do not compress.
    let large: Vec<u8> = (0..20_000_u64)
        .flat_map(|n| crc32c::crc32c(&n.to_le_bytes()).to_le_bytes())
        .collect();
    let appended = append(&mut writer, &[b"a".to_vec(), large.clone(), b"b".to_vec()]);
    assert_eq!(appended.durable.len(), 3);
    drop(writer);
    let (_, _, frames) = reopen(dir.path());
    assert_eq!(payloads(&frames), [b"a".as_slice(), &large, b"b"]);
}

#[test]
fn numbers_go_on_after_what_the_consumers_hold() {
    let dir = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(dir.path(), SMALL, BatchSeq(41), |_| ()).unwrap();
    assert_eq!(
        append(&mut writer, &[b"x".to_vec()]).durable,
        [BatchSeq(42)]
    );
    drop(writer);
    assert_eq!(reopen(dir.path()).1.last, BatchSeq(42));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn all_that_was_durable_is_read_back_in_order(
        groups in proptest::collection::vec(
            proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..1500), 1..4), 1..12),
        reopen_after in 0_usize..12,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut writer, ..) = reopen(dir.path());
        let mut expected = Vec::new();
        for (index, group) in groups.iter().enumerate() {
            if index == reopen_after {
                drop(writer);
                writer = reopen(dir.path()).0;
            }
            let appended = append(&mut writer, group);
            prop_assert!(appended.error.is_none());
            prop_assert_eq!(appended.durable.len(), group.len());
            expected.extend(group.iter().cloned());
        }
        drop(writer);
        let (_, recovery, frames) = reopen(dir.path());
        prop_assert_eq!(recovery.last, BatchSeq(expected.len() as u64));
        prop_assert_eq!(payloads(&frames), expected.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
}
