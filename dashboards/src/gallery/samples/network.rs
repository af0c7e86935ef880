//! Systems of any size, for the map of services.

use super::*;
use crate::ask::{Compared, EdgeKey, Standing, Traffic};

const NAMES: [&str; 20] = [
    "web",
    "gateway",
    "checkout",
    "cart",
    "catalog",
    "pricing",
    "search",
    "accounts",
    "payments",
    "shipping",
    "inventory",
    "reviews",
    "recommendations",
    "notifications",
    "email",
    "media",
    "fraud-detection",
    "tax",
    "ledger",
    "audit",
];

fn standing(per_second: f64, failed: f64, p95: f64) -> Standing {
    Standing {
        per_second,
        failed,
        p95,
    }
}

fn compared(per_second: f64, failed: f64, p95: f64, usual: f64) -> Compared {
    Compared {
        now: Some(standing(per_second, failed, p95)),
        usual: Some(standing(per_second * 0.95, 0.001, usual)),
    }
}

/// The three services of the other samples.
pub(crate) fn traffic(mood: Mood) -> Traffic {
    let key = |client: &str, server: &str, kind: &str| -> EdgeKey {
        (name(mood, client), name(mood, server), kind.to_owned())
    };
    let services = [
        ("content", compared(212.0, 0.31, 0.34, 0.12)),
        ("gateway", compared(248.0, 0.27, 0.41, 0.2)),
        ("search", compared(61.0, 0.002, 0.088, 0.08)),
        ("sync-worker", compared(0.7, 0.0, 2.4, 2.3)),
    ];
    Traffic {
        services: services
            .into_iter()
            .map(|(plain, compared)| (name(mood, plain), compared))
            .collect(),
        edges: BTreeMap::from([
            (
                key("gateway", "content", ""),
                compared(190.0, 0.3, 0.34, 0.1),
            ),
            (
                key("gateway", "search", ""),
                compared(61.0, 0.002, 0.088, 0.08),
            ),
            (
                key("content", "sqlite", "database"),
                compared(420.0, 0.0, 0.004, 0.004),
            ),
            (
                key("content", "content", ""),
                compared(2.0, 0.0, 0.02, 0.02),
            ),
        ]),
        lately: std::time::Duration::from_mins(5),
    }
}

fn named(at: usize) -> String {
    const COPIES: [&str; 5] = ["eu", "us", "batch", "internal", "v2"];
    let plain = NAMES[at % NAMES.len()];
    match at / NAMES.len() {
        0 => plain.to_owned(),
        round => format!("{plain}-{}", COPIES[round % COPIES.len()]),
    }
}

/// So many services in layers, with databases, a queue, somebody outside, a ring, and trouble in one
/// that is felt by those above it.
pub(crate) fn system(count: usize) -> Traffic {
    let services = count * 4 / 5;
    let broken = services / 2;
    let mut edges = vec![(
        "user".to_owned(),
        named(0),
        "virtual_node",
        compared(310.0, 0.02, 0.3, 0.2),
    )];
    for at in 1..services {
        let rate = 200.0 / (1.0 + at as f64);
        let (failed, p95) = if at == broken {
            (0.12, 0.9)
        } else {
            (0.0, 0.05)
        };
        for caller in [(at - 1) / 3, at * 7 % at] {
            edges.push((
                named(caller),
                named(at),
                "",
                compared(rate, failed, p95, 0.05),
            ));
        }
    }
    for at in 0..count - services - 1 {
        let (server, kind, p95) = match at % 3 {
            0 => (format!("postgres-{at}"), "database", 0.004),
            1 => (format!("orders-topic-{at}"), "virtual_node", 0.01),
            _ => (format!("api.partner-{at}.example"), "virtual_node", 0.2),
        };
        let client = named((at * 3 + 2) % services);
        edges.push((
            client,
            server,
            kind,
            compared(90.0 / (1.0 + at as f64), 0.0, p95, p95),
        ));
    }
    edges.push((
        named(services - 1),
        named(1),
        "",
        compared(0.4, 0.0, 0.02, 0.02),
    ));
    let keyed = |(client, server, kind, compared): (String, String, &str, Compared)| {
        ((client, server, kind.to_owned()), compared)
    };
    let answered = |at: usize| {
        let failed = if at == broken || at == (broken - 1) / 3 {
            0.1
        } else {
            0.001
        };
        let p95 = if at == broken { 0.9 } else { 0.05 };
        (
            named(at),
            compared(200.0 / (1.0 + at as f64), failed, p95, 0.05),
        )
    };
    Traffic {
        services: (0..services).map(answered).collect(),
        edges: edges.into_iter().map(keyed).collect(),
        lately: std::time::Duration::from_mins(5),
    }
}

/// What the list of services found in a system of a size.
pub(crate) fn system_found(count: usize) -> services::Found {
    let traffic = system(count);
    let template = red(Mood::Full);
    let reds = traffic
        .services
        .keys()
        .enumerate()
        .map(|(at, name)| ServiceRed {
            name: name.clone(),
            ..template[at % template.len()].clone()
        });
    let mut open = incidents_of(Mood::Full);
    for incident in &mut open {
        incident.services = vec![NAMES[count * 4 / 5 / 2 % NAMES.len()].to_owned()];
    }
    let mut changes = changes(Mood::Full);
    for change in &mut changes {
        change.service = "catalog".to_owned();
    }
    services::Found {
        services: reds.collect(),
        open,
        changes,
        rates: BTreeMap::new(),
        queues: traffic
            .edges
            .keys()
            .filter(|(_, server, _)| server.starts_with("orders-"))
            .map(|(_, server, _)| server.clone())
            .collect(),
        traffic,
    }
}
