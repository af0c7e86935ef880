//! What the series tell that Watchfire itself makes of logs and spans: nobody sends a description of
//! them.

use std::collections::BTreeMap;

use watchfire_schemas::{MetricKind, MetricMetadata};

const OWN: [(&str, &str); 10] = [
    ("log_records_total", "Log records, by service and severity"),
    ("exceptions_total", "Exceptions, by service, type and group"),
    (
        "schema_violations_total",
        "Lines that broke a contract, by service and schema",
    ),
    (
        "traces_span_metrics_calls_total",
        "Spans, by service, operation, kind and status",
    ),
    (
        "traces_span_metrics_duration_seconds",
        "How long spans took, by service, operation, kind and status",
    ),
    (
        "traces_service_graph_request_total",
        "Calls of one service by another",
    ),
    (
        "traces_service_graph_request_failed_total",
        "Calls of one service by another that failed",
    ),
    (
        "traces_service_graph_request_server_seconds",
        "How long calls took, as the service called saw them",
    ),
    (
        "traces_service_graph_request_client_seconds",
        "How long calls took, as their caller saw them",
    ),
    ("up", "Whether a target could be scraped: 1 or 0"),
];

/// Fills in what is not said.
pub(super) fn described(mut said: Vec<MetricMetadata>) -> Vec<MetricMetadata> {
    let own: BTreeMap<&str, &str> = OWN.into_iter().collect();
    for meta in said.iter_mut().filter(|meta| meta.help.is_empty()) {
        if let Some(help) = own.get(meta.family.as_str()) {
            (*help).clone_into(&mut meta.help);
            if meta.kind == MetricKind::Unknown {
                meta.kind = MetricKind::Gauge;
            }
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sender_says_stays() {
        let meta = |family: &str, help: &str| MetricMetadata {
            family: family.to_owned(),
            kind: MetricKind::Counter,
            help: help.to_owned(),
            unit: String::new(),
        };
        let filled = described(vec![
            meta("exceptions_total", ""),
            meta("log_records_total", "mine"),
            meta("x", ""),
        ]);
        let helps: Vec<&str> = filled.iter().map(|meta| meta.help.as_str()).collect();
        assert_eq!(
            helps,
            ["Exceptions, by service, type and group", "mine", ""]
        );
    }
}
