//! Single requests that the histograms of a service kept, for its heat map.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::spawn_blocking;
use watchfire_schemas::{Exemplar, TimeRange, Timestamp, TraceId};
use watchfire_tsdb::{ExemplarSeries, QueryError, Selector};

use super::requests::server;
use crate::charts::{Cells, TraceDot};
use crate::pages::explore::{span_of, trace_of};
use crate::range::Asked;
use crate::{Console, chain, figures};

/// They are drawn for so many stretches of the range, of each the slowest and the slowest that failed.
const STRETCHES: i64 = 24;

pub(super) async fn exemplars(
    console: &Console,
    service: &str,
    range: TimeRange,
) -> Result<Vec<ExemplarSeries>, QueryError> {
    let of_service = server(service);
    let selector = format!("traces_span_metrics_duration_seconds_bucket{{{of_service}}}");
    let selector = Selector::parse(&selector)?;
    let tsdb = Arc::clone(&console.tsdb);
    let found = spawn_blocking(move || tsdb.exemplars(&selector, range)).await;
    Ok(found.unwrap_or_default())
}

/// One that may be drawn.
#[derive(Debug, Clone, Copy)]
struct Kept<'a> {
    exemplar: &'a Exemplar,
    trace: TraceId,
    operation: &'a str,
    failed: bool,
}

pub(super) fn dots(found: &[ExemplarSeries], cells: &Cells, asked: &Asked) -> Vec<TraceDot> {
    let stretch = (asked.length().as_millis() as i64 / STRETCHES).max(1);
    let mut chosen: BTreeMap<(i64, bool), Kept<'_>> = BTreeMap::new();
    for series in found {
        let failed = series.labels.get("status") == Some("STATUS_CODE_ERROR");
        let operation = series.labels.get("operation").unwrap_or_default();
        for exemplar in &series.exemplars {
            let Some(trace) = trace_of(exemplar) else {
                continue;
            };
            let kept = Kept {
                exemplar,
                trace,
                operation,
                failed,
            };
            let best = chosen.entry((exemplar.t / stretch, failed)).or_insert(kept);
            if best.exemplar.v < exemplar.v {
                *best = kept;
            }
        }
    }
    let dot = |kept: &Kept<'_>| {
        let at = Timestamp::from_millis(kept.exemplar.t);
        Some(TraceDot {
            at,
            value: Some(cells.height_of(kept.exemplar.v)?),
            title: format!(
                "{}{} at {}, {}\nopen trace {}",
                figures::duration(kept.exemplar.v),
                if kept.failed { ", failed" } else { "" },
                figures::clock(at),
                kept.operation,
                figures::cut(&kept.trace.to_string(), 8).0
            ),
            href: chain::trace(asked, &kept.trace, span_of(kept.exemplar).as_ref()),
        })
    };
    chosen.values().filter_map(dot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use watchfire_schemas::LabelSet;

    #[test]
    fn of_each_stretch_the_slowest_is_drawn_and_the_slowest_failure() {
        let now = Timestamp::from_secs(1_795_327_200);
        let params = crate::params::Params::parse("last=1h");
        let asked = Asked::from_params(&params, now, "1h").unwrap();
        let series = |status: &str, seconds: &[f64]| ExemplarSeries {
            labels: LabelSet::new([("operation", "GET /"), ("status", status)]),
            exemplars: seconds
                .iter()
                .map(|v| Exemplar {
                    t: now.millis() - 10_000,
                    v: *v,
                    trace_id: Some("0af7651916cd43dd8448eb211c80319c".parse().unwrap()),
                    labels: LabelSet::new([("span_id", "b7ad6b7169203331")]),
                })
                .collect(),
        };
        let found = [
            series("STATUS_CODE_UNSET", &[0.02, 0.4, 0.03]),
            series("STATUS_CODE_ERROR", &[0.01]),
        ];
        let cells = Cells {
            bounds: vec![0.0, 0.1, 1.0],
            rows: vec![Vec::new(), Vec::new()],
        };
        let dots = dots(&found, &cells, &asked);
        assert_eq!(dots.len(), 2);
        assert!(dots[0].title.starts_with("400 ms at "), "{}", dots[0].title);
        assert!(dots[1].title.starts_with("10 ms, failed at "));
        assert!(
            dots[0].href.ends_with("?span=b7ad6b7169203331&last=1h"),
            "{}",
            dots[0].href
        );
    }
}
