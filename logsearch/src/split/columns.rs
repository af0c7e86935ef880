use std::sync::Arc;

use tantivy::SegmentReader;
use tantivy::columnar::{Column, ColumnValues};
use watchfire_schemas::{SpanId, TraceId};

use crate::fields::InColumns;

/// The columns that a record's source leaves things to; those that the dataset has.
pub(super) struct Columns {
    times: Arc<dyn ColumnValues<i64>>,
    trace: Option<(Column<u64>, Column<u64>)>,
    span: Option<Column<i64>>,
}

impl Columns {
    pub(super) fn of(
        reader: &SegmentReader,
        times: &Arc<dyn ColumnValues<i64>>,
    ) -> tantivy::Result<Self> {
        let fields = reader.fast_fields();
        let high = fields.column_opt("trace_id.high")?;
        let low = fields.column_opt("trace_id.low")?;
        Ok(Self {
            times: Arc::clone(times),
            trace: high.zip(low),
            span: fields.column_opt("span_id")?,
        })
    }

    pub(super) fn at(&self, document: u32) -> InColumns {
        let trace = self.trace.as_ref().and_then(|(high, low)| {
            let (high, low) = (high.first(document)?, low.first(document)?);
            TraceId::from_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
        });
        let span = self.span.as_ref().and_then(|span| span.first(document));
        InColumns {
            time: self.times.get_val(document),
            trace_id: trace,
            span_id: span.and_then(|span| SpanId::from_bytes(span.to_be_bytes())),
        }
    }
}
