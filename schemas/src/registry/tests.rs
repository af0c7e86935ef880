use serde_json::{Value, json};

use super::*;

fn definition(given: Value) -> SchemaDefinition {
    serde_json::from_value(given).unwrap()
}

fn set(given: &[Value]) -> SchemaSet {
    SchemaSet::of(given.iter().cloned().map(definition).collect()).unwrap()
}

/// The ids of what a record is held against.
fn applying(set: &SchemaSet, event: Option<&str>, service: &str, version: &Value) -> Vec<String> {
    let subject = Subject {
        event_name: event,
        service,
        version: Some(version).filter(|version| !version.is_null()),
    };
    let applying = set.applying(subject);
    applying
        .iter()
        .map(|schema| schema.id().to_owned())
        .collect()
}

#[test]
fn a_record_finds_its_contracts_and_their_version() {
    let set = set(&[
        json!({"name": "order", "version": "9", "event_name": "order", "schema": {}}),
        json!({"name": "order", "version": "10", "event_name": "order", "schema": {}}),
        json!({"name": "shop", "version": 1, "service": "shop", "schema": {}}),
        json!({"name": "both", "version": 1, "service": "shop", "event_name": "order", "schema": {}}),
        json!({"name": "old", "version": 1, "service": "shop", "active": false, "schema": {}}),
    ]);
    let check = |event, service, version, expected: &[&str]| {
        assert_eq!(applying(&set, event, service, &version), expected);
    };
    check(None, "cart", json!(null), &[]);
    check(Some("order"), "cart", json!(null), &["order.v10"]);
    check(Some("order"), "cart", json!(9), &["order.v9"]);
    check(Some("order"), "cart", json!("v9"), &["order.v9"]);
    check(Some("order"), "cart", json!("11"), &["order.v10"]);
    check(Some("other"), "shop", json!(null), &["shop.v1"]);
    check(
        Some("order"),
        "shop",
        json!([]),
        &["order.v10", "both.v1", "shop.v1"],
    );
}

#[test]
fn a_version_never_changes_what_it_says() {
    let given = |schema: Value, policy: &str| {
        definition(
            json!({"name": "a", "version": 1, "service": "s", "policy": policy, "schema": schema}),
        )
    };
    let (set, _) = SchemaSet::default().with(given(json!({}), "warn")).unwrap();
    let (set, changed) = set.with(given(json!({}), "reject")).unwrap();
    assert_eq!(changed.definition.policy, crate::SchemaPolicy::Reject);
    let refused = set
        .with(given(json!({"type": "object"}), "reject"))
        .unwrap_err();
    assert!(matches!(refused, RegisterError::Conflict(_)), "{refused}");
    let next = definition(json!({"name": "a", "service": "s", "schema": {"type": "object"}}));
    let (set, next) = set.with(next).unwrap();
    assert_eq!(next.id(), "a.v2");
    let set = set.without("a", &SchemaVersion::new("2")).unwrap();
    assert_eq!(applying(&set, None, "s", &json!(null)), ["a.v1"]);
}

#[test]
fn a_shared_document_is_found_and_kept_while_it_is_referred_to() {
    let shared = json!({"name": "money", "version": 1, "uri": "https://x.example/money",
        "schema": {"type": "integer"}});
    let order = json!({"name": "order", "version": 1, "service": "s",
        "schema": {"properties": {"total": {"$ref": "https://x.example/money"}}}});
    let set = set(&[order.clone(), shared]);
    let order_schema = set.iter().find(|schema| schema.id() == "order.v1").unwrap();
    assert!(order_schema.violations(&json!({"total": 5})).is_empty());
    assert_eq!(order_schema.violations(&json!({"total": "5"})).len(), 1);
    let version = SchemaVersion::new("1");
    assert!(set.without("money", &version).is_err());
    let set = set.without("order", &version).unwrap();
    assert!(set.without("money", &version).is_ok());
    let alone = SchemaSet::of(vec![definition(order)]).unwrap_err();
    assert!(
        alone[0].to_string().contains("nothing is fetched"),
        "{}",
        alone[0]
    );
}

#[test]
fn a_schema_can_speak_of_one_key_alone() {
    let set = set(&[
        json!({"name": "a", "version": 1, "service": "s", "at": "order.item",
        "schema": {"required": ["id"], "properties": {"id": {"type": "integer"}}}}),
    ]);
    let schema = set.iter().next().unwrap();
    let paths = |sent: Value| -> Vec<String> {
        let violations = schema.violations(&sent);
        violations
            .into_iter()
            .map(|one| one.instance_path)
            .collect()
    };
    assert!(paths(json!({"order": {"item": {"id": 1}}})).is_empty());
    assert!(paths(json!({"order.item.id": 1})).is_empty());
    assert_eq!(
        paths(json!({"order": {"item": {"id": "1"}}})),
        ["/order.item/id"]
    );
    assert_eq!(paths(json!({"order": {}})), [""]);
}

#[test]
fn a_schema_refines_the_contract_of_a_line() {
    let set = set(&[
        json!({"name": "a", "version": 1, "service": "s", "schema": {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "allOf": [{"$ref": "urn:watchfire:schema:log_record:v1"}],
        "required": ["payload"],
        "properties": {"payload": {"properties": {"a.b": {"type": "integer"}}}}}}),
    ]);
    let schema = set.iter().next().unwrap();
    let line = |payload: Value| {
        json!({"timestamp": "2026-11-22T05:57:27Z", "severity": "INFO",
        "service": {"name": "s"}, "message": "m", "payload": payload})
    };
    assert_eq!(schema.violations(&line(json!({"a.b": 1}))), []);
    assert_eq!(
        schema.violations(&line(json!({"a.b": "1"})))[0].instance_path,
        "/payload/a.b"
    );
    assert_eq!(schema.violations(&json!({"service.name": ""})).len(), 5);
}

#[test]
fn limits_are_told() {
    let long = json!({"name": "a", "version": 1, "service": "s",
        "schema": {"title": "x".repeat(SchemaSet::MOST_BYTES)}});
    let refused = SchemaSet::default().with(definition(long)).unwrap_err();
    assert!(matches!(refused, RegisterError::Limit(_)), "{refused}");
    let draft = json!({"name": "a", "service": "s", "schema": {"$schema": "http://json-schema.org/draft-04/schema#"}});
    let refused = SchemaSet::default().with(definition(draft)).unwrap_err();
    assert!(refused.to_string().contains("draft-07"), "{refused}");
}
