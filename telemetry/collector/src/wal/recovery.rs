use std::fs;
use std::path::{Path, PathBuf};

use watchfire_schemas::BatchSeq;

use super::frame::{self, ALIGN, Frame, NoFrame};
use super::segment::{self, Active, Header, SEGMENT_HEADER, SEGMENT_VERSION};
use super::shelf::{Sealed, Shelf};
use super::{ByKind, WalOptions, WalWriter};
use crate::OpenError;

/// What was found when the log was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recovery {
    /// The last batch in the log; zero if it is empty.
    pub(crate) last: BatchSeq,
    /// Bytes after the last whole frame that a crash left; they were never acknowledged.
    pub(crate) torn_bytes: u64,
    /// Places that cannot be read although readable frames follow: (file, offset, bytes).
    pub(crate) damage: Vec<(PathBuf, u64, u64)>,
}

/// Opens the log in `dir`, or makes one. Hands every whole frame to `replay` in order, and goes on
/// after the last one, or after `floor` if that is later.
pub(crate) fn open(
    dir: &Path,
    options: WalOptions,
    floor: BatchSeq,
    mut replay: impl FnMut(Frame),
) -> Result<(WalWriter, Recovery), OpenError> {
    fs::create_dir_all(dir).map_err(OpenError::io(dir))?;
    let (paths, spares) = files(dir, options.segment_bytes)?;
    let mut recovery = Recovery::default();
    let mut sealed = Vec::new();
    let mut last = None;
    let newest = paths.last().map(|(id, _)| *id);
    for (id, path) in paths {
        if let Some(before) = last.take() {
            sealed.push(before);
        }
        let bytes = fs::read(&path).map_err(OpenError::io(&path))?;
        let (before, version) = first_of(&path, id, &bytes, &mut recovery)?;
        recovery.last = recovery.last.max(before);
        let mut scan = scan(&bytes, id, recovery.last, &mut replay);
        if let Some(foreign) = scan.foreign {
            return Err(foreign_frame(path, foreign));
        }
        if newest != Some(id) {
            scan.tail_is_damage();
        }
        recovery.note(&path, &scan);
        let segment = Sealed {
            path,
            bytes: bytes.len() as u64,
            last: scan.last_of,
        };
        last = Some((id, version, scan.end, segment));
    }
    let next_segment = last.as_ref().map_or(0, |(id, ..)| *id) + 1;
    let mut active = None;
    if let Some((id, version, end, segment)) = last {
        if version == SEGMENT_VERSION {
            active = Some((id, end as u64, segment));
        } else {
            // Nothing of a newer form may follow there.
            sealed.push((id, version, end, segment));
        }
    }
    let sealed = sealed.into_iter().map(|(.., segment)| segment).collect();
    let shelf = Shelf::new(dir, options, sealed, spares, next_segment);
    let active = match active {
        Some((id, end, segment)) => {
            let path = segment.path;
            let active =
                Active::open(path.clone(), id, end, segment.last).map_err(OpenError::io(path))?;
            shelf.adopt(&active);
            Some(active)
        }
        None => None,
    };
    let writer = WalWriter::new(shelf, active, recovery.last.max(floor).next());
    Ok((writer, recovery))
}

fn foreign_frame(path: PathBuf, (kind, version): (u8, u8)) -> OpenError {
    OpenError::Damaged {
        path,
        reason: format!(
            "it holds a batch of kind {kind} and version {version}, which this binary does not know: was it written by a later one?"
        ),
    }
}

/// Segments by number, and spares.
type Files = (Vec<(u64, PathBuf)>, Vec<PathBuf>);

/// The segments by number, and the spares. Files of other names are left alone; a spare of another
/// size is one that was never finished, or is from other settings, and goes.
fn files(dir: &Path, segment_bytes: u64) -> Result<Files, OpenError> {
    let (mut segments, mut spares) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(dir).map_err(OpenError::io(dir))? {
        let path = entry.map_err(OpenError::io(dir))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(id) = segment::id_of(&path) {
            segments.push((id, path));
        } else if name.is_some_and(|name| name.starts_with("spare-")) {
            let metadata = fs::metadata(&path).map_err(OpenError::io(&path))?;
            if metadata.len() == segment_bytes {
                spares.push(path);
            } else {
                fs::remove_file(&path).map_err(OpenError::io(&path))?;
            }
        }
    }
    segments.sort_unstable();
    Ok((segments, spares))
}

