//! The links of the chain: a bucket of durations, its traces, a waterfall, a log record, an
//! exception group, an incident; and back. Pages take them from here, so that each hop is the same
//! from everywhere and keeps the time range that is being looked at.

use std::time::Duration;

use watchfire_schemas::{SpanId, TimeRange, Timestamp, TraceId};

use crate::query_text::{quoted, term};
use crate::range::Asked;
use crate::url;

/// How much earlier than its bucket's time a request may have begun: durations are counted when a
/// request ends, and requests are found by their start.
const LONGEST: Duration = Duration::from_mins(5);

/// Spans that a query finds.
pub(crate) fn traces(asked: &Asked, query: &str) -> String {
    asked.link("/traces", &[("q", query)])
}

/// A waterfall, with one of its spans open.
pub(crate) fn trace(asked: &Asked, id: &TraceId, span: Option<&SpanId>) -> String {
    let span = span.map(ToString::to_string).unwrap_or_default();
    asked.link(&format!("/traces/{id}"), &[("span", &span)])
}

/// Log records that a query finds.
pub(crate) fn logs(asked: &Asked, query: &str) -> String {
    asked.link("/logs", &[("q", query)])
}

/// One log record, with what was logged around it.
pub(crate) fn record(asked: &Asked, id: &str) -> String {
    asked.link("/logs", &[("id", id)])
}

pub(crate) fn group(asked: &Asked, id: &str) -> String {
    asked.link(&format!("/exceptions/{}", url::encode(id)), &[])
}

pub(crate) fn incident(asked: &Asked, id: &str) -> String {
    asked.link(&format!("/incidents/{}", url::encode(id)), &[])
}

pub(crate) fn service(asked: &Asked, name: &str) -> String {
    asked.link(&format!("/services/{}", url::encode(name)), &[])
}

/// The requests that a column of a heat map counted: those that ended after `from`, up to `to`, of
/// whatever duration. A cell of it narrows them in the browser, where the row is known.
pub(crate) fn observed(query: &str, from: Timestamp, to: Timestamp) -> String {
    let range = TimeRange {
        start: from - LONGEST.min(to.since(from)),
        end: to,
    };
    traces(&Asked::absolute(range), query)
}

/// The spans in which exceptions of a group happened.
pub(crate) fn spans_of_group(service: &str, kind: &str) -> String {
    let of_service = term("service", service);
    if kind.is_empty() {
        format!("{of_service} status:error")
    } else {
        format!("{of_service} {}", term("exception.type", kind))
    }
}

/// The spans of a caller that are calls of another: `kind` is the connection's, empty for a plain
/// request. The attributes are those by which the service graph names who sends no spans.
pub(crate) fn spans_of_calls(client: &str, server: &str, kind: &str) -> String {
    const PEER: [&str; 3] = [
        "peer.service",
        "server.address",
        "messaging.destination.name",
    ];
    let called = server;
    let (client, server) = (quoted(client), quoted(server));
    match kind {
        "database" => format!("service:{client} {}", database(called)),
        "messaging_system" => {
            format!("(service:{client} kind:producer) or (service:{server} kind:consumer)")
        }
        _ => format!("service:{client} ({})", any_of(&PEER, &server)),
    }
}

/// The spans of an operation as span metrics name it: ids in a path are masked there, or the route
/// stands for it, and the spans have names of their own.
pub(crate) fn spans_of_operation(operation: &str) -> String {
    let masked = ["{id}", "<"]
        .into_iter()
        .filter_map(|mask| operation.find(mask))
        .min();
    if let Some(begin) = masked
        .map(|at| &operation[..at])
        .filter(|begin| !begin.is_empty())
    {
        let (own, begin) = (
            quoted(operation),
            begin.replace('\\', "\\\\").replace('"', "\\\""),
        );
        return format!("(name:{own} or name:\"{begin}\"*)");
    }
    let path = operation
        .split_once(' ')
        .map_or(operation, |(_, path)| path);
    if path.starts_with('/') && path.contains([':', '{', '*']) {
        let (own, route) = (quoted(operation), quoted(path));
        return format!("(name:{own} or http.route:{route})");
    }
    term("name", operation)
}

