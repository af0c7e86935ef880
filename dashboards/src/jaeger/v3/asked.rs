use watchfire_schemas::{TimeRange, Timestamp};

use crate::jaeger::answer::{Failure, number};
use crate::jaeger::asked::{SearchAsked, bounded, durations, operation};
use crate::jaeger::tag;
use crate::params::Params;
use crate::query_text;

const DEPTH: usize = 100;

/// The parameters' names in JSON's manner, each with the older one.
const SERVICE: [&str; 2] = ["query.serviceName", "query.service_name"];
const OPERATION: [&str; 2] = ["query.operationName", "query.operation_name"];
const TIME_MIN: [&str; 2] = ["query.startTimeMin", "query.start_time_min"];
const TIME_MAX: [&str; 2] = ["query.startTimeMax", "query.start_time_max"];

/// What a search of v3 asks. Without a service all are searched; both times are needed.
pub(super) fn search(params: &Params) -> Result<SearchAsked, Failure> {
    if params.get("query.filter").is_some() {
        let message = "query.filter is not supported: use query.attributes";
        return Err(Failure::bad(message));
    }
    let service = either(params, SERVICE).map(|name| query_text::term("service", name));
    let mut clauses: Vec<String> = service.into_iter().collect();
    clauses.extend(operation(either(params, OPERATION)));
    for names in [
        ["query.durationMin", "query.durationMax"],
        ["query.duration_min", "query.duration_max"],
    ] {
        clauses.extend(durations(params, names)?);
    }
    let (Some(start), Some(end)) = (time(params, TIME_MIN)?, time(params, TIME_MAX)?) else {
        let message = format!("{} and {} are required", TIME_MIN[0], TIME_MAX[0]);
        return Err(Failure::bad(message));
    };
    if start >= end {
        let message = format!("{} must be before {}", TIME_MIN[0], TIME_MAX[0]);
        return Err(Failure::bad(message));
    }
    let tags = match params.get("query.attributes") {
        Some(text) => tag::of_object("query.attributes", text)?,
        None => Vec::new(),
    };
    let mut depth = None;
    for name in [
        "query.searchDepth",
        "query.search_depth",
        "query.num_traces",
    ] {
        depth = depth.or(number(params, name, "a number of traces")?);
    }
    Ok(SearchAsked {
        query: clauses.join(" "),
        tags,
        range: TimeRange { start, end },
        limit: bounded(depth, DEPTH),
    })
}

/// A time in RFC 3339. Grafana sends the `+` of a zone without an escape, which reads as a space.
pub(super) fn time(params: &Params, names: [&str; 2]) -> Result<Option<Timestamp>, Failure> {
    let Some(text) = either(params, names) else {
        return Ok(None);
    };
    let at = text.replace(' ', "+").parse().map_err(|_| {
        Failure::bad(format!(
            "malformed parameter {}: expected a time in RFC 3339, found {text:?}",
            names[0]
        ))
    })?;
    Ok(Some(at))
}

fn either<'p>(params: &'p Params, names: [&str; 2]) -> Option<&'p str> {
    params.get(names[0]).or_else(|| params.get(names[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: &str =
        "query.startTimeMin=2026-11-22T20:00:00Z&query.startTimeMax=2026-11-22T22:00:00+01:00";

    fn check(query: &str, expected: Result<&str, &str>) {
        let found = search(&Params::parse(query));
        let found = found
            .map(|asked| asked.query)
            .map_err(|failure| failure.message);
        match expected {
            Ok(query) => assert_eq!(found.as_deref(), Ok(query)),
            Err(part) => assert!(found.as_ref().unwrap_err().contains(part), "{found:?}"),
        }
    }

    #[test]
    fn a_search_becomes_a_query() {
        check(TIMES, Ok(""));
        check(
            &format!("{TIMES}&query.serviceName=a&query.operation_name=b&query.durationMin=1s"),
            Ok("service:a name:b duration:>=1000000000ns"),
        );
        check("query.serviceName=a", Err("are required"));
        check(
            &TIMES.replace("22:00:00", "20:30:00"),
            Err("must be before"),
        );
        check(
            &TIMES.replace("20:00:00Z", "now"),
            Err("query.startTimeMin"),
        );
        check(
            &format!("{TIMES}&query.attributes=a"),
            Err("query.attributes"),
        );
        check(
            &format!("{TIMES}&query.searchDepth=all"),
            Err("query.searchDepth"),
        );
        check(&format!("{TIMES}&query.filter=%7B%7D"), Err("query.filter"));
    }

    #[test]
    fn depth_and_attributes_are_read() {
        let query = format!("{TIMES}&query.num_traces=7&query.attributes=%7B%22a%22%3A%22b%22%7D");
        let asked = search(&Params::parse(&query)).unwrap();
        assert_eq!((asked.limit, asked.tags.len()), (7, 1));
        assert_eq!(search(&Params::parse(TIMES)).unwrap().limit, 100);
    }
}