/// The batch before the segment's first and the format, by its header. A broken header is damage, but the frames
/// after it may be whole: they are checked against the number in the file's name.
fn first_of(
    path: &Path,
    id: u64,
    bytes: &[u8],
    recovery: &mut Recovery,
) -> Result<(BatchSeq, u16), OpenError> {
    match segment::decode_header(bytes) {
        Header::Good {
            id: own,
            first_seq,
            version,
        } if own == id => Ok((BatchSeq(first_seq.0.saturating_sub(1)), version)),
        Header::Good { id: own, .. } => Err(OpenError::Damaged {
            path: path.to_owned(),
            reason: format!("its name says segment {id:x}, its header {own:x}: was it renamed?"),
        }),
        Header::OtherVersion(found) => Err(OpenError::Version {
            path: path.to_owned(),
            found,
            supported: SEGMENT_VERSION,
        }),
        Header::Broken => {
            let damage = (path.to_owned(), 0, SEGMENT_HEADER as u64);
            recovery.damage.push(damage);
            // Whatever it was, it is not written to again.
            Ok((BatchSeq::ZERO, 0))
        }
    }
}

/// What one segment holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Scan {
    /// Where the next frame goes.
    end: usize,
    last: BatchSeq,
    last_of: ByKind,
    torn: usize,
    damage: Vec<(usize, usize)>,
    /// Kind and version of a whole frame that cannot be read; the scan ended there.
    foreign: Option<(u8, u8)>,
}

impl Scan {
    /// Only the newest segment can be torn: the others were synced before the next one began.
    fn tail_is_damage(&mut self) {
        if self.torn > 0 {
            self.damage.push((self.end, self.torn));
            self.torn = 0;
        }
    }
}

fn scan(bytes: &[u8], segment: u64, before: BatchSeq, replay: &mut impl FnMut(Frame)) -> Scan {
    let mut scan = Scan {
        end: SEGMENT_HEADER,
        last: before,
        ..Scan::default()
    };
    loop {
        let found = match frame::read(bytes, scan.end, segment) {
            Ok(found) => found,
            Err(NoFrame::End) => return scan,
            Err(NoFrame::Foreign(kind, version)) => {
                scan.foreign = Some((kind, version));
                return scan;
            }
            Err(NoFrame::Broken) => {
                let Some((at, found)) = next_whole(bytes, scan.end, segment, scan.last) else {
                    scan.torn = torn_len(bytes, scan.end);
                    return scan;
                };
                scan.damage.push((scan.end, at - scan.end));
                found
            }
        };
        let (frame, end) = found;
        scan.end = end;
        if frame.seq > scan.last {
            scan.last = frame.seq;
            scan.last_of.set(frame.kind, frame.seq);
            replay(frame);
        }
    }
}

/// The first whole frame after a broken one. Only a later batch counts.
fn next_whole(
    bytes: &[u8],
    broken: usize,
    segment: u64,
    last: BatchSeq,
) -> Option<(usize, (Frame, usize))> {
    (broken + ALIGN..bytes.len()).step_by(ALIGN).find_map(|at| {
        match frame::read(bytes, at, segment) {
            Ok(found) if found.0.seq > last => Some((at, found)),
            _ => None,
        }
    })
}

/// How many bytes a torn tail has: up to the zeros that were there before.
fn torn_len(bytes: &[u8], from: usize) -> usize {
    let tail = &bytes[from..];
    tail.iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |at| at + 1)
}

impl Recovery {
    fn note(&mut self, path: &Path, scan: &Scan) {
        self.last = self.last.max(scan.last);
        self.torn_bytes += scan.torn as u64;
        let damage = scan.damage.iter();
        self.damage
            .extend(damage.map(|(at, len)| (path.to_owned(), *at as u64, *len as u64)));
    }
}
