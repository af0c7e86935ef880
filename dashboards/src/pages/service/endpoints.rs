//! The operations of the service, each with its own rate, errors and durations.

use std::collections::BTreeMap;

use watchfire_tsdb::{InstantSample, QueryError, QueryValue};

use super::Found;
use super::requests::server;
use crate::ask::{self, ServiceRed};
use crate::charts::{Svg, flow, sparkline};
use crate::range::Asked;
use crate::{Console, chain, figures};

/// Rows shown at most.
const MOST: usize = 50;

#[derive(Debug)]
pub(crate) struct OperationRow {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) errors_href: String,
    pub(crate) rate: String,
    pub(crate) error_ratio: String,
    pub(crate) p50: String,
    pub(crate) p95: String,
    pub(crate) p99: String,
    /// Its share of the time that all requests took.
    pub(crate) time: String,
    pub(crate) trend: Svg,
    pub(crate) error_trend: Svg,
}

/// By what rows are sorted: (name in the URL, heading).
pub(crate) const ORDERS: [(&str, &str); 5] = [
    ("rate", "Requests/s"),
    ("errors", "Failed"),
    ("p50", "p50"),
    ("p95", "p95"),
    ("p99", "p99"),
];

/// Seconds that requests took in the range, by operation.
pub(super) async fn busy(
    console: &Console,
    service: &str,
    asked: &Asked,
) -> Result<BTreeMap<String, f64>, QueryError> {
    let window = asked.length().as_secs().max(60);
    let expr = format!(
        "sum by (operation) (increase(traces_span_metrics_duration_seconds_sum{{{}}}[{window}s]))",
        server(service)
    );
    let QueryValue::Vector(found) = ask::instant(console, expr, asked.range.end).await?.value
    else {
        return Ok(BTreeMap::new());
    };
    let one = |one: InstantSample| {
        let operation = one.labels.get("operation").unwrap_or_default().to_owned();
        (operation, one.sample.v)
    };
    Ok(found.into_iter().map(one).collect())
}

pub(super) fn rows(
    found: &Found,
    sort: &str,
    of_service: &str,
    asked: &Asked,
) -> Vec<OperationRow> {
    let last = |points: &[_]| ServiceRed::last(points).unwrap_or(0.0);
    let weight = |red: &ServiceRed| match sort {
        "errors" => red.error_ratio().unwrap_or(0.0),
        "p50" => last(&red.p50),
        "p95" => last(&red.p95),
        "p99" => last(&red.p99),
        _ => last(&red.rate),
    };
    let mut sorted: Vec<&ServiceRed> = found.operations.iter().collect();
    sorted.sort_by(|a, b| {
        weight(b)
            .total_cmp(&weight(a))
            .then_with(|| a.name.cmp(&b.name))
    });
    let busy = |red: &ServiceRed| found.busy.get(&red.name).copied().unwrap_or(f64::NAN);
    let all: f64 = found.busy.values().filter(|busy| busy.is_finite()).sum();
    let row = |red: &ServiceRed| {
        let share = if all > 0.0 { busy(red) / all } else { f64::NAN };
        row(red, share, of_service, asked)
    };
    sorted.into_iter().take(MOST).map(row).collect()
}

fn row(red: &ServiceRed, share: f64, of_service: &str, asked: &Asked) -> OperationRow {
    let query = format!("{of_service} {}", chain::spans_of_operation(&red.name));
    let seconds =
        |points: &[_]| ServiceRed::last(points).map_or_else(|| "–".to_owned(), figures::duration);
    let values: Vec<f64> = red.rate.iter().map(|(_, value)| *value).collect();
    OperationRow {
        href: chain::traces(asked, &query),
        errors_href: chain::traces(asked, &format!("{query} status:error")),
        rate: ServiceRed::last(&red.rate).map_or_else(|| "–".to_owned(), figures::short),
        error_ratio: red
            .error_ratio()
            .map_or_else(|| "–".to_owned(), figures::percent),
        p50: seconds(&red.p50),
        p95: seconds(&red.p95),
        p99: seconds(&red.p99),
        time: if share.is_finite() {
            figures::percent(share)
        } else {
            "–".to_owned()
        },
        trend: flow(&values, "requests over the range"),
        error_trend: sparkline(
            &red.error_ratios(),
            0.05,
            "share of failed requests over the range",
        ),
        name: red.name.clone(),
    }
}
