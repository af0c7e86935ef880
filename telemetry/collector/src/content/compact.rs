//! Log records in the log's own binary form, one after the other: smaller than their lines and
//! written without a look at every byte. A change of it is a new version of the frame.

pub(super) mod spans;

use serde_json::{Number, Value};
use watchfire_schemas::{
    Attributes, Exception, LogRecord, SeverityNumber, SpanId, Timestamp, TraceId,
};

const EVENT_NAME: u8 = 1;
const TRACE_ID: u8 = 2;
const SPAN_ID: u8 = 4;
const EXCEPTION: u8 = 8;
const EXCEPTION_GROUP: u8 = 16;
const PATTERN_ID: u8 = 32;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const UNSIGNED: u8 = 3;
/// A negative number.
const SIGNED: u8 = 4;
const FLOAT: u8 = 5;
const TEXT: u8 = 6;
/// An array or an object, as JSON.
const JSON: u8 = 7;

/// What is not a record of this form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CompactError {
    #[error("a record ends early")]
    Short,
    #[error("a text is not UTF-8")]
    NotText,
    #[error("a value is none")]
    NoValue,
}

/// Appends a record.
pub(super) fn write(record: &LogRecord, out: &mut Vec<u8>) {
    let parts = [
        (EVENT_NAME, record.event_name.is_some()),
        (TRACE_ID, record.trace_id.is_some()),
        (SPAN_ID, record.span_id.is_some()),
        (EXCEPTION, record.exception.is_some()),
        (EXCEPTION_GROUP, record.exception_group.is_some()),
        (PATTERN_ID, record.pattern_id.is_some()),
    ];
    let present = parts.into_iter().filter(|(_, is_there)| *is_there);
    let present = present.fold(0, |all, (part, _)| all | part);
    out.extend_from_slice(&record.timestamp.nanos().to_le_bytes());
    out.extend_from_slice(&[record.severity.get(), present]);
    text(&record.service, out);
    text(&record.message, out);
    if let Some(name) = &record.event_name {
        text(name, out);
    }
    if let Some(id) = record.trace_id {
        out.extend_from_slice(&id.bytes());
    }
    if let Some(id) = record.span_id {
        out.extend_from_slice(&id.bytes());
    }
    if let Some(exception) = &record.exception {
        text(&exception.kind, out);
        text(&exception.message, out);
        text(&exception.stacktrace, out);
    }
    if let Some(group) = &record.exception_group {
        text(group, out);
    }
    if let Some(pattern) = &record.pattern_id {
        text(pattern, out);
    }
    number(record.attributes.len() as u64, out);
    for (key, attribute) in &record.attributes {
        text(key, out);
        value(attribute, out);
    }
}

fn text(text: &str, out: &mut Vec<u8>) {
    number(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Seven bits a byte, the lowest first.
fn number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(false) => out.push(FALSE),
        Value::Bool(true) => out.push(TRUE),
        Value::Number(n) => match (n.as_u64(), n.as_i64()) {
            (Some(unsigned), _) => {
                out.push(UNSIGNED);
                number(unsigned, out);
            }
            (None, Some(negative)) => {
                out.push(SIGNED);
                number(negative.unsigned_abs(), out);
            }
            (None, None) => {
                out.push(FLOAT);
                let float = n.as_f64().expect("what is no whole number is a float");
                out.extend_from_slice(&float.to_le_bytes());
            }
        },
        Value::String(s) => {
            out.push(TEXT);
            text(s, out);
        }
        Value::Array(_) | Value::Object(_) => {
            out.push(JSON);
            text(&value.to_string(), out);
        }
    }
}

/// Every record of a payload.
pub(super) fn read(payload: &[u8], observed: Timestamp) -> Result<Vec<LogRecord>, CompactError> {
    let mut reader = Reader(payload);
    let mut records = Vec::new();
    while !reader.0.is_empty() {
        records.push(reader.record(observed)?);
    }
    Ok(records)
}

/// What is left of a payload.
struct Reader<'p>(&'p [u8]);

impl<'p> Reader<'p> {
    fn record(&mut self, observed: Timestamp) -> Result<LogRecord, CompactError> {
        let timestamp = Timestamp::from_nanos(i64::from_le_bytes(self.array()?));
        let [severity, present] = self.array()?;
        let severity = SeverityNumber::new(i64::from(severity)).ok_or(CompactError::NoValue)?;
        let mut record = LogRecord::new(timestamp, severity, self.text()?, self.text()?);
        record.observed_timestamp = observed;
        let has = |part: u8| present & part != 0;
        if has(EVENT_NAME) {
            record.event_name = Some(self.text()?.to_owned());
        }
        if has(TRACE_ID) {
            record.trace_id = TraceId::from_bytes(self.array()?);
        }
        if has(SPAN_ID) {
            record.span_id = SpanId::from_bytes(self.array()?);
        }
        if has(EXCEPTION) {
            record.exception = Some(Exception {
                kind: self.text()?.to_owned(),
                message: self.text()?.to_owned(),
                stacktrace: self.text()?.to_owned(),
            });
        }
        if has(EXCEPTION_GROUP) {
            record.exception_group = Some(self.text()?.to_owned());
        }
        if has(PATTERN_ID) {
            record.pattern_id = Some(self.text()?.to_owned());
        }
        record.attributes = self.attributes()?;
        Ok(record)
    }

