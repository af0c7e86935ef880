//! `[[slo]]`: objectives of services over what their spans tell, in a few words.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::rules::rule_file;
use super::{AlertTexts, Alerting, CompiledSlos, Guard, Indicator, Slo, SloPeriod};

/// The name of the alerts of objectives that do not give one.
pub(super) const PAGE_ALERT: &str = "SloBudgetBurn";

/// The upper bounds of the buckets into which durations of spans are counted, in seconds.
const BOUNDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];

/// An objective of a service: that requests do not fail, or that they are answered within a time.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnSlo {
    pub service: String,
    /// `availability` or `latency` where nobody says otherwise.
    pub name: Option<String>,
    /// In percent.
    pub objective: f64,
    /// Of one operation only.
    pub operation: Option<String>,
    /// The time within which a request counts as good; none: it counts as good if it does not fail.
    pub latency: Option<Duration>,
    pub period: SloPeriod,
    /// No alert where the short window holds fewer requests.
    pub min_events: u32,
}

/// Why an objective cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service}: {reason}")]
pub struct OwnSloError {
    pub service: String,
    pub reason: String,
}

/// Compiles objectives, each checked.
pub fn compile_own_slos(own: &[OwnSlo]) -> Result<CompiledSlos, OwnSloError> {
    let mut slos: Vec<Slo> = Vec::with_capacity(own.len());
    for one in own {
        let wrong = |reason: String| OwnSloError {
            service: one.service.clone(),
            reason,
        };
        let slo = meant(one).map_err(wrong)?;
        if slos.iter().any(|other| other.id == slo.id) {
            return Err(wrong(format!("two objectives are called {:?}", slo.name)));
        }
        slos.push(slo);
    }
    Ok(CompiledSlos {
        rules: rule_file(&slos),
        objectives: slos.len(),
        warnings: Vec::new(),
    })
}

fn meant(own: &OwnSlo) -> Result<Slo, String> {
    if own.service.is_empty() {
        return Err("an objective needs a service".to_owned());
    }
    if !(own.objective > 0.0 && own.objective <= 100.0) {
        return Err(format!(
            "the objective {} is not above 0 and up to 100 percent",
            own.objective
        ));
    }
    let which = matchers(own);
    let calls = |more: &str| {
        format!("sum(increase(traces_span_metrics_calls_total{{{which}{more}}}[{{{{.window}}}}]))")
    };
    let (kind, bad, total) = match own.latency {
        None => {
            let bad = calls(r#", status="STATUS_CODE_ERROR""#);
            (
                "availability",
                format!("({bad} or 0 * {})", calls("")),
                calls(""),
            )
        }
        Some(limit) => {
            let family = "traces_span_metrics_duration_seconds";
            let count = |part: &str, more: &str| {
                format!("sum(increase({family}_{part}{{{which}{more}}}[{{{{.window}}}}]))")
            };
            let le = bound(limit)?;
            let total = count("count", "");
            let good = count("bucket", &format!(r#", le="{le}""#));
            ("latency", format!("clamp_min({total} - {good}, 0)"), total)
        }
    };
    let name = own.name.clone().unwrap_or_else(|| kind.to_owned());
    let signal = if own.latency.is_some() {
        "latency"
    } else {
        "errors"
    };
    let (page, ticket) = texts(&own.service, &name, Some(signal));
    Ok(Slo {
        id: format!("{}-{name}", own.service),
        objective: own.objective,
        labels: BTreeMap::new(),
        indicator: Indicator::Events {
            bad,
            total: total.clone(),
        },
        period: own.period,
        alerting: Alerting {
            name: PAGE_ALERT.to_owned(),
            page: Some(page),
            ticket: Some(ticket),
            ..Alerting::default()
        },
        form: "watchfire",
        guard: (own.min_events > 0).then_some(Guard {
            events: total,
            at_least: own.min_events,
        }),
        service: own.service.clone(),
        name,
    })
}

fn matchers(own: &OwnSlo) -> String {
    let quoted = |text: &str| json!(text).to_string();
    let service = format!("service={}", quoted(&own.service));
    let operation = own.operation.as_deref();
    let operation = operation.map(|operation| format!("operation={}", quoted(operation)));
    let kind = r#"kind="SPAN_KIND_SERVER""#.to_owned();
    let all: Vec<String> = [Some(service), operation, Some(kind)]
        .into_iter()
        .flatten()
        .collect();
    all.join(", ")
}

/// How the bucket is labelled that ends at a time.
fn bound(limit: Duration) -> Result<String, String> {
    let seconds = limit.as_secs_f64();
    let found = BOUNDS.iter().find(|bound| (**bound - seconds).abs() < 1e-9);
    found.map(f64::to_string).ok_or_else(|| {
        let known: Vec<String> = BOUNDS.iter().map(|bound| format!("{bound}s")).collect();
        format!(
            "durations are counted up to {}, not up to {seconds}s",
            known.join(", ")
        )
    })
}

/// What the alerts of an objective carry: who pages and who is only shown, and words with numbers.
/// `signal` dates the failure, where the objective is about one.
pub(super) fn texts(service: &str, name: &str, signal: Option<&str>) -> (AlertTexts, AlertTexts) {
    let annotations = |pace: &str| {
        let signal = signal.map(|signal| ("signal", signal.to_owned()));
        let told = [
            (
                "summary",
                format!(
                    "{service}: the error budget of {name} burns {pace}, {{{{ $value | humanizePercentage }}}} are bad"
                ),
            ),
            (
                "description",
                format!(
                    "Of what {name} counts for {service}, {{{{ $value | humanizePercentage }}}} is bad in the shorter of two windows, and more than the budget allows in both."
                ),
            ),
            (
                "runbook_url",
                format!("{{{{ externalURL }}}}/runbooks/{PAGE_ALERT}"),
            ),
        ];
        told.into_iter()
            .chain(signal)
            .map(|(name, text)| (name.to_owned(), text))
            .collect()
    };
    let labels = |severity: &str| {
        let pairs = [("service", service), ("severity", severity)];
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    };
    let texts = |severity, pace| AlertTexts {
        labels: labels(severity),
        annotations: annotations(pace),
    };
    (
        texts("error", "fast enough to be gone within days"),
        texts("warning", "faster than it should"),
    )
}
