//! One trace for each bucket of latency: a failed one if there is one, else the slowest.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;
use watchfire_alerts::Incident;
use watchfire_schemas::{SpanId, TimeRange, Timestamp, TraceId};
use watchfire_tsdb::{ExemplarSeries, QueryError, Selector};

use super::service_matcher;
use crate::pages::explore::{span_of, trace_of};
use crate::{Console, figures};

/// Bounds in seconds by which exemplars are told apart.
const BOUNDS: [f64; 9] = [0.01, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExemplarTrace {
    pub(crate) trace_id: TraceId,
    /// The request itself; not known of incidents of former times.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) span_id: Option<SpanId>,
    pub(crate) at: Timestamp,
    pub(crate) seconds: f64,
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) failed: bool,
    /// `over 250 ms`.
    pub(crate) bucket: String,
}

pub(super) async fn exemplars(
    console: &Console,
    incident: &Incident,
    trouble: TimeRange,
) -> Result<Vec<ExemplarTrace>, QueryError> {
    let of_services = service_matcher(incident);
    let selector = format!(
        "traces_span_metrics_duration_seconds_bucket{{kind=\"SPAN_KIND_SERVER\"{of_services}}}"
    );
    let selector = Selector::parse(&selector)?;
    let tsdb = Arc::clone(&console.tsdb);
    let found = spawn_blocking(move || tsdb.exemplars(&selector, trouble)).await;
    Ok(chosen(found.unwrap_or_default()))
}

/// The slowest bucket first.
fn chosen(series: Vec<ExemplarSeries>) -> Vec<ExemplarTrace> {
    let mut best: BTreeMap<usize, ExemplarTrace> = BTreeMap::new();
    for one in series {
        let text = |name: &str| one.labels.get(name).unwrap_or_default().to_owned();
        let failed = one.labels.get("status") == Some("STATUS_CODE_ERROR");
        for exemplar in &one.exemplars {
            let Some(trace_id) = trace_of(exemplar) else {
                continue;
            };
            let bucket = BOUNDS.partition_point(|bound| *bound < exemplar.v);
            let known = best.get(&bucket);
            let rank = (failed, exemplar.v);
            if known.is_some_and(|known| (known.failed, known.seconds) >= rank) {
                continue;
            }
            let trace = ExemplarTrace {
                trace_id,
                span_id: span_of(exemplar),
                at: Timestamp::from_millis(exemplar.t),
                seconds: exemplar.v,
                service: text("service"),
                operation: text("operation"),
                failed,
                bucket: named(bucket),
            };
            best.insert(bucket, trace);
        }
    }
    best.into_values().rev().collect()
}

fn named(bucket: usize) -> String {
    match bucket {
        0 => format!("up to {}", figures::duration(BOUNDS[0])),
        _ => format!("over {}", figures::duration(BOUNDS[bucket - 1])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_schemas::{Exemplar, LabelSet};

    #[test]
    fn a_bucket_shows_a_failure_before_what_is_slower() {
        let series = |status: &str, seconds: &[f64]| ExemplarSeries {
            labels: LabelSet::new([("service", "a"), ("operation", "GET /"), ("status", status)]),
            exemplars: seconds
                .iter()
                .map(|v| Exemplar {
                    t: 1_000,
                    v: *v,
                    trace_id: Some("0af7651916cd43dd8448eb211c80319c".parse().unwrap()),
                    labels: LabelSet::default(),
                })
                .collect(),
        };
        let found = chosen(vec![
            series("STATUS_CODE_UNSET", &[0.3, 0.4, 3.0]),
            series("STATUS_CODE_ERROR", &[0.31, 0.005]),
        ]);
        let told: Vec<(String, f64, bool)> = found
            .into_iter()
            .map(|one| (one.bucket, one.seconds, one.failed))
            .collect();
        assert_eq!(
            told,
            [
                ("over 2.5 s".to_owned(), 3.0, false),
                ("over 250 ms".to_owned(), 0.31, true),
                ("up to 10 ms".to_owned(), 0.005, true),
            ]
        );
    }
}
