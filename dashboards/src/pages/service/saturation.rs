//! What a service uses up: its process, its runtime, the hosts. Shown as far as it is measured; what
//! is not is named, with how to get it.

use watchfire_tsdb::RangeSeries;

use super::Happened;
use super::panel::{Drawn, Panel, panel};
use crate::charts::{Lane, Steps, Unit};
use crate::pages::explore::names;
use crate::range::Asked;

/// Lines of one chart.
const MOST_LINES: usize = 8;

/// One thing that can run out.
#[derive(Debug, Clone, Copy)]
struct Resource {
    group: Group,
    title: &'static str,
    /// The metric that must be there.
    metric: &'static str,
    /// With `S` where the matcher of the service stands.
    expr: &'static str,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Process,
    Runtime,
    Host,
}

impl Group {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Process => "Process",
            Self::Runtime => "Tokio runtime",
            Self::Host => "Hosts",
        }
    }

    /// How its figures are got.
    const fn way(self) -> &'static str {
        match self {
            Self::Process => {
                "scrape the service's /metrics, or send its process metrics by OTLP, with the service's name as job or service"
            }
            Self::Runtime => "the service's /metrics must tell the figures of its runtime",
            Self::Host => {
                "run a node exporter and scrape it, or let Watchfire report the host that it runs on"
            }
        }
    }
}

const RESOURCES: [Resource; 12] = [
    Resource {
        group: Group::Process,
        title: "CPU",
        metric: "process_cpu_seconds_total",
        expr: "sum by (instance) (rate(process_cpu_seconds_total{S}[2m]))",
        unit: Unit::Ratio,
    },
    Resource {
        group: Group::Process,
        title: "Memory",
        metric: "process_resident_memory_bytes",
        expr: "max by (instance) (process_resident_memory_bytes{S})",
        unit: Unit::Bytes,
    },
    Resource {
        group: Group::Process,
        title: "File descriptors",
        metric: "process_open_fds",
        expr: "max by (instance) (process_open_fds{S})",
        unit: Unit::Number,
    },
    Resource {
        group: Group::Process,
        title: "Threads",
        metric: "process_threads",
        expr: "max by (instance) (process_threads{S})",
        unit: Unit::Number,
    },
    Resource {
        group: Group::Runtime,
        title: "Busy workers",
        metric: "tokio_worker_busy_seconds_total",
        expr: "sum by (instance) (rate(tokio_worker_busy_seconds_total{S}[2m]))",
        unit: Unit::Number,
    },
    Resource {
        group: Group::Runtime,
        title: "Tasks alive",
        metric: "tokio_alive_tasks",
        expr: "sum by (instance) (tokio_alive_tasks{S})",
        unit: Unit::Number,
    },
    Resource {
        group: Group::Runtime,
        title: "Tasks waiting for a worker",
        metric: "tokio_global_queue_depth",
        expr: "sum by (instance) (tokio_global_queue_depth{S})",
        unit: Unit::Number,
    },
    Resource {
        group: Group::Host,
        title: "CPU",
        metric: "node_cpu_seconds_total",
        expr: "1 - avg by (instance) (rate(node_cpu_seconds_total{mode=\"idle\"}[2m]))",
        unit: Unit::Ratio,
    },
    Resource {
        group: Group::Host,
        title: "Memory in use",
        metric: "node_memory_MemTotal_bytes",
        expr: "1 - max by (instance) (node_memory_MemAvailable_bytes) / max by (instance) (node_memory_MemTotal_bytes)",
        unit: Unit::Ratio,
    },
    Resource {
        group: Group::Host,
        title: "Disk in use",
        metric: "node_filesystem_size_bytes",
        expr: "max by (instance, mountpoint) (1 - node_filesystem_avail_bytes{fstype!~\"tmpfs|ramfs|squashfs\"} / node_filesystem_size_bytes)",
        unit: Unit::Ratio,
    },
    Resource {
        group: Group::Host,
        title: "Network in",
        metric: "node_network_receive_bytes_total",
        expr: "sum by (instance) (rate(node_network_receive_bytes_total{device!=\"lo\"}[2m]))",
        unit: Unit::BytesPerSecond,
    },
    Resource {
        group: Group::Host,
        title: "Network out",
        metric: "node_network_transmit_bytes_total",
        expr: "sum by (instance) (rate(node_network_transmit_bytes_total{device!=\"lo\"}[2m]))",
        unit: Unit::BytesPerSecond,
    },
];

