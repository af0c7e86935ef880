//! A log record as cells of a row, and back.

use serde_json::{Map, Value};
use watchfire_schemas::{Exception, LogRecord, SeverityNumber, SpanId, Timestamp, TraceId};

use crate::row::{Cell, Part, Row, RowWriter};

/// The slots of a log record.
pub(crate) mod slot {
    pub(crate) const SERVICE: usize = 0;
    pub(crate) const SEVERITY: usize = 1;
    pub(crate) const MESSAGE: usize = 2;
    pub(crate) const OBSERVED: usize = 3;
    pub(crate) const TRACE_ID: usize = 4;
    pub(crate) const SPAN_ID: usize = 5;
    pub(crate) const PATTERN_ID: usize = 6;
    pub(crate) const EVENT_NAME: usize = 7;
    pub(crate) const EXCEPTION_TYPE: usize = 8;
    pub(crate) const EXCEPTION_MESSAGE: usize = 9;
    pub(crate) const STACKTRACE: usize = 10;
    pub(crate) const EXCEPTION_GROUP: usize = 11;

    pub(crate) const NAMES: [&str; 12] = [
        "service",
        "severity",
        "message",
        "observed_timestamp",
        "trace_id",
        "span_id",
        "pattern_id",
        "event_name",
        "exception.type",
        "exception.message",
        "exception.stacktrace",
        "exception_group",
    ];
}

pub(crate) fn write(record: &LogRecord, row: &mut RowWriter<'_>) {
    row.slot(slot::SERVICE, Cell::Text(&record.service));
    row.slot(slot::SEVERITY, Cell::Int(i64::from(record.severity.get())));
    row.slot(slot::MESSAGE, Cell::Text(&record.message));
    row.slot(slot::OBSERVED, Cell::Int(record.observed_timestamp.nanos()));
    if let Some(id) = record.trace_id {
        row.slot(slot::TRACE_ID, Cell::Id(u128::from_be_bytes(id.bytes())));
    }
    if let Some(id) = record.span_id {
        row.slot(slot::SPAN_ID, Cell::Int(i64::from_be_bytes(id.bytes())));
    }
    row.text(slot::PATTERN_ID, record.pattern_id.as_deref());
    row.text(slot::EVENT_NAME, record.event_name.as_deref());
    if let Some(exception) = &record.exception {
        let Exception {
            kind,
            message,
            stacktrace,
        } = exception;
        // An empty message says that there is an exception, of which nothing else is known.
        let is_blank = kind.is_empty() && stacktrace.is_empty();
        let said = |text: &str| !text.is_empty();
        row.text(
            slot::EXCEPTION_TYPE,
            Some(kind.as_str()).filter(|t| said(t)),
        );
        row.text(
            slot::EXCEPTION_MESSAGE,
            Some(message.as_str()).filter(|t| said(t) || is_blank),
        );
        row.text(
            slot::STACKTRACE,
            Some(stacktrace.as_str()).filter(|t| said(t)),
        );
    }
    row.text(slot::EXCEPTION_GROUP, record.exception_group.as_deref());
    row.attributes(Part::Attribute, &record.attributes);
}

/// The record that was written.
pub(crate) fn read(row: Row<'_>) -> Result<LogRecord, String> {
    let time = Timestamp::from_nanos(row.time());
    let severity = SeverityNumber::new(9).ok_or("a severity that is none")?;
    let mut record = LogRecord::new(time, severity, "", "");
    for (key, cell) in row.cells().take_while(|(key, _)| *key < slot::NAMES.len()) {
        read_slot(&mut record, key, cell)?;
    }
    let attributes = row.attributes();
    record.attributes = attributes
        .map(|(_, name, cell)| (name.to_owned(), cell.to_value()))
        .collect::<Map<String, Value>>();
    Ok(record)
}

fn read_slot(record: &mut LogRecord, slot: usize, cell: Cell<'_>) -> Result<(), String> {
    let exception = &mut record.exception;
    match (slot, cell) {
        (slot::SERVICE, Cell::Text(text)) => text.clone_into(&mut record.service),
        (slot::SEVERITY, Cell::Int(number)) => {
            record.severity = SeverityNumber::new(number).ok_or("a severity that is none")?;
        }
        (slot::MESSAGE, Cell::Text(text)) => text.clone_into(&mut record.message),
        (slot::OBSERVED, Cell::Int(nanos)) => {
            record.observed_timestamp = Timestamp::from_nanos(nanos);
        }
        (slot::TRACE_ID, Cell::Id(id)) => record.trace_id = TraceId::from_bytes(id.to_be_bytes()),
        (slot::SPAN_ID, Cell::Int(id)) => record.span_id = SpanId::from_bytes(id.to_be_bytes()),
        (slot::PATTERN_ID, Cell::Text(text)) => record.pattern_id = Some(text.to_owned()),
        (slot::EVENT_NAME, Cell::Text(text)) => record.event_name = Some(text.to_owned()),
        (slot::EXCEPTION_TYPE, Cell::Text(text)) => {
            text.clone_into(&mut exception.get_or_insert_default().kind);
        }
        (slot::EXCEPTION_MESSAGE, Cell::Text(text)) => {
            text.clone_into(&mut exception.get_or_insert_default().message);
        }
        (slot::STACKTRACE, Cell::Text(text)) => {
            text.clone_into(&mut exception.get_or_insert_default().stacktrace);
        }
        (slot::EXCEPTION_GROUP, Cell::Text(text)) => {
            record.exception_group = Some(text.to_owned());
        }
        _ => return Err(format!("{} of another type", slot::NAMES[slot])),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::row::Rows;

    #[test]
    fn a_record_survives() {
        let mut record = LogRecord::new(
            Timestamp::from_nanos(1_795_219_200_003_701_544),
            SeverityNumber::new(18).unwrap(),
            "shop",
            "capture \"failed\"\n",
        );
        let check = |record: &LogRecord| {
            let mut rows = Rows::new(&slot::NAMES);
            rows.push(record.timestamp.nanos(), 7, |row| write(record, row));
            assert_eq!(read(rows.row(0)).as_ref(), Ok(record));
        };
        check(&record);
        record.observed_timestamp = Timestamp::from_secs(9);
        record.event_name = Some("capture".to_owned());
        record.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok();
        record.span_id = "f0f067aa0ba902b7".parse().ok();
        record.exception = Some(Exception::default());
        check(&record);
        record.exception = Some(Exception {
            kind: "E".to_owned(),
            ..Exception::default()
        });
        record.exception_group = Some("0123456789abcdef".to_owned());
        record.pattern_id = Some("p1".to_owned());
        let attributes: Map<String, Value> = json!({
            "a.b": [1, {"c": null}], "n": 18_446_744_073_709_551_615_u64, "f": 0.1, "whole": 5.0,
            "none": null, "true": true, "empty": {}, "": "", "i": -7,
        })
        .as_object()
        .unwrap()
        .clone();
        record.attributes = attributes;
        check(&record);
    }

    #[test]
    fn what_was_not_written_here_is_refused() {
        let mut rows = Rows::new(&slot::NAMES);
        rows.push(0, 0, |row| row.slot(slot::SEVERITY, Cell::Int(99)));
        rows.push(0, 0, |row| row.slot(slot::SERVICE, Cell::Int(0)));
        assert!(read(rows.row(0)).is_err());
        assert!(read(rows.row(1)).is_err());
    }
}