/// A database as the graph names it: by its place, by its system, or as `schema (system)`.
fn database(name: &str) -> String {
    const SYSTEM: [&str; 2] = ["db.system.name", "db.system"];
    const PLACE: [&str; 4] = ["peer.service", "server.address", "db.namespace", "db.name"];
    let parts = name
        .strip_suffix(')')
        .and_then(|name| name.split_once(" ("));
    if let Some((schema, system)) = parts {
        let schema = any_of(&["db.namespace", "db.name"], &quoted(schema));
        return format!("({schema}) ({})", any_of(&SYSTEM, &quoted(system)));
    }
    let name = quoted(name);
    format!("({} or {})", any_of(&PLACE, &name), any_of(&SYSTEM, &name))
}

/// The requests that a service answered.
pub(crate) fn spans_answered(server: &str) -> String {
    format!("{} kind:(server or consumer)", term("service", server))
}

fn any_of(names: &[&str], value: &str) -> String {
    let clauses: Vec<String> = names.iter().map(|name| format!("{name}:{value}")).collect();
    clauses.join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    fn asked(query: &str) -> Asked {
        let now = Timestamp::from_secs(1_795_327_047);
        Asked::from_params(&Params::parse(query), now, "1h").unwrap()
    }

    #[test]
    fn every_hop_keeps_the_range() {
        let (id, span): (TraceId, SpanId) = (
            "0af7651916cd43dd8448eb211c80319c".parse().unwrap(),
            "b7ad6b7169203331".parse().unwrap(),
        );
        let asked = asked("last=6h");
        let hops = [
            traces(&asked, "service:a status:error"),
            trace(&asked, &id, Some(&span)),
            trace(&asked, &id, None),
            logs(&asked, "trace_id:x"),
            record(&asked, "18a.2"),
            group(&asked, "a/b"),
            incident(&asked, "i 1"),
            service(&asked, "a"),
        ];
        for hop in &hops {
            assert!(hop.ends_with("last=6h"), "{hop}");
        }
        assert_eq!(
            hops[1],
            "/traces/0af7651916cd43dd8448eb211c80319c?span=b7ad6b7169203331&last=6h"
        );
        assert_eq!(hops[5], "/exceptions/a%2Fb?last=6h");
    }

    #[test]
    fn a_column_reaches_back_to_where_its_requests_began() {
        let to = Timestamp::from_secs(1_000);
        assert_eq!(
            observed("service:a", to - Duration::from_mins(1), to),
            "/traces?q=service:a&start=1970-01-01T00:14:40Z&end=1970-01-01T00:16:40Z"
        );
        let hour = observed("", to - Duration::from_mins(10), to);
        assert!(
            hour.starts_with("/traces?start=1970-01-01T00:01:40Z"),
            "{hour}"
        );
    }

    #[test]
    fn an_operation_leads_to_its_spans_whatever_they_are_called() {
        let check = |operation, expected| assert_eq!(spans_of_operation(operation), expected);
        check("GET /users", r#"name:"GET /users""#);
        check(
            "GET /users/{id}",
            r#"(name:"GET /users/{id}" or name:"GET /users/"*)"#,
        );
        check(
            "/users/:user",
            r#"(name:"/users/:user" or http.route:"/users/:user")"#,
        );
    }

    #[test]
    fn a_schema_is_searched_with_its_system() {
        assert_eq!(
            spans_of_calls("web", "shop (sqlite)", "database"),
            "service:web (db.namespace:shop or db.name:shop) (db.system.name:sqlite or db.system:sqlite)"
        );
    }

    #[test]
    fn queries_are_ones_that_the_store_reads() {
        let queries = [
            spans_of_calls("web", "a \"b\"", ""),
            spans_of_calls("web", "sqlite", "database"),
            spans_of_calls("web", "a b (sqlite)", "database"),
            spans_of_calls("web", "or", "messaging_system"),
            spans_of_group("web", "java.lang.Error"),
            spans_of_group("web", ""),
            spans_answered("a b"),
            spans_of_operation("GET /users/{id}/orders"),
            spans_of_operation("job \"a\" <num>"),
            spans_of_operation("<num>"),
            spans_of_operation("GET /users/:user"),
        ];
        for query in queries {
            assert!(
                crate::query_text::split_pipe(&query).1.is_empty(),
                "{query}"
            );
            watchfire_logsearch::plan_query(&query).unwrap();
        }
    }
}
