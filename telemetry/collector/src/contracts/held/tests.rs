use watchfire_schemas::Timestamp;

use super::*;
use crate::contracts::Contracts;

const ARRIVAL: Arrival = Arrival {
    receiver: "ndjson",
    at: Timestamp::from_secs(77),
};

fn admission(schemas: &[Value]) -> Admission {
    let contracts = Contracts::default();
    for schema in schemas {
        let definition = serde_json::from_value(schema.clone()).unwrap();
        contracts.register(definition).unwrap();
    }
    Admission::new(Arc::new(contracts))
}

fn order(policy: &str) -> Value {
    json!({"name": format!("order-{policy}"), "event_name": "order", "policy": policy, "schema": {
        "properties": {"payload": {"required": ["id"], "properties": {"id": {"type": "integer"}}}}}})
}

fn line(more: &str) -> String {
    format!(
        r#"{{"timestamp":"2026-11-22T05:57:27Z","severity":"INFO","service":{{"name":"shop"}},"message":"m",{more}}}"#
    )
}

fn judge(admission: &Admission, line: &str) -> Verdict {
    Held::new(admission, ARRIVAL).line(line.as_bytes())
}

const BROKEN: &str = r#""event_name":"order","payload":{"id":"5"}"#;

#[test]
fn the_policy_says_what_becomes_of_a_record() {
    let kept = line(r#""event_name":"order","payload":{"id":5}"#);
    let (other, broken) = (line(r#""payload":{"id":"5"}"#), line(BROKEN));
    for policy in ["warn", "quarantine", "reject"] {
        let admission = admission(&[order(policy)]);
        for line in [&kept, &other] {
            let verdict = judge(&admission, line);
            let Verdict::Accepted(record) = verdict else {
                panic!("{policy} {verdict:?}")
            };
            assert!(!record.attributes.contains_key(contract_keys::SCHEMA));
        }
        match (policy, judge(&admission, &broken)) {
            ("warn", Verdict::Accepted(record)) => {
                assert_eq!(record.attributes[contract_keys::SCHEMA], "order-warn.v1");
                assert_eq!(record.attributes[contract_keys::PATH], "/payload/id");
            }
            ("quarantine", Verdict::Quarantined(record, fault)) => {
                assert_eq!(fault.first().0, "/payload/id");
                assert_eq!(
                    record.attributes["quarantine.schema"],
                    "order-quarantine.v1"
                );
                assert_eq!(record.message, broken, "as it was sent");
                assert_eq!(record.service, "shop");
            }
            ("reject", Verdict::Rejected(record, fault)) => {
                assert_eq!(
                    (record.service.as_str(), fault.first().0),
                    ("shop", "/payload/id")
                );
                let last = admission.contracts.refused().last("order-reject.v1");
                assert_eq!(last.len(), 1);
            }
            (policy, verdict) => panic!("{policy} {verdict:?}"),
        }
    }
}

#[test]
fn the_strictest_policy_wins_and_several_warnings_are_all_told() {
    let admission = admission(&[order("warn"), order("reject"), order("quarantine")]);
    let verdict = judge(&admission, &line(BROKEN));
    assert!(matches!(verdict, Verdict::Rejected(..)), "{verdict:?}");
    let mut second = order("warn");
    second["name"] = json!("second");
    let admission = self::admission(&[order("warn"), second]);
    let Verdict::Accepted(record) = judge(&admission, &line(BROKEN)) else {
        panic!("not accepted")
    };
    assert_eq!(
        record.attributes[contract_keys::SCHEMA],
        json!(["second.v1", "order-warn.v1"])
    );
}

#[test]
fn a_record_says_its_version() {
    let strict = json!({"name": "order", "version": 2, "event_name": "order", "schema": false});
    let lax = json!({"name": "order", "version": 1, "event_name": "order", "schema": true});
    let admission = admission(&[strict, lax]);
    let is_accepted = |more: &str| {
        let line = line(&format!(r#""event_name":"order"{more}"#));
        matches!(judge(&admission, &line), Verdict::Accepted(_))
    };
    assert!(!is_accepted(""));
    assert!(is_accepted(r#","schema":{"version":1}"#));
    assert!(is_accepted(r#","event_version":"1""#));
    assert!(!is_accepted(r#","schema.version":3"#));
}

#[test]
fn nobody_else_can_speak_in_our_name() {
    let admission = admission(&[]);
    let forged =
        line(r#""watchfire.replay.of":"1-0","watchfire":{"contract":{"schema":"x"}},"z":1"#);
    let Verdict::Accepted(record) = judge(&admission, &forged) else {
        panic!("not accepted")
    };
    let keys: Vec<&String> = record.attributes.keys().collect();
    assert_eq!(keys, ["z"]);
}

#[test]
fn what_breaks_the_base_is_not_asked_further() {
    let admission = admission(&[order("reject")]);
    let line = r#"{"event_name":"order","payload":{}}"#;
    let Verdict::Quarantined(record, _) = judge(&admission, line) else {
        panic!("not quarantined")
    };
    assert_eq!(record.attributes["quarantine.schema"], "log_record.v1");
}
