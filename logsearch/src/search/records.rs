use std::io;
use std::sync::Arc;

use watchfire_schemas::RecordId;

use super::{Candidate, Place};
use crate::fields::Dataset;
use crate::row::Row;
use crate::split::Split;

/// A page takes no more memory than about this; what does not fit is on the next one.
const PAGE_BYTES: usize = 64 << 20;
/// So many are read before it is looked how much memory they take.
const AT_ONCE: usize = 128;

/// Records of a page, and whether all of them fit.
pub(super) struct Records<R> {
    pub(super) read: Vec<(RecordId, R)>,
    pub(super) fit: bool,
}

/// Reads the records of a page.
pub(super) fn records<D: Dataset>(
    candidates: &[Candidate<'_, D>],
) -> io::Result<Records<D::Record>> {
    let mut records = Vec::with_capacity(candidates.len());
    let mut bytes = 0;
    for part in candidates.chunks(AT_ONCE) {
        for (candidate, (record, size)) in part.iter().zip(read(part)?) {
            bytes += size;
            if bytes > PAGE_BYTES && !records.is_empty() {
                let (read, fit) = (records, false);
                return Ok(Records { read, fit });
            }
            records.push((RecordId::from_u64(candidate.position.id), record));
        }
    }
    let (read, fit) = (records, true);
    Ok(Records { read, fit })
}

/// The records, those of one split together, and how much memory each takes at least.
fn read<D: Dataset>(candidates: &[Candidate<'_, D>]) -> io::Result<Vec<(D::Record, usize)>> {
    let record = |row: Row<'_>| {
        let record = D::read(row).map_err(io::Error::other)?;
        io::Result::Ok((record, row.bytes()))
    };
    let mut records = Vec::with_capacity(candidates.len());
    let mut from_splits: Vec<(usize, &Arc<Split<D>>, u32)> = Vec::new();
    for (index, candidate) in candidates.iter().enumerate() {
        records.push(match candidate.place {
            Place::Tail(row) => Some(record(row)?),
            Place::Split(split, document) => {
                from_splits.push((index, split, document));
                None
            }
        });
    }
    from_splits.sort_by_key(|(_, split, document)| (split.meta.number, *document));
    for group in from_splits.chunk_by(|a, b| a.1.meta.number == b.1.meta.number) {
        let documents: Vec<u32> = group.iter().map(|(_, _, document)| *document).collect();
        let rows = group[0].1.rows(&documents)?;
        for ((index, ..), row) in group.iter().zip(rows.iter()) {
            records[*index] = Some(record(row)?);
        }
    }
    Ok(records.into_iter().flatten().collect())
}
