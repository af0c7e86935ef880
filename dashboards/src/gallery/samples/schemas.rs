//! Registered schemas and what breaks them.

use super::*;
use crate::ask::violations::{Sample, Violations};
use crate::contracts::SchemaEntry;
use crate::pages::schemas::Found;

fn entry(mood: Mood, given: serde_json::Value, is_configured: bool) -> SchemaEntry {
    let mut definition: SchemaDefinition = serde_json::from_value(given).unwrap();
    definition.event_name = definition.event_name.map(|event| name(mood, &event));
    SchemaEntry {
        definition,
        is_configured,
    }
}

pub(crate) fn schemas_found(mood: Mood) -> Found {
    if mood == Mood::Empty {
        return Found::default();
    }
    let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema",
        "required": ["order"], "properties": {"order": {"required": ["id", "total"],
            "properties": {"id": {"type": "string"}, "total": {"type": "integer", "minimum": 0}}}}});
    let order = |version: u32, policy: &str| {
        json!({"name": "order.placed", "version": version, "event_name": "order.placed",
            "policy": policy, "schema": schema})
    };
    let payments = json!({"name": "payments", "version": 1, "service": "payments",
        "policy": "reject", "schema": {"required": ["trace_id"]}});
    let sample = |seconds: f64, total: &str| Sample {
        id: Some("2f-1".to_owned()),
        at: ago(seconds),
        service: name(mood, "checkout"),
        path: "/order/total".to_owned(),
        message: name(mood, "\"19.90\" is not of type \"integer\""),
        line: message(
            mood,
            &format!(
                "{{\"timestamp\":\"2026-11-22T03:13:01Z\",\"severity\":\"INFO\",\"service.name\":\"checkout\",\"message\":\"order placed\",\"event_name\":\"order.placed\",\"order\":{{\"id\":\"55d0c2\",\"total\":{total}}}}}"
            ),
        ),
    };
    let trend =
        |n: usize| (0..40).map(move |at| f64::from(u8::from(at % n == 0)) * (at % 7) as f64);
    Found {
        schemas: vec![
            entry(mood, order(1, "warn"), false),
            entry(mood, order(2, "quarantine"), false),
            entry(mood, payments, true),
        ],
        trends: [5, 3, 2, 9].map(|n| trend(n).collect()).to_vec(),
        chosen: Some((
            "order.placed.v2".to_owned(),
            Violations {
                total: 61,
                paths: vec![(name(mood, "/order/total"), 48), ("/order".to_owned(), 13)],
                services: vec![(name(mood, "checkout"), 58), ("backoffice".to_owned(), 3)],
                samples: vec![sample(66.0, "\"19.90\""), sample(80.0, "-1")],
            },
        )),
        quarantine: Some(quarantine(mood)),
        replay: Some(ReplayReport {
            state: ReplayState::Done,
            examined: 61,
            replayed: 48,
            still_failing: 13,
            ..ReplayReport::new(3, false, ago(5.0))
        }),
        filters: vec![("schema", "order.placed.v2".to_owned())],
    }
}
