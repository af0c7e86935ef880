//! How long requests took around an incident: counts by step and bucket.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use watchfire_alerts::Incident;
use watchfire_schemas::TimeRange;
use watchfire_tsdb::QueryError;

use super::service_matcher;
use crate::charts::{Cells, Steps};
use crate::pages::explore::heat;
use crate::range::round_step;
use crate::{Console, ask};

const STEPS: u64 = 60;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Latency {
    /// Milliseconds since the epoch, and of one step.
    pub(crate) first: i64,
    pub(crate) width: i64,
    /// Seconds; the last one has no bound.
    pub(crate) bounds: Vec<Option<f64>>,
    /// A row for each bucket, the quickest first, with a count a step.
    pub(crate) rows: Vec<Vec<f64>>,
}

impl Latency {
    pub(crate) fn drawn(&self) -> (Steps, Cells) {
        let bounds = self.bounds.iter();
        let cells = Cells {
            bounds: bounds.map(|bound| bound.unwrap_or(f64::INFINITY)).collect(),
            rows: self.rows.clone(),
        };
        let steps = Steps {
            first: self.first,
            width: self.width.max(1),
            count: self.rows.first().map_or(0, Vec::len),
        };
        (steps, cells)
    }
}

pub(super) async fn latency(
    console: &Console,
    incident: &Incident,
    window: TimeRange,
) -> Result<Option<Latency>, QueryError> {
    let step = round_step(window.end.since(window.start), STEPS).max(Duration::from_secs(10));
    let of_services = service_matcher(incident);
    let length = step.as_secs();
    let expr = format!(
        "sum by (le) (increase(traces_span_metrics_duration_seconds_bucket{{kind=\"SPAN_KIND_SERVER\"{of_services}}}[{length}s]))"
    );
    let found = ask::range(console, expr, window, step).await?.value;
    let steps = Steps::over(window, step);
    // An increase up to a step tells of what came before it.
    let steps = Steps {
        first: steps.first - steps.width,
        ..steps
    };
    let mut moved = found;
    for series in &mut moved {
        for sample in &mut series.samples {
            sample.t -= steps.width;
        }
    }
    let cells = heat::cells(&moved, steps).filter(|cells| cells.most() > 0.0);
    Ok(cells.map(|cells| Latency {
        first: steps.first,
        width: steps.width,
        bounds: cells
            .bounds
            .iter()
            .map(|bound| Some(*bound).filter(|bound| bound.is_finite()))
            .collect(),
        rows: cells
            .rows
            .into_iter()
            .map(|row| row.into_iter().map(f64::round).collect())
            .collect(),
    }))
}
