//! A trace's id pasted into the box of the query: it leads to the trace.

use watchfire_schemas::{SpanId, TraceId};

use crate::chain;
use crate::range::Asked;

/// Where a query leads that is nothing but the id of a trace, or a `traceparent` header.
pub(super) fn trace_of(query: &str, asked: &Asked) -> Option<String> {
    let text = query.trim().trim_matches(['"', '\'']);
    let text = text.strip_prefix("traceparent:").unwrap_or(text).trim();
    let parts: Vec<&str> = text.split('-').collect();
    let (trace, span) = match parts.as_slice() {
        [trace] => (trace.parse::<TraceId>().ok()?, None),
        [version, trace, span, flags] if version.len() == 2 && flags.len() == 2 => {
            (trace.parse().ok()?, span.parse::<SpanId>().ok())
        }
        _ => return None,
    };
    Some(chain::trace(asked, &trace, span.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;

    #[test]
    fn an_id_leads_to_its_trace_and_anything_else_is_a_query() {
        let now = "2026-11-22T06:00:00Z".parse().unwrap();
        let asked = Asked::from_params(&Params::parse("last=1h"), now, "1h").unwrap();
        let check = |query: &str, expected: Option<&str>| {
            assert_eq!(trace_of(query, &asked).as_deref(), expected, "{query}");
        };
        let trace = "/traces/4bf92f3577b34da6a3ce929d0e0e4736?last=1h";
        check(" 4bf92f3577b34da6a3ce929d0e0e4736 ", Some(trace));
        check("\"4BF92F3577B34DA6A3CE929D0E0E4736\"", Some(trace));
        check(
            "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            Some("/traces/4bf92f3577b34da6a3ce929d0e0e4736?span=00f067aa0ba902b7&last=1h"),
        );
        check("00000000000000000000000000000000", None);
        check("4bf92f3577b34da6", None);
        check(
            "trace_id:4bf92f3577b34da6a3ce929d0e0e4736 status:error",
            None,
        );
    }
}
