//! The monitor of Jaeger's page: calls, errors and latencies of services, from our span metrics.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};
use watchfire_schemas::{SpanKind, TimeRange, Timestamp};
use watchfire_tsdb::RangeSeries;

use super::answer::{Failure, number, plain, truth};
use super::names::{quoted, read_kind};
use crate::params::Params;
use crate::{Console, ask};

const LOOKBACK: i64 = 3_600_000;
const STEP: i64 = 5_000;
const RATE: i64 = 600_000;

/// As many points of a series as a query of Prometheus may have.
const MOST_POINTS: u128 = 11_000;

const CALLS: &str = "traces_span_metrics_calls_total";
const DURATIONS: &str = "traces_span_metrics_duration_seconds_bucket";

/// What the monitor asks.
#[derive(Debug)]
struct Asked {
    /// A selector of the series, without its end.
    matchers: String,
    /// The labels that are told apart.
    by: &'static str,
    is_by_operation: bool,
    range: TimeRange,
    step: Duration,
    window: String,
}

impl Asked {
    fn read(params: &Params, now: Timestamp) -> Result<Self, Failure> {
        let services: Vec<String> = params.all("service").into_iter().map(escaped).collect();
        if services.is_empty() {
            let reason = "please provide at least one service name";
            let message = format!("unable to parse param 'service': {reason}");
            return Err(Failure::bad(message));
        }
        let mut kinds = Vec::new();
        for text in params.all("spanKind") {
            kinds.push(read_kind(text)?.as_label());
        }
        if kinds.is_empty() {
            kinds.push(SpanKind::Server.as_label());
        }
        let length = |name: &'static str, default: i64| {
            let millis = number(params, name, "milliseconds")?.unwrap_or(default);
            let length = u64::try_from(millis).ok().filter(|millis| *millis > 0);
            length.map(Duration::from_millis).ok_or_else(|| {
                Failure::bad(format!(
                    "unable to parse param '{name}': expected milliseconds above zero, found {millis}"
                ))
            })
        };
        let (lookback, step) = (length("lookback", LOOKBACK)?, length("step", STEP)?);
        if lookback.as_nanos() / step.as_nanos() > MOST_POINTS {
            let message = format!("'step' is too short: a series has at most {MOST_POINTS} points");
            return Err(Failure::bad(message));
        }
        let end = number(params, "endTs", "milliseconds")?;
        let end = end.map_or(now, Timestamp::from_millis);
        let is_by_operation = truth(params, "groupByOperation")?;
        Ok(Self {
            matchers: format!(
                "service=~{},kind=~{}",
                quoted(&services.join("|")),
                quoted(&kinds.join("|"))
            ),
            by: if is_by_operation {
                "service, operation"
            } else {
                "service"
            },
            is_by_operation,
            range: TimeRange::last(lookback, end),
            step,
            window: format!("{}ms", length("ratePer", RATE)?.as_millis()),
        })
    }

    fn rate(&self, metric: &str, more: &str, by: &str) -> String {
        let Self {
            matchers, window, ..
        } = self;
        format!("sum by ({by}) (rate({metric}{{{matchers}{more}}}[{window}]))")
    }
}