    fn attributes(&mut self) -> Result<Attributes, CompactError> {
        let count = self.number()?;
        (0..count)
            .map(|_| Ok((self.text()?.to_owned(), self.value()?)))
            .collect()
    }

    fn value(&mut self) -> Result<Value, CompactError> {
        let [tag] = self.array()?;
        Ok(match tag {
            NULL => Value::Null,
            FALSE => Value::Bool(false),
            TRUE => Value::Bool(true),
            UNSIGNED => Value::from(self.number()?),
            SIGNED => Value::from(0_i64.wrapping_sub_unsigned(self.number()?)),
            FLOAT => Number::from_f64(f64::from_le_bytes(self.array()?))
                .map(Value::Number)
                .ok_or(CompactError::NoValue)?,
            TEXT => Value::from(self.text()?),
            JSON => serde_json::from_str(self.text()?).map_err(|_| CompactError::NoValue)?,
            _ => return Err(CompactError::NoValue),
        })
    }

    fn text(&mut self) -> Result<&'p str, CompactError> {
        let length = usize::try_from(self.number()?).map_err(|_| CompactError::Short)?;
        let bytes = self.bytes(length)?;
        std::str::from_utf8(bytes).map_err(|_| CompactError::NotText)
    }

    fn number(&mut self) -> Result<u64, CompactError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(CompactError::NoValue)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CompactError> {
        let bytes = self.bytes(N)?;
        Ok(bytes.try_into().expect("as long as was asked for"))
    }

    fn bytes(&mut self, length: usize) -> Result<&'p [u8], CompactError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(CompactError::Short)?;
        self.0 = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    pub(super) fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-c]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn record() -> impl Strategy<Value = LogRecord> {
        let text = || any::<String>();
        let ids = (any::<[u8; 16]>(), any::<[u8; 8]>());
        let options = (
            prop::option::of(text()),
            prop::option::of(text()),
            prop::option::of(text()),
            any::<bool>(),
        );
        let attributes = prop::collection::btree_map("[a-f.]{0,4}", values(), 0..5);
        (
            any::<i64>(),
            1..25_i64,
            (text(), text()),
            ids,
            options,
            attributes,
        )
            .prop_map(
                |(at, severity, (service, message), (trace, span), options, attributes)| {
                    let severity = SeverityNumber::new(severity).unwrap();
                    let at = Timestamp::from_nanos(at);
                    let mut record = LogRecord::new(at, severity, service, message.clone());
                    record.trace_id = TraceId::from_bytes(trace);
                    record.span_id = SpanId::from_bytes(span).filter(|_| options.3);
                    record.exception = options.3.then(|| Exception {
                        kind: "E".to_owned(),
                        message,
                        stacktrace: String::new(),
                    });
                    record.event_name = options.0;
                    record.exception_group = options.1;
                    record.pattern_id = options.2;
                    record.attributes = attributes.into_iter().collect();
                    record
                },
            )
    }

    proptest! {
        #[test]
        fn records_survive_and_a_cut_is_no_panic(
            records in prop::collection::vec(record(), 0..4), cut in 0_usize..4096, flip in 0_usize..4096,
        ) {
            let mut bytes = Vec::new();
            for record in &records {
                write(record, &mut bytes);
            }
            let observed = Timestamp::from_secs(5);
            let again: Vec<_> = records
                .into_iter()
                .map(|record| LogRecord { observed_timestamp: observed, ..record })
                .collect();
            prop_assert_eq!(read(&bytes, observed), Ok(again));
            if !bytes.is_empty() {
                drop(read(&bytes[..cut % bytes.len()], observed));
                let at = flip % bytes.len();
                bytes[at] ^= 0x41;
                drop(read(&bytes, observed));
            }
        }
    }

    #[test]
    fn it_is_much_smaller_than_the_line() {
        let mut record = LogRecord::new(
            Timestamp::from_secs(1),
            SeverityNumber::INFO,
            "shop",
            "paid",
        );
        record.trace_id = TraceId::from_bytes([7; 16]);
        record
            .attributes
            .insert("http.status".to_owned(), json!(200));
        let mut bytes = Vec::new();
        write(&record, &mut bytes);
        assert!(2 * bytes.len() < record.to_line().len(), "{}", bytes.len());
    }
}
