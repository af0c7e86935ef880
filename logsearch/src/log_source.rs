//! How a log record is kept in a split: what no column holds, as JSON.

use serde::{Deserialize, Serialize};
use watchfire_schemas::{Attributes, Exception, LogRecord, SeverityNumber, Timestamp};

use crate::fields::InColumns;

/// The keys are short, the order puts first what neighbours share.
#[derive(Serialize)]
struct Written<'r> {
    observed: i64,
    severity: u8,
    service: &'r str,
    attributes: &'r Attributes,
    message: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exception: Option<&'r Exception>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<&'r str>,
}

#[derive(Deserialize)]
struct Read {
    observed: i64,
    severity: i64,
    service: String,
    attributes: Attributes,
    message: String,
    event: Option<String>,
    exception: Option<Exception>,
    group: Option<String>,
    pattern: Option<String>,
}

/// Its time and its ids are left to their columns: they are as good as random, so they would be a
/// third of what a compressed source takes.
pub(crate) fn write(record: &LogRecord, out: &mut Vec<u8>) {
    let written = Written {
        observed: record.observed_timestamp.nanos(),
        severity: record.severity.get(),
        service: &record.service,
        attributes: &record.attributes,
        message: &record.message,
        event: record.event_name.as_deref(),
        exception: record.exception.as_ref(),
        group: record.exception_group.as_deref(),
        pattern: record.pattern_id.as_deref(),
    };
    serde_json::to_writer(out, &written).expect("writing JSON to memory does not fail");
}

/// The record that was written, with what the columns of its document hold.
pub(crate) fn read(source: &[u8], columns: InColumns) -> Result<LogRecord, String> {
    let read: Read = serde_json::from_slice(source).map_err(|error| error.to_string())?;
    Ok(LogRecord {
        timestamp: Timestamp::from_nanos(columns.time),
        observed_timestamp: Timestamp::from_nanos(read.observed),
        severity: SeverityNumber::new(read.severity).ok_or("a severity that is none")?,
        service: read.service,
        message: read.message,
        event_name: read.event,
        trace_id: columns.trace_id,
        span_id: columns.span_id,
        exception: read.exception,
        exception_group: read.group,
        pattern_id: read.pattern,
        attributes: read.attributes,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_survives() {
        let mut record = LogRecord::new(
            Timestamp::from_nanos(1_795_219_200_003_701_544),
            SeverityNumber::new(18).unwrap(),
            "shop",
            "capture \"failed\"\n",
        );
        let check = |record: &LogRecord| {
            let mut source = Vec::new();
            write(record, &mut source);
            let columns = InColumns {
                time: record.timestamp.nanos(),
                trace_id: record.trace_id,
                span_id: record.span_id,
            };
            assert_eq!(read(&source, columns).as_ref(), Ok(record));
        };
        check(&record);
        record.observed_timestamp = Timestamp::from_secs(9);
        record.event_name = Some("capture".to_owned());
        record.trace_id = "4bf92f3577b34da6a3ce929d0e0e4736".parse().ok();
        record.span_id = "00f067aa0ba902b7".parse().ok();
        record.exception = Some(Exception {
            kind: "E".to_owned(),
            ..Exception::default()
        });
        record.exception_group = Some("0123456789abcdef".to_owned());
        record.pattern_id = Some("p1".to_owned());
        record.attributes =
            json!({"a.b": [1, {"c": null}], "n": 18_446_744_073_709_551_615_u64, "f": 0.1})
                .as_object()
                .unwrap()
                .clone();
        check(&record);
    }

    #[test]
    fn what_was_not_written_here_is_refused() {
        let columns = InColumns {
            time: 0,
            trace_id: None,
            span_id: None,
        };
        assert!(read(b"", columns).is_err());
        let source = br#"{"observed":0,"severity":99,"service":"","attributes":{},"message":""}"#;
        assert!(read(source, columns).is_err());
    }
}
