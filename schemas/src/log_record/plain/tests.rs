use proptest::prelude::*;
use serde_json::json;

use super::*;

const OBSERVED: Timestamp = Timestamp::from_secs(77);

/// What the long way makes of a line: the record, if the contract takes it.
#[cfg(feature = "validators")]
fn long_way(line: &str) -> Option<LogRecord> {
    static CONTRACT: std::sync::LazyLock<crate::Contract> =
        std::sync::LazyLock::new(crate::Contract::log_record_v1);
    let object = flatten(serde_json::from_str(line).ok()?);
    let object = Value::Object(object);
    let is_kept = CONTRACT.is_kept_by(&object);
    assert_eq!(is_kept, CONTRACT.violations(&object).is_empty());
    let Value::Object(object) = object else {
        return None;
    };
    is_kept
        .then(|| LogRecord::from_object(object, OBSERVED).ok())
        .flatten()
}

fn short_way(line: &str) -> Option<LogRecord> {
    LogRecord::from_plain_line(line.as_bytes(), OBSERVED).filter(LogRecord::keeps_contract)
}

fn keys() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "timestamp",
        "severity",
        "severity_number",
        "service.name",
        "service",
        "name",
        "message",
        "event_name",
        "trace_id",
        "span_id",
        "exception",
        "exception.type",
        "type",
        "exception.message",
        "exception.stacktrace",
        "exception_group",
        "pattern_id",
        "service.version",
        "service.namespace",
        "service.instance.id",
        "deployment.environment.name",
        "host.name",
        "http",
        "request",
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "http.request.body.size",
        "http.response.body.size",
        "url.path",
        "url.query",
    ]);
    prop_oneof![
        6 => known.prop_map(str::to_owned),
        2 => "[a-c.]{0,3}",
        1 => (250_usize..260).prop_map(|length| "é".repeat(length)),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let texts = prop::sample::select(vec![
        "",
        "m",
        "INFO",
        "ERROR",
        "error",
        "2026-11-22T05:57:27Z",
        "2026-11-22T05:57:27.123456789+01:30",
        "2026-11-22T05:57:27-23:59",
        "2026-11-22T05:57:27+24:00",
        "2026-11-22T05:57:27.5",
        "2026-11-22 05:57:27Z",
        "2026-11-22t05:57:27z",
        "2016-12-31T23:59:60Z",
        "2026-02-30T05:57:27Z",
        "9999-11-22T05:57:27Z",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "4BF92F3577B34DA6a3ce929d0e0e4736",
        "00000000000000000000000000000000",
        "00f067aa0ba902b7",
        "0000000000000000",
        "+0f067aa0ba902b7",
        "00f067aa0ba902b7\n",
    ]);
    let numbers = prop::sample::select(vec![
        json!(0),
        json!(1),
        json!(9),
        json!(9.0),
        json!(10),
        json!(17),
        json!(25),
        json!(99),
        json!(100),
        json!(200.0),
        json!(200.5),
        json!(599),
        json!(600),
        json!(-1),
        json!(1e300),
        json!(u64::MAX),
    ]);
    let leaf = prop_oneof![
        6 => texts.prop_map(|text| json!(text)),
        3 => numbers,
        1 => (250_usize..260).prop_map(|length| json!("ü".repeat(length))),
        1 => any::<f64>().prop_map(|number| json!(number)),
        1 => Just(json!(null)),
        1 => Just(json!(true)),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec((keys(), inner), 0..3)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Lines that are whole but for what is put over them, some of it twice.
fn lines() -> impl Strategy<Value = String> {
    prop::collection::vec((keys(), values()), 0..5).prop_map(|pairs| {
        let whole = [
            ("timestamp", json!("2026-11-22T05:57:27Z")),
            ("severity", json!("INFO")),
            ("service.name", json!("shop")),
            ("message", json!("m")),
        ];
        let whole = whole
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value));
        let left: Vec<_> = whole
            .filter(|(key, _)| pairs.iter().all(|(other, _)| other != key))
            .chain(pairs.clone())
            .map(|(key, value)| format!("{}:{value}", json!(key)))
            .collect();
        format!("{{{}}}", left.join(","))
    })
}

#[cfg(feature = "validators")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn the_short_way_leads_where_the_long_one_does(line in lines()) {
        if let Some(record) = short_way(&line) {
            prop_assert_eq!(Some(record.clone()), long_way(&line));
            prop_assert_eq!(long_way(&record.to_line()), Some(record));
        }
    }

    #[test]
    fn the_contract_takes_every_record_that_is_said_to_keep_it(
        pairs in prop::collection::vec((keys(), values()), 0..6), service in "[a-z]{0,2}", event in prop::option::of("[a-z]{0,2}"),
    ) {
        let mut record = LogRecord::new(OBSERVED, SeverityNumber::INFO, service, "m");
        record.event_name = event;
        record.attributes = pairs.into_iter().collect();
        if record.keeps_contract() {
            prop_assert_eq!(long_way(&record.to_line()), Some(record.clone()));
            prop_assert_eq!(record.to_object(), serde_json::from_str(&record.to_line()).unwrap());
        }
    }
}

#[cfg(feature = "validators")]
#[test]
fn a_limit_of_keys_is_kept() {
    let mut record = LogRecord::new(OBSERVED, SeverityNumber::INFO, "shop", "m");
    for n in 0..300 {
        record.attributes.insert(format!("k{n}"), json!(n));
        if record.keeps_contract() {
            assert!(long_way(&record.to_line()).is_some(), "{n}");
        }
    }
    assert!(!record.keeps_contract());
}

#[test]
fn what_emitters_write_goes_the_short_way() {
    for line in [
        r#"{"timestamp":"2026-11-21T00:00:00.166883944Z","severity":"DEBUG","message":"acquired","trace_id":"2997ed7bcfe2819bcbdc6ca93a8757a8","span_id":"578a3817740f517b","service.name":"search","http.route":"/","http.status":200,"dur_ms":87.9}"#,
        r#"{"timestamp":"2026-11-21T00:00:00+01:00","severity":"ERROR","severity_number":18,"message":"a\nb","service":{"name":"shop","version":"1"},"exception":{"type":"E","message":"boom"},"http.response.status_code":503}"#,
    ] {
        let record = short_way(line).unwrap_or_else(|| panic!("{line}"));
        let object = serde_json::from_str(line).unwrap();
        assert_eq!(LogRecord::from_object(object, OBSERVED), Ok(record));
    }
}
