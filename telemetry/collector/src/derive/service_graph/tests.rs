use watchfire_schemas::{SpanLink, SpanStatus};

use super::super::tests::span;
use super::*;

fn id(n: u8) -> SpanId {
    SpanId::from_bytes([n; 8]).unwrap()
}

fn with(mut span: Span, attributes: &[(&str, &str)]) -> Span {
    for (key, value) in attributes {
        span.attributes.insert((*key).to_owned(), (*value).into());
    }
    span
}

fn client(own: u8) -> Span {
    Span {
        kind: SpanKind::Client,
        service: "web".to_owned(),
        span_id: id(own),
        ..span(4, "call", 0.5)
    }
}

fn producer(own: u8) -> Span {
    Span {
        kind: SpanKind::Producer,
        ..client(own)
    }
}

fn server(own: u8, parent: u8) -> Span {
    Span {
        service: "shop".to_owned(),
        span_id: id(own),
        parent_span_id: Some(id(parent)),
        status: SpanStatus::Error {
            message: String::new(),
        },
        ..span(5, "GET /", 0.2)
    }
}

fn consumer(own: u8, links: &[u8]) -> Span {
    let link = |n: &u8| SpanLink {
        trace_id: client(1).trace_id,
        span_id: id(*n),
        attributes: watchfire_schemas::Attributes::new(),
    };
    Span {
        kind: SpanKind::Consumer,
        parent_span_id: None,
        links: links.iter().map(link).collect(),
        status: SpanStatus::Unset,
        ..server(own, 1)
    }
}

#[derive(Default)]
struct Graph {
    calls: Calls,
    numbered: u64,
    second: i64,
}

impl Graph {
    /// What a batch that is received at a second brings: the edges, with total, failed, and how many
    /// durations each side tells.
    fn take(&mut self, second: i64, spans: &[Span]) -> Vec<String> {
        let numbered = &mut self.numbered;
        let mut number = |most| {
            *numbered += most;
            *numbered - most
        };
        // As time goes by where something is always received.
        while self.second < second {
            self.second = second.min(self.second + 10);
            let now = Timestamp::from_secs(self.second);
            self.calls.expire(now, &mut number);
        }
        let now = Timestamp::from_secs(second);
        self.calls
            .count(spans, now, |name| name.into(), &mut number);
        let mut batch = DeltaBatch::default();
        self.calls.write(&mut batch);
        let mut edges: Vec<String> = Vec::new();
        for series in batch.to_series() {
            let name = series.labels.name().to_owned();
            let labels = series.labels.without("__name__").without("le").to_string();
            let sum: f64 = series.samples.iter().map(|sample| sample.v).sum();
            let said = match name.trim_start_matches("traces_service_graph_request_") {
                "total" => {
                    edges.push(labels);
                    format!(" {sum}")
                }
                "failed_total" => format!(" failed {sum}"),
                "server_seconds_count" => format!(" server {sum}"),
                "client_seconds_count" => format!(" client {sum}"),
                _ => continue,
            };
            edges.last_mut().unwrap().push_str(&said);
        }
        edges
    }
}

const CALL: &str = r#"{client="web", server="shop"} 1 failed 1 server 1 client 1"#;

#[test]
fn a_call_is_counted_when_both_halves_are_there_in_any_order() {
    let mut graph = Graph::default();
    assert!(graph.take(10, &[client(1)]).is_empty());
    assert_eq!(graph.take(10, &[server(2, 1)]), [CALL]);
    assert!(graph.take(10, &[server(4, 3)]).is_empty());
    assert_eq!(graph.take(39, &[client(3)]), [CALL]);
    // The halves of one call are counted once.
    assert!(graph.take(39, &[client(3)]).is_empty());
    assert!(graph.take(100, &[]).is_empty());
    assert_eq!(graph.calls.take_unpaired(), [0, 0, 0, 0]);
}

#[test]
fn either_side_can_fail_a_call() {
    let mut graph = Graph::default();
    let mut refused = client(1);
    refused.status = server(2, 1).status;
    let mut fine = server(2, 1);
    fine.status = SpanStatus::Ok;
    assert_eq!(graph.take(10, &[refused, fine]), [CALL]);
}

#[test]
fn a_database_has_no_spans_of_its_own() {
    let call = with(client(1), &[("db.system.name", "sqlite")]);
    assert_eq!(
        Graph::default().take(10, &[call]),
        [
            r#"{client="web", connection_type="database", server="sqlite"} 1 failed 0 server 1 client 1"#
        ]
    );
}