/// A name within a regular expression.
fn escaped(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_punctuation() && !matches!(c, '_' | '-' | '/') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Calls a second.
pub(super) async fn calls(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Failure> {
    let asked = Asked::read(&params, console.clock.now())?;
    let expr = asked.rate(CALLS, "", asked.by);
    let help = "calls/sec, grouped by service";
    family(&console, &params, &asked, "call_rate", help, expr).await
}

/// Which part of the calls failed, of one.
pub(super) async fn errors(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Failure> {
    let asked = Asked::read(&params, console.clock.now())?;
    let failed = asked.rate(CALLS, ",status=\"STATUS_CODE_ERROR\"", asked.by);
    let all = asked.rate(CALLS, "", asked.by);
    // Zero, not nothing, where no call failed.
    let expr = format!("({failed} or 0 * {all}) / {all}");
    let help =
        "error rate, computed as a fraction of errors/sec over calls/sec, grouped by service";
    family(&console, &params, &asked, "error_rate", help, expr).await
}

/// A quantile of the durations in milliseconds.
pub(super) async fn latencies(
    State(console): State<Console>,
    params: Params,
) -> Result<Response, Failure> {
    let text = params.text("quantile");
    let quantile = text.parse::<f64>().ok().filter(|q| (0.0..=1.0).contains(q));
    let quantile = quantile.ok_or_else(|| {
        Failure::bad(format!(
            "unable to parse param 'quantile': expected a number from 0 to 1, found {text:?}"
        ))
    })?;
    let asked = Asked::read(&params, console.clock.now())?;
    let buckets = asked.rate(DURATIONS, "", &format!("{}, le", asked.by));
    let expr = format!("1000 * histogram_quantile({quantile}, {buckets})");
    let help = format!("{quantile:.2}th quantile latency, grouped by service");
    family(&console, &params, &asked, "latencies", &help, expr).await
}

async fn family(
    console: &Console,
    params: &Params,
    asked: &Asked,
    of: &str,
    help: &str,
    expr: String,
) -> Result<Response, Failure> {
    let series = ask::range(console, expr, asked.range, asked.step).await?;
    let metrics: Vec<Value> = series.value.iter().map(|one| metric(one, asked)).collect();
    let (name, help) = if asked.is_by_operation {
        (
            format!("service_operation_{of}"),
            format!("{help} & operation"),
        )
    } else {
        (format!("service_{of}"), help.to_owned())
    };
    let whole = json!({"name": name, "type": "GAUGE", "help": help, "metrics": metrics});
    Ok(plain(params, &whole))
}

fn metric(series: &RangeSeries, asked: &Asked) -> Value {
    let label = |shown: &str, name: &str| {
        let value = series.labels.get(name).unwrap_or_default();
        json!({"name": shown, "value": value})
    };
    let mut labels = vec![label("service_name", "service")];
    if asked.is_by_operation {
        labels.push(label("operation", "operation"));
    }
    let points = series.samples.iter().map(|sample| {
        let value = match serde_json::Number::from_f64(sample.v) {
            Some(number) => Value::Number(number),
            // As protobuf's JSON writes what is not finite.
            None if sample.v.is_nan() => "NaN".into(),
            None => (if sample.v > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            })
            .into(),
        };
        let at = Timestamp::from_millis(sample.t).to_string();
        json!({"gaugeValue": {"doubleValue": value}, "timestamp": at})
    });
    json!({"labels": labels, "metricPoints": points.collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: Result<&str, &str>) {
        let found = Asked::read(&Params::parse(query), Timestamp::from_secs(10_000));
        match (found, expected) {
            (Ok(asked), Ok(expr)) => assert_eq!(asked.rate(CALLS, "", asked.by), expr),
            (Err(failure), Err(part)) => {
                assert!(failure.message.contains(part), "{}", failure.message);
            }
            (found, _) => panic!("{query}: {found:?}"),
        }
    }

    #[test]
    fn what_is_asked_becomes_promql() {
        check(
            "service=shop&lookback=3600000&step=60000&ratePer=600000&spanKind=server",
            Ok(
                "sum by (service) (rate(traces_span_metrics_calls_total{service=~\"shop\",kind=~\"SPAN_KIND_SERVER\"}[600000ms]))",
            ),
        );
        check(
            "service=a.b&service=c&spanKind=client&spanKind=consumer&groupByOperation=true",
            Ok(
                "sum by (service, operation) (rate(traces_span_metrics_calls_total{service=~\"a\\\\.b|c\",kind=~\"SPAN_KIND_CLIENT|SPAN_KIND_CONSUMER\"}[600000ms]))",
            ),
        );
        check("", Err("'service'"));
        check("service=a&spanKind=some", Err("'some'"));
        check("service=a&step=0", Err("'step'"));
        check("service=a&step=1", Err("too short"));
        check("service=a&lookback=long", Err("'lookback'"));
        check("service=a&groupByOperation=2", Err("'groupByOperation'"));
    }
}
