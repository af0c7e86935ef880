//! What a request will take in memory, found on the wire before anything of it is decoded: a
//! message of two bytes can become one of half a kilobyte.

/// A message of OTLP, as far as its fields lead to others that are many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Logs,
    Traces,
    Metrics,
    /// Of logs, spans or metrics of one resource.
    ResourceGroup(Leaf),
    ScopeGroup(Leaf),
    /// A resource or a scope, with the field of its attributes: every record gets a copy of them.
    Shared(u64),
    Leaf(Leaf),
    KeyValue,
    AnyValue,
    Values,
    KeyValues,
    Event,
    Link,
    /// The data of a metric, and the points in it.
    Data,
    Point,
    Exemplar,
}

/// What a request consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaf {
    Record,
    Span,
    Metric,
}

/// How deep messages may lie in each other: as deep as they are decoded.
const DEPTH: usize = 100;
/// A key and a value so short cannot hold many values in a list.
const SHORT: usize = 64;

impl Part {
    /// The bytes of one in memory without its texts: as it is decoded, and as it is kept.
    fn bytes(self) -> usize {
        match self {
            Self::Logs | Self::Traces | Self::Metrics => 0,
            Self::Leaf(Leaf::Record) => 1200,
            Self::Leaf(Leaf::Span) => 2400,
            Self::Leaf(Leaf::Metric) | Self::Point | Self::Event | Self::Link => 1000,
            Self::KeyValue => 160,
            Self::AnyValue | Self::Values | Self::KeyValues => 80,
            Self::ResourceGroup(_) | Self::ScopeGroup(_) | Self::Shared(_) => 300,
            Self::Data | Self::Exemplar => 200,
        }
    }

    /// What the field holds, if it is a message that counts.
    fn field(self, number: u64) -> Option<Self> {
        Some(match (self, number) {
            (Self::Logs, 1) => Self::ResourceGroup(Leaf::Record),
            (Self::Traces, 1) => Self::ResourceGroup(Leaf::Span),
            (Self::Metrics, 1) => Self::ResourceGroup(Leaf::Metric),
            (Self::ResourceGroup(_), 1) => Self::Shared(1),
            (Self::ResourceGroup(leaf), 2) => Self::ScopeGroup(leaf),
            (Self::ScopeGroup(_), 1) => Self::Shared(3),
            (Self::ScopeGroup(leaf), 2) => Self::Leaf(leaf),
            (Self::Shared(attributes), number) if number == attributes => Self::KeyValue,
            (Self::Leaf(Leaf::Record), 5) | (Self::KeyValue, 2) | (Self::Values, 1) => {
                Self::AnyValue
            }
            (Self::Leaf(Leaf::Record), 6)
            | (Self::Leaf(Leaf::Span), 9)
            | (Self::Event, 3)
            | (Self::Link, 4)
            | (Self::Point, 1 | 7 | 9)
            | (Self::Exemplar, 7)
            | (Self::KeyValues, 1)
            | (Self::Leaf(Leaf::Metric), 12) => Self::KeyValue,
            (Self::Leaf(Leaf::Span), 11) => Self::Event,
            (Self::Leaf(Leaf::Span), 13) => Self::Link,
            (Self::AnyValue, 5) => Self::Values,
            (Self::AnyValue, 6) => Self::KeyValues,
            (Self::Leaf(Leaf::Metric), 5 | 7 | 9 | 10 | 11) => Self::Data,
            (Self::Data, 1) => Self::Point,
            (Self::Point, 5 | 8 | 11) => Self::Exemplar,
            _ => return None,
        })
    }
}

/// What was counted of a message.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    bytes: usize,
    /// How many get a copy of what a resource or scope says.
    leaves: usize,
    /// What each of them gets.
    shared: usize,
}

/// The bytes that a request in protobuf takes at most while it is worked on. What is no protobuf
/// counts as far as it can be read: it is refused when it is decoded.
pub(crate) fn of_protobuf(body: &[u8], part: Part) -> usize {
    // Texts are kept once decoded and once for the log.
    let texts = body.len().saturating_mul(2);
    count(body, part, DEPTH).bytes.saturating_add(texts)
}

/// The same of JSON: each object is a node of a tree, each comma parts two values.
pub(crate) fn of_json(body: &[u8]) -> usize {
    let marks = Marks::of(body);
    let nodes = marks.objects * 700 + marks.arrays * 100;
    nodes + marks.commas * 160 + body.len() * 3
}

/// The same of lines of JSON, which are read one by one.
pub(crate) fn of_lines(body: &[u8]) -> usize {
    let marks = Marks::of(body);
    (marks.lines + 1) * 1200 + marks.commas * 160 + body.len() * 2
}

