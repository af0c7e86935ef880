use watchfire_schemas::{BatchSeq, RecordId, Timestamp};

use crate::fields::Dataset;
use crate::row::Row;

/// A batch in memory.
#[derive(Debug)]
pub(crate) struct TailBatch<D: Dataset> {
    pub(crate) batch: BatchSeq,
    /// Never empty.
    pub(crate) rows: Vec<Row<D>>,
    pub(crate) bytes: usize,
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    pub(crate) appended_at: Timestamp,
}

impl<D: Dataset> TailBatch<D> {
    /// `None` for a batch without records. Records beyond [`RecordId::MAX_BATCH`] cannot be named;
    /// the log's owner parts batches long before.
    pub(crate) fn new(batch: BatchSeq, records: Vec<D::Record>, now: Timestamp) -> Option<Self> {
        let rows: Vec<_> = records
            .into_iter()
            .take(RecordId::MAX_BATCH)
            .enumerate()
            .map(|(index, record)| Row::new(RecordId::new(batch, index), record))
            .collect();
        let times = || rows.iter().map(|row| row.position().time);
        Some(Self {
            batch,
            bytes: rows.iter().map(Row::bytes).sum(),
            min_time: times().min()?,
            max_time: times().max()?,
            rows,
            appended_at: now,
        })
    }
}
