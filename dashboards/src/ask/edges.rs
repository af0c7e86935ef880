//! Who calls whom, from the series derived of pairs of spans.

use std::collections::BTreeMap;
use std::time::Duration;

use watchfire_schemas::{LabelSet, Timestamp};
use watchfire_tsdb::{QueryError, QueryValue};

use super::instant;
use crate::Console;

/// Calls of one service by another over some time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Call {
    pub(crate) client: String,
    pub(crate) server: String,
    /// `database`, `messaging_system`, `virtual_node`; empty for a plain request.
    pub(crate) kind: String,
    pub(crate) per_second: f64,
    /// Of one.
    pub(crate) failed: f64,
    /// Seconds, as the server saw them, or its callers if it has no spans; not a number if neither
    /// is known.
    pub(crate) p95: f64,
}

/// All calls over a length of time up to `at`, of those that a matcher leaves; the busiest first.
pub(crate) async fn calls(
    console: &Console,
    matcher: &str,
    at: Timestamp,
    length: Duration,
) -> Result<Vec<Call>, QueryError> {
    let by = "client, server, connection_type";
    let window = format!("{}s", length.as_secs().max(60));
    let of = |name: &str, by: &str| {
        format!("sum by ({by}) (rate(traces_service_graph_request_{name}{{{matcher}}}[{window}]))")
    };
    // What has no spans of its own is known by its callers only.
    let p95 = format!(
        "histogram_quantile(0.95, {}) or histogram_quantile(0.95, {})",
        of("server_seconds_bucket", &format!("{by}, le")),
        of("client_seconds_bucket", &format!("{by}, le"))
    );
    let (all, failed, p95) = tokio::try_join!(
        instant(console, of("total", by), at),
        instant(console, of("failed_total", by), at),
        instant(console, p95, at),
    )?;
    let mut calls: BTreeMap<LabelSet, Call> = BTreeMap::new();
    let mut take = |value: QueryValue, write: fn(&mut Call, f64)| {
        let QueryValue::Vector(samples) = value else {
            return;
        };
        for one in samples {
            let text = |name: &str| one.labels.get(name).unwrap_or_default().to_owned();
            let call = calls.entry(one.labels.clone()).or_insert_with(|| Call {
                client: text("client"),
                server: text("server"),
                kind: text("connection_type"),
                p95: f64::NAN,
                ..Call::default()
            });
            write(call, one.sample.v);
        }
    };
    take(all.value, |call, value| call.per_second = value);
    take(failed.value, |call, value| {
        call.failed = if call.per_second > 0.0 {
            (value / call.per_second).min(1.0)
        } else {
            0.0
        };
    });
    take(p95.value, |call, value| call.p95 = value);
    let mut calls: Vec<Call> = calls
        .into_values()
        .filter(|call| call.per_second > 0.0)
        .collect();
    calls.sort_by(|a, b| b.per_second.total_cmp(&a.per_second));
    Ok(calls)
}