#[test]
fn who_never_answers_is_a_virtual_node_if_it_has_a_name() {
    let mut graph = Graph::default();
    let bank = with(client(1), &[("server.address", "bank.example")]);
    assert!(graph.take(10, &[bank, client(2)]).is_empty());
    assert!(graph.take(39, &[]).is_empty());
    assert_eq!(
        graph.take(40, &[]),
        [
            r#"{client="web", connection_type="virtual_node", server="bank.example", virtual_node="server"} 1 failed 0 client 1"#
        ]
    );
    assert_eq!(graph.calls.take_unpaired(), [1, 0, 0, 0]);
    assert!(graph.take(70, &[server(9, 8)]).is_empty());
    assert!(graph.take(100, &[]).is_empty());
    assert_eq!(graph.calls.take_unpaired(), [0, 1, 0, 0]);
}

#[test]
fn after_a_start_nobody_is_made_up() {
    let mut graph = Graph::default();
    graph.take(10, &[]);
    graph.calls.resume();
    let bank = || with(client(1), &[("server.address", "bank.example")]);
    graph.take(12, &[bank()]);
    assert!(graph.take(42, &[]).is_empty());
    assert_eq!(graph.calls.take_unpaired(), [0, 0, 0, 1]);
    graph.take(43, &[bank()]);
    assert_eq!(graph.take(73, &[]).len(), 1);
}

#[test]
fn a_server_without_a_parent_is_called_from_outside() {
    let root = Span {
        parent_span_id: None,
        ..server(1, 1)
    };
    assert_eq!(
        Graph::default().take(10, &[root]),
        [
            r#"{client="user", connection_type="virtual_node", server="shop", virtual_node="client"} 1 failed 1 server 1"#
        ]
    );
}

#[test]
fn a_consumer_takes_messages_of_its_parent_and_of_its_links() {
    let edge = |n| {
        format!(
            r#"{{client="web", connection_type="messaging_system", server="shop"}} {n} failed 0 server {n} client {n}"#
        )
    };
    let mut graph = Graph::default();
    assert!(graph.take(10, &[producer(1), producer(2)]).is_empty());
    // Minutes later, and a producer that is told of after.
    assert_eq!(graph.take(300, &[consumer(7, &[1, 2, 3, 3])]), [edge(2)]);
    assert_eq!(graph.take(301, &[producer(3)]), [edge(1)]);
    // The span that works on a message that another one of the service fetched.
    let worked = Span {
        parent_span_id: Some(id(7)),
        ..consumer(8, &[1])
    };
    assert!(graph.take(302, &[worked]).is_empty());
    let child = Span {
        parent_span_id: Some(id(3)),
        ..consumer(9, &[])
    };
    assert!(graph.take(302, std::slice::from_ref(&child)).is_empty());
    let other = Span {
        service: "audit".to_owned(),
        ..child
    };
    assert_eq!(
        graph.take(303, &[other]),
        [edge(1).replace("shop", "audit")]
    );
    assert!(graph.take(2_000, &[]).is_empty());
    assert_eq!(graph.calls.take_unpaired(), [0; 4]);
}

#[test]
fn messages_that_nobody_takes_go_to_their_destination() {
    let to = [
        ("messaging.system", "kafka"),
        ("messaging.destination.name", "orders"),
        ("server.address", "broker-1"),
    ];
    let mut graph = Graph::default();
    assert!(graph.take(10, &[with(producer(1), &to)]).is_empty());
    let orders = graph.take(700, &[]);
    assert!(orders[0].contains(r#"server="orders""#), "{orders:?}");
    // Fetching is no call.
    let fetch = with(client(2), &to);
    let fetch = with(fetch, &[("messaging.operation.type", "receive")]);
    assert!(graph.take(700, &[fetch]).is_empty());
    assert!(graph.take(9_000, &[]).is_empty());
    // Nobody told of the producer.
    let taken = graph.take(9_000, &[with(consumer(5, &[]), &to)]);
    assert!(taken[0].contains(r#"client="orders""#), "{taken:?}");
}

#[test]
fn what_was_sent_while_we_were_down_meets_what_came_before() {
    let mut graph = Graph::default();
    let named = with(client(1), &[("server.address", "shop.internal")]);
    assert!(graph.take(10, &[named]).is_empty());
    // The next batch is received ten minutes later.
    graph.second = 610;
    graph.calls.expire(Timestamp::from_secs(610), |_| 0);
    assert_eq!(graph.take(610, &[server(2, 1)]), [CALL]);
}

#[test]
fn what_waits_is_bounded() {
    let mut graph = Graph::default();
    for n in 0..=Waiting::MOST as u64 {
        let mut lonely = client(1);
        lonely.span_id = SpanId::from_bytes((n + 1).to_be_bytes()).unwrap();
        graph.take(10, &[lonely]);
    }
    assert_eq!(graph.calls.waiting.len(), Waiting::MOST);
    assert_eq!(graph.calls.take_unpaired(), [0, 0, 1, 0]);
}
