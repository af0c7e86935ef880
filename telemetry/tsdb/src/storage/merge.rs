//! What several parts of a series hold, as chunks that follow each other.

use std::io;
use std::sync::Arc;

use super::chunk::Chunk;
use super::late::pack_histograms;
use super::slice::{Part, Slice};

/// The samples of some parts as chunks; where parts hold the same time, the later part counts.
pub(crate) fn merged_chunks(parts: Vec<Part>) -> io::Result<Vec<Chunk>> {
    let all = Slice {
        labels: Arc::default(),
        carried: false,
        parts,
    };
    let points = all.decode(i64::MIN, i64::MAX, i64::MAX)?;
    let mut chunks = Chunk::pack(&points.floats);
    chunks.extend(pack_histograms(&points.histograms));
    chunks.sort_by_key(|chunk| chunk.min_t);
    Ok(chunks)
}
