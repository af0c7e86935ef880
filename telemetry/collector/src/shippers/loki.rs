//! Loki's push: `POST /loki/api/v1/push`, as JSON or as snappy-compressed protobuf.

use prost::Message;
use serde::Deserialize;
use serde_json::Value;
use watchfire_schemas::{Attributes, LogRecord, Timestamp};

use super::label_text::labels;
use super::line::{Around, of_text};

/// The records of a push in JSON.
pub(crate) fn from_json(body: &[u8], arrived: Timestamp) -> Result<Vec<LogRecord>, String> {
    let push: JsonPush = serde_json::from_slice(body)
        .map_err(|error| format!("the push is not as expected: {error}"))?;
    let mut records = Vec::new();
    for (index, stream) in push.streams.into_iter().enumerate() {
        for (number, entry) in stream.values.into_iter().enumerate() {
            let JsonEntry(at, line, more) = entry;
            let nanos: i64 = at.parse().map_err(|_| {
                format!("streams/{index}/values/{number}/0: expected nanoseconds, found {at:?}")
            })?;
            let mut labels = stream.stream.clone();
            labels.extend(more.unwrap_or_default());
            records.push(of_text(&line, &around(nanos, labels, arrived)));
        }
    }
    Ok(records)
}

/// The records of a push in protobuf, decompressed.
pub(crate) fn from_protobuf(body: &[u8], arrived: Timestamp) -> Result<Vec<LogRecord>, String> {
    let push = ProtoPush::decode(body).map_err(|error| format!("the push is damaged: {error}"))?;
    let mut records = Vec::new();
    for stream in push.streams {
        let of_stream = labels(&stream.labels)?;
        for entry in stream.entries {
            let mut labels = of_stream.clone();
            let more = entry.structured_metadata.into_iter();
            labels.extend(more.map(|pair| (pair.name, Value::String(pair.value))));
            let at = entry.timestamp.unwrap_or_default();
            let nanos = at.seconds.saturating_mul(1_000_000_000) + i64::from(at.nanos);
            records.push(of_text(&entry.line, &around(nanos, labels, arrived)));
        }
    }
    Ok(records)
}

fn around(nanos: i64, labels: Attributes, arrived: Timestamp) -> Around {
    Around {
        at: (nanos != 0).then(|| Timestamp::from_nanos(nanos)),
        arrived,
        labels,
    }
}

#[derive(Deserialize)]
struct JsonPush {
    streams: Vec<JsonStream>,
}

#[derive(Deserialize)]
struct JsonStream {
    #[serde(default)]
    stream: Attributes,
    values: Vec<JsonEntry>,
}

/// Time, line, and what else is said of it.
struct JsonEntry(String, String, Option<Attributes>);

impl<'de> Deserialize<'de> for JsonEntry {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Entry {
            Three(String, String, Attributes),
            Two(String, String),
        }
        Ok(match Entry::deserialize(from)? {
            Entry::Two(at, line) => Self(at, line, None),
            Entry::Three(at, line, more) => Self(at, line, Some(more)),
        })
    }
}

#[derive(Clone, PartialEq, Message)]
struct ProtoPush {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<ProtoStream>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoStream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<ProtoEntry>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoEntry {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<ProtoTime>,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    structured_metadata: Vec<ProtoPair>,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoTime {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct ProtoPair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(records: &[LogRecord]) {
        let [plain, second] = records else {
            panic!("{records:?}")
        };
        assert_eq!((&*plain.service, plain.severity.as_str()), ("shop", "WARN"));
        assert_eq!(plain.timestamp.nanos(), 1_700_000_000_000_000_001);
        assert_eq!(second.attributes["tenant"], "acme");
        assert!(second.trace_id.is_some());
    }

    #[test]
    fn both_forms_give_the_same_records() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let push = json!({"streams": [{"stream": {"app": "shop"}, "values": [
            ["1700000000000000001", "WARN slow"],
            ["1700000000000000002", "again", {"trace_id": trace, "tenant": "acme"}]]}]});
        check(&from_json(push.to_string().as_bytes(), Timestamp::default()).unwrap());
        let pair = |name: &str, value: &str| ProtoPair {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let entry = |nanos, line: &str, structured_metadata| ProtoEntry {
            timestamp: Some(ProtoTime {
                seconds: 1_700_000_000,
                nanos,
            }),
            line: line.to_owned(),
            structured_metadata,
        };
        let push = ProtoPush {
            streams: vec![ProtoStream {
                labels: "{app=\"shop\"}".to_owned(),
                entries: vec![
                    entry(1, "WARN slow", Vec::new()),
                    entry(
                        2,
                        "again",
                        vec![pair("trace_id", trace), pair("tenant", "acme")],
                    ),
                ],
            }],
        };
        check(&from_protobuf(&push.encode_to_vec(), Timestamp::default()).unwrap());
    }

    #[test]
    fn a_wrong_push_says_where() {
        let push = json!({"streams": [{"stream": {}, "values": [["yesterday", "x"]]}]});
        let said = from_json(push.to_string().as_bytes(), Timestamp::default()).unwrap_err();
        assert!(
            said.starts_with("streams/0/values/0/0: expected nanoseconds"),
            "{said}"
        );
    }
}
