//! Rate, errors and duration of services, from the series derived of their spans.

use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_schemas::{TimeRange, Timestamp};
use watchfire_tsdb::{QueryError, RangeSeries};

use super::metrics::steps;
use crate::Console;

/// One service (or one operation of a service) over a range.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ServiceRed {
    pub(crate) name: String,
    /// Requests per second.
    pub(crate) rate: Vec<(Timestamp, f64)>,
    /// Failed requests per second.
    pub(crate) errors: Vec<(Timestamp, f64)>,
    /// Seconds.
    pub(crate) p50: Vec<(Timestamp, f64)>,
    pub(crate) p95: Vec<(Timestamp, f64)>,
    pub(crate) p99: Vec<(Timestamp, f64)>,
    /// Log records of severity ERROR and FATAL per second.
    pub(crate) error_logs: Vec<(Timestamp, f64)>,
}

impl ServiceRed {
    /// The newest value that is a number.
    pub(crate) fn last(points: &[(Timestamp, f64)]) -> Option<f64> {
        points
            .last()
            .map(|(_, value)| *value)
            .filter(|value| value.is_finite())
    }

    /// Failed requests as a share of all, over time; zero where there are none.
    pub(crate) fn error_ratios(&self) -> Vec<f64> {
        let errors: BTreeMap<Timestamp, f64> = self.errors.iter().copied().collect();
        let ratio = |(at, rate): &(Timestamp, f64)| {
            let errors = errors.get(at).copied().unwrap_or(0.0);
            if *rate > 0.0 { errors / rate } else { 0.0 }
        };
        self.rate.iter().map(ratio).collect()
    }

    /// Failed requests as a share of all, now. None if there are no requests.
    pub(crate) fn error_ratio(&self) -> Option<f64> {
        let rate = Self::last(&self.rate).filter(|rate| *rate > 0.0)?;
        Some((Self::last(&self.errors).unwrap_or(0.0) / rate).min(1.0))
    }
}

/// All services, by name, up to the very end of the range: what fails now is not to be told only
/// when a step is full. Of their durations only the newest are asked: that is what a list shows.
pub(crate) async fn red(
    console: &Console,
    asked: TimeRange,
    step: Duration,
) -> Result<Vec<ServiceRed>, QueryError> {
    let end = asked.end;
    let whole = asked.end.since(asked.start).as_secs() / step.as_secs().max(1);
    let asked = TimeRange {
        start: end - step * u32::try_from(whole).unwrap_or(u32::MAX),
        end,
    };
    let newest = TimeRange { start: end, end };
    figures(console, ("service", ""), asked, newest, step).await
}

/// By a label, of the series that a further matcher (such as `service="a"`) leaves.
pub(crate) async fn red_of(
    console: &Console,
    label: &str,
    matcher: &str,
    asked: TimeRange,
    step: Duration,
) -> Result<Vec<ServiceRed>, QueryError> {
    let asked = TimeRange {
        start: asked.start.floor(step),
        end: asked.end,
    };
    figures(console, (label, matcher), asked, asked, step).await
}

/// `durations`: of which part of the range they are asked.
async fn figures(
    console: &Console,
    (label, matcher): (&str, &str),
    asked: TimeRange,
    durations: TimeRange,
    step: Duration,
) -> Result<Vec<ServiceRed>, QueryError> {
    let window = format!("{}s", step.as_secs().max(60) + 15);
    let server = format!("kind=\"SPAN_KIND_SERVER\"{}{matcher}", comma(matcher));
    let calls = format!("traces_span_metrics_calls_total{{{server}");
    let buckets = format!("traces_span_metrics_duration_seconds_bucket{{{server}}}");
    let rate = format!("sum by ({label})(rate({calls}}}[{window}]))");
    let errors =
        format!("sum by ({label})(rate({calls},status=\"STATUS_CODE_ERROR\"}}[{window}]))");
    let quantile = |q: f64| {
        format!("histogram_quantile({q}, sum by ({label}, le)(rate({buckets}[{window}])))")
    };
    let error_logs = format!(
        "sum by (service)(rate(log_records_total{{severity=~\"ERROR|FATAL\"{}{matcher}}}[{window}]))",
        comma(matcher)
    );
    let (rate, errors, p50, p95, p99, error_logs) = tokio::try_join!(
        steps(console, rate, asked, step),
        steps(console, errors, asked, step),
        steps(console, quantile(0.5), durations, step),
        steps(console, quantile(0.95), durations, step),
        steps(console, quantile(0.99), durations, step),
        steps(console, error_logs, asked, step),
    )?;
    let mut services: BTreeMap<String, ServiceRed> = BTreeMap::new();
    let mut take = |series: Vec<RangeSeries>, field: fn(&mut ServiceRed) -> &mut Vec<_>| {
        for series in series {
            let name = series.labels.get(label).unwrap_or_default().to_owned();
            if name.is_empty() {
                continue;
            }
            let service = services.entry(name.clone()).or_default();
            service.name = name;
            *field(service) = points(&series);
        }
    };
    take(rate.value, |service| &mut service.rate);
    take(errors.value, |service| &mut service.errors);
    take(p50.value, |service| &mut service.p50);
    take(p95.value, |service| &mut service.p95);
    take(p99.value, |service| &mut service.p99);
    if label == "service" {
        take(error_logs.value, |service| &mut service.error_logs);
    }
    Ok(services.into_values().collect())
}

/// A service so much earlier, with the times of now.
pub(crate) async fn red_before(
    console: &Console,
    matcher: &str,
    asked: TimeRange,
    step: Duration,
    shift: Duration,
) -> Result<Vec<ServiceRed>, QueryError> {
    let earlier = TimeRange {
        start: asked.start - shift,
        end: asked.end - shift,
    };
    // Steps are counted from the start of the range, which both must agree on.
    let moved = asked
        .start
        .floor(step)
        .seconds_since(earlier.start.floor(step));
    let mut found = red_of(console, "service", matcher, earlier, step).await?;
    for red in &mut found {
        let lines = [
            &mut red.rate,
            &mut red.errors,
            &mut red.p50,
            &mut red.p95,
            &mut red.p99,
        ];
        for point in lines.into_iter().flatten() {
            point.0 = point.0 + Duration::from_secs_f64(moved.max(0.0));
        }
    }
    Ok(found)
}

fn comma(matcher: &str) -> &'static str {
    if matcher.is_empty() { "" } else { "," }
}

fn points(series: &RangeSeries) -> Vec<(Timestamp, f64)> {
    series
        .samples
        .iter()
        .map(|sample| (Timestamp::from_millis(sample.t), sample.v))
        .collect()
}
