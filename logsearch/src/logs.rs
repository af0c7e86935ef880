//! The field table of log records and of quarantined lines.

use serde_json::Value;
use watchfire_schemas::{Attributes, LogRecord, RecordId, SeverityRange, SpanId, Timestamp};

use crate::fields::{Dataset, EachText, Field, InColumns, Kind, NumberStore, as_it_is};
use crate::log_source;
use crate::scalar::{Scalar, each_scalar};

/// Accepted log records.
#[derive(Debug)]
pub(crate) struct Logs;

/// Lines that broke their contract.
#[derive(Debug)]
pub(crate) struct Quarantine;

/// Attributes with a column of their own: asked for often, with few values.
const PROMOTED: [&str; 3] = ["deployment.environment.name", "host.name", "http.route"];

macro_rules! log_dataset {
    ($name:ident, $folder:literal) => {
        impl Dataset for $name {
            const NAME: &'static str = $folder;
            type Record = LogRecord;

            fn fields() -> &'static [Field<LogRecord>] {
                FIELDS
            }

            fn time(record: &LogRecord) -> i64 {
                record.timestamp.nanos()
            }

            fn service(record: &LogRecord) -> &str {
                &record.service
            }

            fn severity(record: &LogRecord) -> usize {
                record.severity.range() as usize
            }

            fn each_attribute(record: &LogRecord, each: &mut dyn FnMut(&str, Scalar<'_>)) {
                each_attribute(record, each);
            }

            fn write_source(record: &LogRecord, out: &mut Vec<u8>) {
                log_source::write(record, out);
            }

            fn read_source(source: &[u8], columns: InColumns) -> Result<LogRecord, String> {
                log_source::read(source, columns)
            }

            fn bytes(record: &LogRecord) -> usize {
                bytes(record)
            }
        }
    };
}

log_dataset!(Logs, "logs");
log_dataset!(Quarantine, "quarantine");

const FIELDS: &[Field<LogRecord>] = &[
    keyword("service", &["service.name"], |r, each| each(&r.service)),
    Field {
        name: "severity",
        aliases: &["level", "severity_number"],
        kind: Kind::Number {
            of: |r| Some(i64::from(r.severity.get())),
            interval: severity_interval,
            show: show_severity,
            example: "ERROR, as in severity:>=WARN",
            store: NumberStore::Terms { up_to: 24 },
        },
    },
    keyword(PROMOTED[0], &["environment", "env"], |r, each| {
        promoted(r, PROMOTED[0], each);
    }),
    keyword(PROMOTED[1], &["host"], |r, each| {
        promoted(r, PROMOTED[1], each);
    }),
    keyword(PROMOTED[2], &["route"], |r, each| {
        promoted(r, PROMOTED[2], each);
    }),
    keyword("event_name", &[], |r, each| {
        r.event_name.iter().for_each(|name| each(name));
    }),
    keyword("exception_group", &[], |r, each| {
        r.exception_group.iter().for_each(|group| each(group));
    }),
    keyword("pattern_id", &[], |r, each| {
        r.pattern_id.iter().for_each(|id| each(id));
    }),
    keyword("exception.type", &[], |r, each| {
        if let Some(exception) = r.exception.as_ref().filter(|e| !e.kind.is_empty()) {
            each(&exception.kind);
        }
    }),
    text("message", |r| &r.message),
    text("exception.type.words", |r| {
        r.exception.as_ref().map_or("", |e| &e.kind)
    }),
    text("exception.message", |r| {
        r.exception.as_ref().map_or("", |e| &e.message)
    }),
    text("exception.stacktrace", |r| {
        r.exception.as_ref().map_or("", |e| &e.stacktrace)
    }),
    Field {
        name: "trace_id",
        aliases: &["trace.id", "traceId"],
        kind: Kind::Trace {
            of: |r| r.trace_id,
            as_terms: false,
        },
    },
    Field {
        name: "span_id",
        aliases: &["span.id", "spanId"],
        kind: span_id(|r| r.span_id.map(|id| i64::from_be_bytes(id.bytes()))),
    },
    Field {
        name: "timestamp",
        aliases: &["time"],
        kind: time(|r| Some(r.timestamp.nanos())),
    },
    Field {
        name: "id",
        aliases: &["_id"],
        kind: record_id(),
    },
];

