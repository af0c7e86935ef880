//! The field table of log records and of quarantined lines.

use watchfire_schemas::{LogRecord, RecordId, SeverityNumber, SeverityRange, SpanId, Timestamp};

use crate::fields::{Dataset, Field, Kind, NumberSource, Source, as_it_is};
use crate::log_cells::{self, slot};
use crate::row::{Cell, Row, RowWriter};

/// Accepted log records.
#[derive(Debug)]
pub(crate) struct Logs;

/// Lines that broke their contract.
#[derive(Debug)]
pub(crate) struct Quarantine;

/// Attributes that are fields of their own: asked for often.
const PROMOTED: [&str; 3] = ["deployment.environment.name", "host.name", "http.route"];

macro_rules! log_dataset {
    ($name:ident, $folder:literal) => {
        impl Dataset for $name {
            const NAME: &'static str = $folder;
            const SERVICE: usize = slot::SERVICE;
            type Record = LogRecord;

            fn fields() -> &'static [Field] {
                FIELDS
            }

            fn slots() -> &'static [&'static str] {
                &slot::NAMES
            }

            fn time(record: &LogRecord) -> i64 {
                record.timestamp.nanos()
            }

            fn write(record: &LogRecord, row: &mut RowWriter<'_>) {
                log_cells::write(record, row);
            }

            fn read(row: Row<'_>) -> Result<LogRecord, String> {
                log_cells::read(row)
            }

            fn severity(row: Row<'_>) -> usize {
                let number = match row.slot(slot::SEVERITY) {
                    Some(Cell::Int(number)) => SeverityNumber::new(number),
                    _ => None,
                };
                number.map_or(0, |number| number.range() as usize)
            }

            fn is_promoted(name: &str) -> bool {
                PROMOTED.contains(&name)
            }
        }
    };
}

log_dataset!(Logs, "logs");
log_dataset!(Quarantine, "quarantine");

const FIELDS: &[Field] = &[
    keyword("service", &["service.name"], Source::Slot(slot::SERVICE)),
    Field {
        name: "severity",
        aliases: &["level", "severity_number"],
        kind: Kind::Number {
            of: NumberSource::Slot(slot::SEVERITY),
            interval: severity_interval,
            show: show_severity,
            example: "ERROR, as in severity:>=WARN",
        },
    },
    keyword(
        PROMOTED[0],
        &["environment", "env"],
        Source::Attribute(PROMOTED[0]),
    ),
    keyword(PROMOTED[1], &["host"], Source::Attribute(PROMOTED[1])),
    keyword(PROMOTED[2], &["route"], Source::Attribute(PROMOTED[2])),
    keyword("event_name", &[], Source::Slot(slot::EVENT_NAME)),
    keyword("exception_group", &[], Source::Slot(slot::EXCEPTION_GROUP)),
    keyword("pattern_id", &[], Source::Slot(slot::PATTERN_ID)),
    keyword("exception.type", &[], Source::Slot(slot::EXCEPTION_TYPE)),
    text("message", slot::MESSAGE),
    text("exception.type.words", slot::EXCEPTION_TYPE),
    text("exception.message", slot::EXCEPTION_MESSAGE),
    text("exception.stacktrace", slot::STACKTRACE),
    Field {
        name: "trace_id",
        aliases: &["trace.id", "traceId"],
        kind: Kind::Trace {
            slot: slot::TRACE_ID,
        },
    },
    Field {
        name: "span_id",
        aliases: &["span.id", "spanId"],
        kind: span_id(slot::SPAN_ID),
    },
    Field {
        name: "timestamp",
        aliases: &["time"],
        kind: time(),
    },
    Field {
        name: "id",
        aliases: &["_id"],
        kind: record_id(),
    },
];

const fn keyword(name: &'static str, aliases: &'static [&'static str], of: Source) -> Field {
    Field {
        name,
        aliases,
        kind: Kind::Keyword { of, fold: as_it_is },
    }
}

const fn text(name: &'static str, slot: usize) -> Field {
    Field {
        name,
        aliases: &[],
        kind: Kind::Text { slot },
    }
}

/// Kinds that spans have as well.
pub(crate) const fn span_id(slot: usize) -> Kind {
    Kind::Number {
        of: NumberSource::Slot(slot),
        interval: |text| {
            let id: SpanId = text.parse().ok()?;
            let number = i64::from_be_bytes(id.bytes());
            Some((number, number))
        },
        show: |number| format!("{number:016x}"),
        example: "16 hexadecimal digits",
    }
}

pub(crate) const fn time() -> Kind {
    Kind::Number {
        of: NumberSource::Time,
        interval: |text| {
            let at: Timestamp = text.parse().ok()?;
            Some((at.nanos(), at.nanos()))
        },
        show: |nanos| Timestamp::from_nanos(nanos).to_string(),
        example: "an RFC 3339 time such as 2026-11-22T05:57:27Z",
    }
}

pub(crate) const fn record_id() -> Kind {
    Kind::Number {
        of: NumberSource::Id,
        interval: |text| {
            let id: RecordId = text.parse().ok()?;
            Some((id.as_u64() as i64, id.as_u64() as i64))
        },
        show: |number| RecordId::from_u64(number as u64).to_string(),
        example: "a record id such as 1a2b-3",
    }
}

/// `ERROR` stands for 17 to 20; a number for itself; names in any case, and what others call them.
fn severity_interval(text: &str) -> Option<(i64, i64)> {
    if let Ok(number) = text.parse::<i64>() {
        return Some((number, number));
    }
    let name = match text.to_ascii_uppercase().as_str() {
        "WARNING" => "WARN".to_owned(),
        "ERR" => "ERROR".to_owned(),
        "CRITICAL" => "FATAL".to_owned(),
        name => name.to_owned(),
    };
    let range: SeverityRange = name.parse().ok()?;
    let lowest = i64::from(range.number().get());
    Some((lowest, lowest + 3))
}

fn show_severity(number: i64) -> String {
    let range = SeverityRange::ALL
        .into_iter()
        .rev()
        .find(|r| i64::from(r.number().get()) <= number);
    range.map_or_else(String::new, |range| range.as_str().to_owned())
}
