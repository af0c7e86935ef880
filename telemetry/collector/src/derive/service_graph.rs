use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashMap;
use serde_json::Value;
use watchfire_schemas::{SeriesSamples, Span, SpanId, SpanKind, Timestamp, TraceId};

use super::sample_time;
use super::span_metrics::{Second, counter, histogram};

/// Who calls whom: a call is a client's span and the span of a server that it caused. The two come
/// in any order and in batches of their own, so a half waits here for the other; halves that wait
/// for long are forgotten, earliest first. A call of a database has no other half.
#[derive(Debug, Default)]
pub(super) struct Calls {
    waiting: FxHashMap<(TraceId, SpanId), Halves>,
    /// The order in which halves are forgotten.
    order: VecDeque<(TraceId, SpanId)>,
}

/// What is known of a client's span: its service, and the servers that came before it.
#[derive(Debug, Default)]
struct Halves {
    client: Option<Box<str>>,
    servers: Vec<Answer>,
}

/// A server's side of a call.
#[derive(Debug, Clone)]
struct Answer {
    service: Box<str>,
    seconds: f64,
    failed: bool,
    at: i64,
    kind: &'static str,
}

/// Client, server and the kind of their connection; empty for a plain request.
type Edge = (Box<str>, Box<str>, &'static str);

/// The calls of one edge, by second.
#[derive(Debug, Default)]
struct Counted {
    all: BTreeMap<i64, Second>,
    failed: BTreeMap<i64, f64>,
}

impl Calls {
    /// How many clients' spans are remembered; both halves of a call come within seconds.
    const MOST: usize = 65_536;
    /// Servers that wait for one client.
    const MOST_SERVERS: usize = 16;

    /// The calls that the spans of a batch complete. `admit` bounds the names of services.
    pub(super) fn count(
        &mut self,
        spans: &[Span],
        received_at: Timestamp,
        mut admit: impl FnMut(&str) -> Box<str>,
    ) -> Vec<SeriesSamples> {
        let mut edges: BTreeMap<Edge, Counted> = BTreeMap::new();
        for span in spans {
            let at = sample_time(span.end, received_at);
            match span.kind {
                SpanKind::Client | SpanKind::Producer => {
                    let service = admit(&span.service);
                    if let Some(database) = database(span) {
                        let answer = Answer::of(span, admit(database), at, "database");
                        edges
                            .entry((service, answer.service.clone(), answer.kind))
                            .or_default()
                            .add(&answer);
                        continue;
                    }
                    let halves = self.halves((span.trace_id, span.span_id));
                    for answer in std::mem::take(&mut halves.servers) {
                        edges
                            .entry((service.clone(), answer.service.clone(), answer.kind))
                            .or_default()
                            .add(&answer);
                    }
                    halves.client = Some(service);
                }
                SpanKind::Server | SpanKind::Consumer => {
                    let Some(parent) = span.parent_span_id else {
                        continue;
                    };
                    let kind = if span.kind == SpanKind::Consumer {
                        "messaging_system"
                    } else {
                        ""
                    };
                    let answer = Answer::of(span, admit(&span.service), at, kind);
                    let halves = self.halves((span.trace_id, parent));
                    if let Some(client) = &halves.client {
                        edges
                            .entry((client.clone(), answer.service.clone(), kind))
                            .or_default()
                            .add(&answer);
                    } else if halves.servers.len() < Self::MOST_SERVERS {
                        halves.servers.push(answer);
                    }
                }
                SpanKind::Internal => {}
            }
        }
        edges
            .iter()
            .flat_map(|(edge, counted)| series_of(edge, counted))
            .collect()
    }

    fn halves(&mut self, key: (TraceId, SpanId)) -> &mut Halves {
        if !self.waiting.contains_key(&key) {
            if self.order.len() >= Self::MOST
                && let Some(oldest) = self.order.pop_front()
            {
                self.waiting.remove(&oldest);
            }
            self.order.push_back(key);
        }
        self.waiting.entry(key).or_default()
    }
}

impl Answer {
    fn of(span: &Span, service: Box<str>, at: i64, kind: &'static str) -> Self {
        Self {
            service,
            seconds: span.duration().as_secs_f64(),
            failed: span.is_error(),
            at,
            kind,
        }
    }
}

impl Counted {
    fn add(&mut self, answer: &Answer) {
        self.all
            .entry(answer.at)
            .or_default()
            .add(answer.seconds, None);
        let failed = self.failed.entry(answer.at).or_insert(0.0);
        *failed += f64::from(u8::from(answer.failed));
    }
}

/// The database that a client's span is about.
fn database(span: &Span) -> Option<&str> {
    let names = ["db.system.name", "db.system"];
    names
        .into_iter()
        .find_map(|name| span.attributes.get(name).and_then(Value::as_str))
}

fn series_of((client, server, kind): &Edge, counted: &Counted) -> Vec<SeriesSamples> {
    let labels = [
        ("client", &**client),
        ("server", &**server),
        ("connection_type", *kind),
    ];
    let calls = counted.all.iter().map(|(at, second)| (*at, second.count()));
    let failed = counted.failed.iter().map(|(at, count)| (*at, *count));
    let mut all = vec![
        counter("traces_service_graph_request_total", &labels, calls),
        counter("traces_service_graph_request_failed_total", &labels, failed),
    ];
    all.extend(histogram(
        "traces_service_graph_request_server_seconds",
        &labels,
        &counted.all,
    ));
    all
}

#[cfg(test)]
mod tests {
    use super::super::tests::span;
    use super::*;

    fn id(n: u8) -> SpanId {
        SpanId::from_bytes([n; 8]).unwrap()
    }

    fn client(own: u8) -> Span {
        Span {
            kind: SpanKind::Client,
            service: "web".to_owned(),
            span_id: id(own),
            ..span(4, "call", 0.5)
        }
    }

    fn server(own: u8, parent: u8) -> Span {
        Span {
            service: "shop".to_owned(),
            span_id: id(own),
            parent_span_id: Some(id(parent)),
            status: watchfire_schemas::SpanStatus::Error {
                message: String::new(),
            },
            ..span(5, "GET /", 0.2)
        }
    }

    fn edges(calls: &mut Calls, spans: &[Span]) -> Vec<String> {
        let series = calls.count(spans, Timestamp::from_secs(1_000), |name| name.into());
        series
            .iter()
            .filter(|series| series.labels.name().ends_with("_total"))
            .map(|series| {
                format!(
                    "{} {:?}",
                    series.labels,
                    series.samples.iter().map(|s| s.v).collect::<Vec<_>>()
                )
            })
            .collect()
    }

    #[test]
    fn a_call_is_counted_when_both_halves_are_there_in_any_order() {
        let expected = [
            r#"traces_service_graph_request_total{client="web", server="shop"} [1.0]"#,
            r#"traces_service_graph_request_failed_total{client="web", server="shop"} [1.0]"#,
        ];
        let mut calls = Calls::default();
        assert!(edges(&mut calls, &[client(1)]).is_empty());
        assert_eq!(edges(&mut calls, &[server(2, 1)]), expected);
        assert!(edges(&mut calls, &[server(4, 3)]).is_empty());
        assert_eq!(edges(&mut calls, &[client(3)]), expected);
        // The halves of one call are counted once.
        assert!(edges(&mut calls, &[client(3)]).is_empty());
    }

    #[test]
    fn a_database_has_no_spans_of_its_own() {
        let mut call = client(1);
        call.attributes
            .insert("db.system.name".to_owned(), "sqlite".into());
        let found = edges(&mut Calls::default(), &[call]);
        assert_eq!(
            found[0],
            r#"traces_service_graph_request_total{client="web", connection_type="database", server="sqlite"} [1.0]"#
        );
        assert!(found[1].ends_with("[0.0]"));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut calls = Calls::default();
        for n in 0..=Calls::MOST as u64 {
            let mut lonely = client(1);
            lonely.span_id = SpanId::from_bytes((n + 1).to_be_bytes()).unwrap();
            edges(&mut calls, &[lonely]);
        }
        assert_eq!(
            (calls.waiting.len(), calls.order.len()),
            (Calls::MOST, Calls::MOST)
        );
    }
}