/// The charts of one group, and what of it is not measured.
#[derive(Debug)]
pub(crate) struct Saturation {
    pub(crate) title: &'static str,
    pub(crate) panels: Vec<Panel>,
    pub(crate) missing: String,
}

/// What to ask, in the order of the answers.
pub(super) fn questions(service: &str) -> Vec<String> {
    RESOURCES
        .iter()
        .map(|resource| expression(resource, service))
        .collect()
}

/// A service is told by one of three labels, after the way its metrics came.
fn expression(resource: &Resource, service: &str) -> String {
    if resource.group == Group::Host {
        return resource.expr.to_owned();
    }
    let of = |label: &str| {
        resource
            .expr
            .replace("{S}", &format!("{{{label}={service:?}}}"))
    };
    ["service", "job", "service_name"].map(of).join(" or ")
}

pub(super) fn view(
    answers: &[Vec<RangeSeries>],
    service: &str,
    asked: &Asked,
    steps: Steps,
    happened: &Happened,
) -> Vec<Saturation> {
    let of = |group: Group| {
        let mut panels = Vec::new();
        let mut missing = Vec::new();
        for (resource, answer) in RESOURCES
            .iter()
            .zip(answers)
            .filter(|(r, _)| r.group == group)
        {
            if answer.is_empty() {
                missing.push(resource.metric);
                continue;
            }
            let expr = expression(resource, service);
            let drawn = Drawn {
                title: resource.title,
                lanes: lanes(answer, &expr, resource.title, steps),
                ghosts: Vec::new(),
                unit: resource.unit,
                expr: &expr,
            };
            panels.push(panel(drawn, asked, steps, happened));
        }
        let missing = match missing.as_slice() {
            [] => String::new(),
            names => format!(
                "Not measured: {}. To see it, {}.",
                names.join(", "),
                group.way()
            ),
        };
        Saturation {
            title: group.title(),
            panels,
            missing,
        }
    };
    [Group::Process, Group::Runtime, Group::Host].map(of).into()
}

fn lanes(series: &[RangeSeries], expr: &str, title: &str, steps: Steps) -> Vec<Lane> {
    let labels: Vec<_> = series.iter().map(|series| &series.labels).collect();
    let names = names(&labels, expr);
    let lane = |(at, (series, name)): (usize, (&RangeSeries, String))| {
        let name = if series.labels.len() == 1 || labels.len() == 1 {
            last_value(&series.labels, title)
        } else {
            name
        };
        Lane::of(&series.samples, steps).named(name, format!("series-{}", at % 8))
    };
    series
        .iter()
        .zip(names)
        .take(MOST_LINES)
        .enumerate()
        .map(lane)
        .collect()
}

fn last_value(labels: &watchfire_schemas::LabelSet, title: &str) -> String {
    labels
        .iter()
        .last()
        .map_or_else(|| title.to_owned(), |(_, value)| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_an_expression() {
        for question in questions("a \"b\"") {
            watchfire_tsdb::check_expression(&question).unwrap();
        }
        for resource in RESOURCES {
            assert!(
                resource.expr.contains(resource.metric),
                "{}",
                resource.title
            );
        }
    }

    #[test]
    fn what_is_not_measured_is_named() {
        let asked = Asked::from_params(
            &crate::params::Params::default(),
            watchfire_schemas::Timestamp::from_secs(10_000),
            "1h",
        )
        .unwrap();
        let steps = Steps::over(asked.range, std::time::Duration::from_mins(1));
        let answers = vec![Vec::new(); RESOURCES.len()];
        let shown = view(&answers, "a", &asked, steps, &Happened::default());
        assert!(shown.iter().all(|group| group.panels.is_empty()));
        assert!(
            shown[0]
                .missing
                .starts_with("Not measured: process_cpu_seconds_total, ")
        );
    }
}
