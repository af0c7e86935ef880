use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const RECEIVED: Timestamp = Timestamp::from_secs(9);

fn values() -> impl Strategy<Value = AnyValue> {
    use any_value::Value as Any;
    let leaf = prop_oneof![
        4 => prop::sample::select(vec!["", "a", "é", "E\nF"]).prop_map(|text| Some(Any::StringValue(text.to_owned()))),
        2 => prop::sample::select(vec![-1_i64, 200, 999]).prop_map(|n| Some(Any::IntValue(n))),
        1 => prop::sample::select(vec![0.5, f64::NAN, f64::INFINITY]).prop_map(|n| Some(Any::DoubleValue(n))),
        1 => any::<bool>().prop_map(|b| Some(Any::BoolValue(b))),
        1 => Just(Some(Any::BytesValue(vec![1, 2, 3]))),
        1 => Just(None),
    ];
    let leaf = leaf.prop_map(|value| AnyValue { value });
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|values| AnyValue {
                value: Some(Any::ArrayValue(ArrayValue { values }))
            }),
            pairs(inner, 3).prop_map(|values| AnyValue {
                value: Some(Any::KvlistValue(KeyValueList { values }))
            }),
        ]
    })
}

fn pairs(
    values: impl Strategy<Value = AnyValue>,
    most: usize,
) -> impl Strategy<Value = Vec<KeyValue>> {
    let keys = prop::sample::select(vec![
        "",
        "a",
        "a.b",
        "b",
        "type",
        "message",
        "timestamp",
        "severity",
        "severity_number",
        "service.name",
        "exception",
        "exception.type",
        "exception.message",
        "exception_group",
        "pattern_id",
        "severity_text",
        "trace_flags",
        "http.response.status_code",
        "host.name",
    ]);
    let pair = (keys, prop::option::weighted(0.9, values)).prop_map(|(key, value)| KeyValue {
        key: key.to_owned(),
        value,
        ..KeyValue::default()
    });
    prop::collection::vec(pair, 0..most)
}

fn record() -> impl Strategy<Value = proto::LogRecord> {
    let times = prop::sample::select(vec![0, 5, u64::MAX]);
    let numbers = prop::sample::select(vec![0, 1, 9, 18, 25, -1]);
    let texts = prop::sample::select(vec!["", "info", "Warning", "loud"]);
    let ids = prop::sample::select(vec![vec![], vec![0; 16], vec![7; 16], vec![7; 8], vec![7]]);
    let event = prop::sample::select(vec!["", "paid"]);
    let body = prop::option::of(values());
    let parts = (times, numbers, texts, ids.clone(), ids, event);
    (parts, body, pairs(values(), 5), 0..3_u32).prop_map(|(parts, body, attributes, count)| {
        let (time_unix_nano, severity_number, text, trace_id, span_id, event) = parts;
        proto::LogRecord {
            time_unix_nano,
            severity_number,
            severity_text: text.to_owned(),
            body,
            attributes,
            trace_id,
            span_id,
            event_name: event.to_owned(),
            flags: count,
            dropped_attributes_count: count,
            ..proto::LogRecord::default()
        }
    })
}

fn request(
    record: proto::LogRecord,
    resource: Vec<KeyValue>,
    scope: Vec<KeyValue>,
) -> ExportLogsServiceRequest {
    let scope = InstrumentationScope {
        name: "lib".to_owned(),
        attributes: scope,
        ..InstrumentationScope::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: Some(Resource {
                attributes: resource,
                ..Resource::default()
            }),
            scope_logs: vec![ScopeLogs {
                scope: Some(scope),
                log_records: vec![record],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn what_has_its_types_is_what_its_object_tells(
        record in record(), resource in pairs(values(), 3), scope in pairs(values(), 3),
    ) {
        let request = request(record, resource, scope);
        let object = logs::objects(&request, RECEIVED).next().unwrap();
        match records(request, RECEIVED).next().unwrap() {
            Err(same) => prop_assert_eq!(same, object),
            Ok(record) => {
                // An exception of which every part is empty is none.
                let again = LogRecord::from_object(object, RECEIVED);
                prop_assert_eq!(Ok(record), again);
            }
        }
    }
}

#[test]
fn what_emitters_send_has_its_types() {
    let text = |text: &str| AnyValue {
        value: Some(any_value::Value::StringValue(text.to_owned())),
    };
    let pair = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(text(value)),
        ..KeyValue::default()
    };
    let record = proto::LogRecord {
        time_unix_nano: 5_000_000_000,
        severity_number: 18,
        severity_text: "ERROR".to_owned(),
        body: Some(text("boom")),
        attributes: vec![pair("exception.type", "E"), pair("http.route", "/")],
        ..proto::LogRecord::default()
    };
    let request = request(record, vec![pair("service.name", "shop")], Vec::new());
    let Ok(record) = records(request, RECEIVED).next().unwrap() else {
        panic!("an object")
    };
    assert_eq!(
        (record.service.as_str(), record.message.as_str()),
        ("shop", "boom")
    );
    assert_eq!(record.exception.unwrap().kind, "E");
    assert_eq!(record.severity.get(), 18);
    assert_eq!(
        Value::Object(record.attributes),
        json!({"http.route": "/", "otel.scope.name": "lib"})
    );
}