/// How often the bytes come that make JSON large in memory.
#[derive(Debug, Default)]
struct Marks {
    objects: usize,
    arrays: usize,
    commas: usize,
    lines: usize,
}

impl Marks {
    fn of(body: &[u8]) -> Self {
        let mut marks = Self::default();
        for byte in body {
            marks.objects += usize::from(*byte == b'{');
            marks.arrays += usize::from(*byte == b'[');
            marks.commas += usize::from(*byte == b',');
            marks.lines += usize::from(*byte == b'\n');
        }
        marks
    }
}

fn count(message: &[u8], part: Part, depth: usize) -> Count {
    let mut all = Count {
        bytes: part.bytes(),
        ..Count::default()
    };
    if depth == 0 {
        return all;
    }
    let mut fields = Fields(message);
    while let Some((number, value)) = fields.next() {
        let Some(inner) = part.field(number) else {
            // Numbers of a histogram.
            all.bytes += if part == Part::Point {
                2 * value.len()
            } else {
                0
            };
            continue;
        };
        if inner == Part::KeyValue && value.len() <= SHORT {
            all.bytes += inner.bytes() + Part::AnyValue.bytes();
            continue;
        }
        let counted = count(value, inner, depth - 1);
        match inner {
            Part::Shared(_) => all.shared += counted.bytes + 2 * value.len(),
            Part::Leaf(_) => all.leaves += 1,
            _ => all.leaves += counted.leaves,
        }
        all.bytes = all.bytes.saturating_add(counted.bytes);
    }
    all.bytes = all
        .bytes
        .saturating_add(all.shared.saturating_mul(all.leaves));
    all
}

/// The fields of a message that have a length, with their numbers.
struct Fields<'m>(&'m [u8]);

impl<'m> Fields<'m> {
    fn next(&mut self) -> Option<(u64, &'m [u8])> {
        loop {
            let key = self.number()?;
            match key & 7 {
                0 => drop(self.number()?),
                1 => drop(self.bytes(8)?),
                2 => {
                    let length = usize::try_from(self.number()?).ok()?;
                    return Some((key >> 3, self.bytes(length)?));
                }
                5 => drop(self.bytes(4)?),
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self, length: usize) -> Option<&'m [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, any_value};
    use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use prost::Message;

    use super::*;

    fn request(resource: Vec<KeyValue>, log_records: Vec<LogRecord>) -> Vec<u8> {
        let scope_logs = vec![ScopeLogs {
            log_records,
            ..ScopeLogs::default()
        }];
        let resource_logs = vec![ResourceLogs {
            resource: Some(Resource {
                attributes: resource,
                ..Resource::default()
            }),
            scope_logs,
            ..ResourceLogs::default()
        }];
        ExportLogsServiceRequest { resource_logs }.encode_to_vec()
    }

    fn weight(body: &[u8]) -> usize {
        of_protobuf(body, Part::Logs)
    }

    #[test]
    fn many_tiny_records_weigh_what_they_become() {
        let body = request(Vec::new(), vec![LogRecord::default(); 10_000]);
        assert!(body.len() < 21_000);
        let decoded = size_of::<LogRecord>() + size_of::<watchfire_schemas::LogRecord>();
        assert!(weight(&body) > 10_000 * decoded, "{}", weight(&body));
    }

    #[test]
    fn what_is_shared_weighs_once_for_each_record() {
        let shared = KeyValue {
            key: "k".repeat(1_000),
            ..KeyValue::default()
        };
        let body = request(vec![shared], vec![LogRecord::default(); 1_000]);
        assert!(weight(&body) > 1_000 * 2_000, "{}", weight(&body));
    }

    #[test]
    fn values_in_lists_are_counted() {
        let array = ArrayValue {
            values: vec![AnyValue::default(); 10_000],
        };
        let body = Some(AnyValue {
            value: Some(any_value::Value::ArrayValue(array)),
        });
        let record = LogRecord {
            body,
            ..LogRecord::default()
        };
        let weight = weight(&request(Vec::new(), vec![record]));
        assert!(weight > 10_000 * 64, "{weight}");
    }

    #[test]
    fn what_is_no_protobuf_is_no_panic() {
        for body in [
            &b""[..],
            b"\xff",
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0b",
        ] {
            weight(body);
        }
        let mut nested = Vec::new();
        for _ in 0..10_000 {
            let mut outer = vec![0x2a];
            prost::encoding::encode_varint(nested.len() as u64, &mut outer);
            outer.extend_from_slice(&nested);
            nested = outer;
            nested.truncate(60_000);
        }
        of_protobuf(&nested, Part::AnyValue);
    }
}
