use serde::{Deserialize, Serialize};
use watchfire_schemas::LabelSet;

use crate::AlertInstance;
use crate::onset::Direction;

/// Bounds of latency, in seconds, above which a request can count as slow.
const SLOW_ABOVE: [&str; 5] = ["0.1", "0.25", "0.5", "1", "2.5"];

/// A counter to watch, and what to hold it against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WatchedSignal {
    /// In a few words: "server errors of content".
    pub what: String,
    pub selector: String,
    /// Taken off the first: slow requests are all less those under the bound.
    pub minus: Option<String>,
    /// All events of which these are the bad ones.
    pub traffic: Option<String>,
    /// What shows that there was telemetry at all, where neither the counter nor its traffic does.
    #[serde(default)]
    pub presence: Vec<String>,
    pub direction: Direction,
    /// How long what is counted had gone on before it was counted, in seconds, at least: a request
    /// is known to be slow when it ends.
    #[serde(default)]
    pub late_by: f64,
    /// Whether an alert is about it; else it is only of the same service.
    pub of_alert: bool,
}

impl WatchedSignal {
    fn new(what: String, selector: String) -> Self {
        Self {
            what,
            selector,
            minus: None,
            traffic: None,
            presence: Vec::new(),
            direction: Direction::Up,
            late_by: 0.0,
            of_alert: false,
        }
    }

    /// The expression, as a human would write it.
    pub(crate) fn shown(&self) -> String {
        match &self.minus {
            Some(minus) => format!("{} - {minus}", self.selector),
            None => self.selector.clone(),
        }
    }
}

/// The signals that alerts are about, by their annotation `signal`, then those of their services.
/// An alert of somebody's own rule, which has no such annotation, is about all of its service's.
pub(super) fn by_alerts(alerts: &[&AlertInstance]) -> Vec<WatchedSignal> {
    let mut found: Vec<WatchedSignal> = Vec::new();
    let own = alerts.iter().flat_map(|alert| by_alert(alert));
    let around = alerts
        .iter()
        .filter_map(|alert| alert.labels.get("service"))
        .flat_map(of_service);
    for signal in own.chain(around) {
        if !found.iter().any(|known| known.shown() == signal.shown()) {
            found.push(signal);
        }
    }
    found
}

/// Whether one of the signals that the alert is about is among those shown.
pub(crate) fn is_watched(alert: &AlertInstance, shown: &[String]) -> bool {
    by_alert(alert)
        .iter()
        .any(|signal| shown.contains(&signal.shown()))
}

/// The signals that the alert itself says it is about; none if it says nothing.
pub(crate) fn told_signals(alert: &AlertInstance) -> Vec<WatchedSignal> {
    match alert.annotations.get("signal") {
        Some(_) => by_alert(alert),
        None => Vec::new(),
    }
}

fn by_alert(alert: &AlertInstance) -> Vec<WatchedSignal> {
    let labels = &alert.labels;
    let named = |pair: &[&str]| labels.filtered(|name| pair.contains(&name));
    let operation = named(&["service", "operation"]);
    let mut signals = match alert.annotations.get("signal") {
        Some("errors") => vec![failed(&operation, "SPAN_KIND_SERVER")],
        Some("dependency") => vec![failed(&operation, "SPAN_KIND_CLIENT")],
        Some("exceptions") => vec![exceptions(&named(&["service", "type", "group"]))],
        Some("latency") => SLOW_ABOVE.map(|bound| slow(&operation, bound)).to_vec(),
        Some("traffic") => vec![missing(calls(&operation, "SPAN_KIND_SERVER", ""), labels)],
        Some("ingest") => vec![missing(
            selector("log_records_total", &named(&["service"]), ""),
            labels,
        )],
        Some("schema") => vec![WatchedSignal::new(
            format!("schema violations{}", of(labels)),
            selector(
                "schema_violations_total",
                &named(&["service", "schema"]),
                "",
            ),
        )],
        _ => labels.get("service").map(of_service).unwrap_or_default(),
    };
    for signal in &mut signals {
        signal.of_alert = true;
    }
    signals
}

