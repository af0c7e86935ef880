//! Rate, errors and durations of the service, over one axis, against an earlier time.

use std::time::Duration;

use watchfire_schemas::{Sample, Timestamp};

use super::exemplars;
use super::panel::{Drawn, Panel, mark, panel};
use super::{Found, Happened};
use crate::ask::ServiceRed;
use crate::chain;
use crate::charts::{Lane, Scale, Steps, Svg, TimePlot, Unit};
use crate::pages::explore::{bound_text, heat};
use crate::range::Asked;

/// Of the requests that a service answered.
pub(super) fn server(service: &str) -> String {
    format!("service={service:?},kind=\"SPAN_KIND_SERVER\"")
}

/// The buckets of the heat map: how they grew in each step.
pub(super) fn buckets(service: &str, step: std::time::Duration) -> String {
    let selector = format!(
        "traces_span_metrics_duration_seconds_bucket{{{}}}",
        server(service)
    );
    heat::expression(&selector, step)
}

pub(super) fn panels(
    service: &ServiceRed,
    earlier: Option<&ServiceRed>,
    asked: &Asked,
    steps: Steps,
    happened: &Happened,
) -> Vec<Panel> {
    let of = server(&service.name);
    let calls = format!("sum(rate(traces_span_metrics_calls_total{{{of}}}[2m]))");
    let failed = format!(
        "sum(rate(traces_span_metrics_calls_total{{{of},status=\"STATUS_CODE_ERROR\"}}[2m])) / {calls}"
    );
    let p95 = format!(
        "histogram_quantile(0.95, sum by (le) (rate(traces_span_metrics_duration_seconds_bucket{{{of}}}[2m])))"
    );
    let ratios = |red: &ServiceRed| -> Vec<(Timestamp, f64)> {
        let ratios = red.error_ratios().into_iter();
        red.rate.iter().map(|(at, _)| *at).zip(ratios).collect()
    };
    let line = |name: &str, class: &str, points: &[(Timestamp, f64)]| {
        lane(points, steps).named(name, class)
    };
    let before = |name: &str, points: Vec<(Timestamp, f64)>| {
        vec![lane(&points, steps).named(format!("{name}, before"), "calm ghost")]
    };
    let requests = Drawn {
        title: "Requests",
        lanes: vec![line("requests", "calm", &service.rate)],
        ghosts: earlier.map_or_else(Vec::new, |e| before("requests", e.rate.clone())),
        unit: Unit::PerSecond,
        expr: &calls,
    };
    let errors = Drawn {
        title: "Failed",
        lanes: vec![line("failed", "errors", &ratios(service))],
        ghosts: earlier.map_or_else(Vec::new, |e| before("failed", ratios(e))),
        unit: Unit::Ratio,
        expr: &failed,
    };
    let durations = Drawn {
        title: "Duration",
        lanes: vec![
            line("p99", "errors", &service.p99),
            line("p95", "warn", &service.p95),
            line("p50", "calm", &service.p50),
        ],
        ghosts: earlier.map_or_else(Vec::new, |e| before("p95", e.p95.clone())),
        unit: Unit::Seconds,
        expr: &p95,
    };
    [requests, errors, durations]
        .map(|drawn| panel(drawn, asked, steps, happened))
        .into()
}

fn lane(points: &[(Timestamp, f64)], steps: Steps) -> Lane {
    let sample = |(at, v): &(Timestamp, f64)| Sample {
        t: at.millis(),
        v: *v,
    };
    let samples: Vec<Sample> = points.iter().map(sample).collect();
    Lane::of(&samples, steps)
}

/// How long answers took, each step and bucket, with single ones as marks; a cell leads to its
/// traces, a mark to its trace.
pub(super) fn heat_map(
    found: &Found,
    of_service: &str,
    asked: &Asked,
    steps: Steps,
) -> Option<Svg> {
    // An increase up to a step tells of what came before it.
    let mut buckets = found.buckets.clone();
    for series in &mut buckets {
        for t in series.samples.iter_mut().map(|sample| &mut sample.t) {
            *t -= steps.width;
        }
        for t in series.histograms.iter_mut().map(|sample| &mut sample.t) {
            *t -= steps.width;
        }
    }
    let cells = heat::cells(&buckets, steps)?;
    let bounds: Vec<String> = cells
        .bounds
        .iter()
        .map(|bound| bound_text(*bound, Unit::Seconds))
        .collect();
    let range = steps.range(asked.range.end);
    let mut plot = TimePlot::scaled(range, 150, Scale::rows(&bounds), Unit::Seconds);
    mark(&mut plot, &found.happened, asked);
    let query = format!("{of_service} kind:server");
    let window = Duration::from_millis(steps.width.unsigned_abs()).max(heat::LEAST_WINDOW);
    plot.heat(steps, &cells, |step| {
        let end = steps.at(step + 1);
        chain::observed(&query, end - window, end)
    });
    plot.dots(&exemplars::dots(&found.exemplars, &cells, asked));
    Some(plot.finish("Durations of requests over the range"))
}