const fn keyword<R>(
    name: &'static str,
    aliases: &'static [&'static str],
    each: EachText<R>,
) -> Field<R> {
    Field {
        name,
        aliases,
        kind: Kind::Keyword {
            each,
            fold: as_it_is,
        },
    }
}

const fn text<R>(name: &'static str, of: fn(&R) -> &str) -> Field<R> {
    Field {
        name,
        aliases: &[],
        kind: Kind::Text { of },
    }
}

/// Kinds that spans have as well.
pub(crate) const fn span_id<R>(of: fn(&R) -> Option<i64>) -> Kind<R> {
    Kind::Number {
        of,
        interval: |text| {
            let id: SpanId = text.parse().ok()?;
            let number = i64::from_be_bytes(id.bytes());
            Some((number, number))
        },
        show: |number| format!("{number:016x}"),
        example: "16 hexadecimal digits",
        store: NumberStore::Column,
    }
}

pub(crate) const fn time<R>(of: fn(&R) -> Option<i64>) -> Kind<R> {
    Kind::Number {
        of,
        interval: |text| {
            let at: Timestamp = text.parse().ok()?;
            Some((at.nanos(), at.nanos()))
        },
        show: |nanos| Timestamp::from_nanos(nanos).to_string(),
        example: "an RFC 3339 time such as 2026-11-22T05:57:27Z",
        store: NumberStore::Time,
    }
}

pub(crate) const fn record_id<R>() -> Kind<R> {
    Kind::Number {
        // The id is not the record's own; rows and splits keep it beside it.
        of: |_| None,
        interval: |text| {
            let id: RecordId = text.parse().ok()?;
            Some((id.as_u64() as i64, id.as_u64() as i64))
        },
        show: |number| RecordId::from_u64(number as u64).to_string(),
        example: "a record id such as 1a2b-3",
        store: NumberStore::Id,
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

fn promoted(record: &LogRecord, key: &str, each: &mut dyn FnMut(&str)) {
    if let Some(value) = record.attributes.get(key) {
        each_scalar(key, value, &mut |path, scalar| match scalar {
            _ if path != key => {}
            Scalar::Text(text) => each(text),
            other => each(&other.to_text()),
        });
    }
}

fn each_attribute(record: &LogRecord, each: &mut dyn FnMut(&str, Scalar<'_>)) {
    for (key, value) in &record.attributes {
        each_scalar(key, value, &mut |path, scalar| {
            if !PROMOTED.contains(&path) {
                each(path, scalar);
            }
        });
    }
}

fn bytes(record: &LogRecord) -> usize {
    let exception = record.exception.as_ref().map_or(0, |e| {
        heap(e.kind.len()) + heap(e.message.len()) + heap(e.stacktrace.len())
    });
    size_of::<LogRecord>()
        + heap(record.service.len())
        + heap(record.message.len())
        + exception
        + attribute_bytes(&record.attributes)
}

/// About how much memory attributes take: the nodes of their tree, which are made whole, and what
/// keys and values hold.
pub(crate) fn attribute_bytes(attributes: &Attributes) -> usize {
    /// A leaf of the tree has room for this many entries, and is filled with six or more.
    const LEAF_ENTRIES: usize = 11;
    const FILLED: usize = 6;
    const LEAF: usize = LEAF_ENTRIES * (size_of::<String>() + size_of::<Value>());
    fn held(value: &Value) -> usize {
        match value {
            Value::String(text) => heap(text.len()),
            Value::Array(elements) => elements
                .iter()
                .map(|element| size_of::<Value>() + held(element))
                .sum(),
            Value::Object(members) => attribute_bytes(members),
            _ => 0,
        }
    }
    let leaves = match attributes.len() {
        0 => 0,
        few if few <= LEAF_ENTRIES => 1,
        many => many.div_ceil(FILLED),
    };
    let entries = attributes.iter();
    leaves * LEAF
        + entries
            .map(|(key, value)| heap(key.len()) + held(value))
            .sum::<usize>()
}

/// What the allocator gives for a text: nothing for none, else steps of 16 bytes.
fn heap(len: usize) -> usize {
    len.next_multiple_of(16)
}
