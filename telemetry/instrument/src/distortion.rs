use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use opentelemetry_sdk::trace::SpanData;
use watchfire_schemas::{LogRecord, Timestamp};

/// Makes what a service emits wrong on its way out, so that people can practise how that looks. It
/// is asked for each batch and record; lines on standard output stay
/// as they are.
pub trait Distortion: Debug + Send + Sync {
    /// Whether anything is wrong at present.
    fn is_on(&self) -> bool;

    /// How far ahead the clock is that dates logs and spans, in seconds; 0 if it is right.
    fn clock_offset(&self) -> i64;

    /// Changes a record as it pleases.
    fn distort(&self, record: &mut LogRecord);
}

/// Logs as they go out.
pub(crate) fn distort_logs(distortion: &dyn Distortion, records: &mut [LogRecord]) {
    let offset = distortion.clock_offset().saturating_mul(1_000_000_000);
    for record in records {
        let at = record.timestamp.nanos().saturating_add(offset);
        record.timestamp = Timestamp::from_nanos(at);
        distortion.distort(record);
    }
}

/// Spans as they go out.
pub(crate) fn distort_spans(distortion: &dyn Distortion, spans: &mut [SpanData]) {
    let offset = distortion.clock_offset();
    if offset == 0 {
        return;
    }
    for span in spans {
        span.start_time = shifted(span.start_time, offset);
        span.end_time = shifted(span.end_time, offset);
        for event in &mut span.events.events {
            event.timestamp = shifted(event.timestamp, offset);
        }
    }
}

fn shifted(at: SystemTime, seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let shifted = if seconds < 0 {
        at.checked_sub(by)
    } else {
        at.checked_add(by)
    };
    shifted.unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use watchfire_schemas::SeverityNumber;

    use super::*;

    #[derive(Debug)]
    struct Late;

    impl Distortion for Late {
        fn is_on(&self) -> bool {
            true
        }

        fn clock_offset(&self) -> i64 {
            -20
        }

        fn distort(&self, record: &mut LogRecord) {
            record.message.push('!');
        }
    }

    #[test]
    fn a_clock_that_is_off_dates_logs_and_spans_alike() {
        let at = Timestamp::from_secs(100);
        let mut records = [LogRecord::new(at, SeverityNumber::INFO, "shop", "sold")];
        distort_logs(&Late, &mut records);
        assert_eq!(records[0].timestamp, Timestamp::from_secs(80));
        assert_eq!(records[0].message, "sold!");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        assert_eq!(shifted(at, -20), at - Duration::from_secs(20));
        assert_eq!(shifted(at, 20), at + Duration::from_secs(20));
        assert_eq!(shifted(at, i64::MAX), at);
    }
}
