use watchfire_schemas::{BatchSeq, RecordId, Timestamp};

use crate::fields::Dataset;
use crate::row::Rows;

/// A batch in memory.
#[derive(Debug)]
pub(crate) struct TailBatch {
    pub(crate) batch: BatchSeq,
    /// Never empty.
    pub(crate) rows: Rows,
    pub(crate) bytes: usize,
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    pub(crate) appended_at: Timestamp,
}

impl TailBatch {
    /// `None` for a batch without records. Records beyond [`RecordId::MAX_BATCH`] cannot be named;
    /// the log's owner parts batches long before.
    pub(crate) fn new<D: Dataset>(
        batch: BatchSeq,
        records: &[D::Record],
        now: Timestamp,
    ) -> Option<Self> {
        let mut rows = Rows::new(D::slots());
        for (index, record) in records.iter().take(RecordId::MAX_BATCH).enumerate() {
            let id = RecordId::new(batch, index).as_u64();
            rows.push(D::time(record), id, |row| D::write(record, row));
        }
        rows.shrink();
        let times = || rows.iter().map(crate::row::Row::time);
        Some(Self {
            batch,
            bytes: rows.bytes(),
            min_time: times().min()?,
            max_time: times().max()?,
            rows,
            appended_at: now,
        })
    }
}