fn of_service(service: &str) -> Vec<WatchedSignal> {
    let labels = LabelSet::new([("service", service)]);
    vec![
        failed(&labels, "SPAN_KIND_SERVER"),
        exceptions(&labels),
        WatchedSignal {
            presence: presence(&labels),
            ..WatchedSignal::new(
                format!("error logs{}", of(&labels)),
                selector("log_records_total", &labels, r#"severity=~"ERROR|FATAL""#),
            )
        },
    ]
}

fn failed(labels: &LabelSet, kind: &str) -> WatchedSignal {
    let what = match kind {
        "SPAN_KIND_CLIENT" => "failed calls",
        _ => "server errors",
    };
    WatchedSignal {
        traffic: Some(calls(labels, kind, "")),
        ..WatchedSignal::new(
            format!("{what}{}", of(labels)),
            calls(labels, kind, r#"status="STATUS_CODE_ERROR""#),
        )
    }
}

fn exceptions(labels: &LabelSet) -> WatchedSignal {
    WatchedSignal {
        presence: presence(labels),
        ..WatchedSignal::new(
            format!("exceptions{}", of(labels)),
            selector("exceptions_total", labels, ""),
        )
    }
}

/// Any log or request of the service.
fn presence(labels: &LabelSet) -> Vec<String> {
    let service = labels.filtered(|name| name == "service");
    ["log_records_total", "traces_span_metrics_calls_total"]
        .map(|metric| selector(metric, &service, ""))
        .to_vec()
}

fn slow(labels: &LabelSet, bound: &str) -> WatchedSignal {
    let server = r#"kind="SPAN_KIND_SERVER""#;
    let family = "traces_span_metrics_duration_seconds";
    let all = selector(&format!("{family}_count"), labels, server);
    let fast = selector(
        &format!("{family}_bucket"),
        labels,
        &format!(r#"{server},le="{bound}""#),
    );
    WatchedSignal {
        minus: Some(fast),
        traffic: Some(all.clone()),
        late_by: bound.parse().unwrap_or_default(),
        ..WatchedSignal::new(format!("requests over {bound} s{}", of(labels)), all)
    }
}

fn missing(selector: String, labels: &LabelSet) -> WatchedSignal {
    WatchedSignal {
        direction: Direction::Down,
        ..WatchedSignal::new(format!("traffic{}", of(labels)), selector)
    }
}

fn calls(labels: &LabelSet, kind: &str, more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    selector(
        "traces_span_metrics_calls_total",
        labels,
        &format!(r#"kind="{kind}"{comma}{more}"#),
    )
}

fn selector(metric: &str, labels: &LabelSet, more: &str) -> String {
    let mut matchers: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={}", quoted(value)))
        .collect();
    if !more.is_empty() {
        matchers.push(more.to_owned());
    }
    format!("{metric}{{{}}}", matchers.join(","))
}

fn quoted(value: &str) -> String {
    let escaped = value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("\"{escaped}\"")
}

fn of(labels: &LabelSet) -> String {
    let parts = ["service", "operation", "type", "schema"];
    let named: Vec<&str> = parts.iter().filter_map(|name| labels.get(name)).collect();
    if named.is_empty() {
        String::new()
    } else {
        format!(" of {}", named.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AlertState;
    use watchfire_schemas::Timestamp;

    fn alert(signal: &str) -> AlertInstance {
        AlertInstance {
            rule: "R".to_owned(),
            labels: LabelSet::new([("service", "a\"b"), ("operation", "GET /x"), ("type", "T")]),
            annotations: LabelSet::new([("signal", signal)]),
            state: AlertState::Firing,
            value: 1.0,
            active_at: Timestamp::from_secs(0),
            fired_at: None,
            kept_since: None,
            resolved_at: None,
        }
    }

    #[test]
    fn every_selector_is_promql() {
        for signal in [
            "errors",
            "dependency",
            "exceptions",
            "latency",
            "traffic",
            "ingest",
            "schema",
            "",
        ] {
            let alert = alert(signal);
            let signals = by_alerts(&[&alert]);
            assert!(signals.iter().any(|s| s.of_alert), "{signal}");
            for watched in signals {
                let all = [Some(watched.selector), watched.minus, watched.traffic];
                for selector in all.into_iter().flatten() {
                    let parsed = promql_parser::parser::parse(&selector);
                    assert!(parsed.is_ok(), "{selector}: {parsed:?}");
                }
            }
        }
    }

    #[test]
    fn an_alert_on_an_operation_watches_that_operation_first() {
        let signals = by_alerts(&[&alert("errors")]);
        assert_eq!(
            signals[0].selector,
            "traces_span_metrics_calls_total{operation=\"GET /x\",service=\"a\\\"b\",\
             kind=\"SPAN_KIND_SERVER\",status=\"STATUS_CODE_ERROR\"}"
        );
        assert_eq!(signals[0].what, "server errors of a\"b GET /x");
        assert_eq!(signals.iter().filter(|s| s.of_alert).count(), 1);
    }
}
