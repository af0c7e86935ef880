//! `/services/{name}`: rate, errors and duration of one service, and of its operations.

use askama::Template;
use axum::extract::{Path, State};
use watchfire_alerts::Incident;
use watchfire_schemas::{ChangeEvent, Timestamp};

use super::incidents::{IncidentRow, incident_row};
use super::{Page, render};
use crate::ask::{self, ServiceRed};
use crate::charts::{Svg, TimePlot, flow};
use crate::params::Params;
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, figures, query_text, url};

#[derive(Debug)]
pub(crate) struct OperationRow {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) rate: String,
    pub(crate) error_ratio: String,
    pub(crate) p50: String,
    pub(crate) p99: String,
    pub(crate) trend: Svg,
}

#[derive(Debug, Template)]
#[template(path = "service.html")]
pub(crate) struct ServicePage {
    pub(crate) shell: Shell,
    pub(crate) rate: Svg,
    pub(crate) errors: Svg,
    pub(crate) latency: Svg,
    pub(crate) is_known: bool,
    pub(crate) operations: Vec<OperationRow>,
    pub(crate) incidents: Vec<IncidentRow>,
    pub(crate) links: Vec<(&'static str, String)>,
}

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) service: Option<ServiceRed>,
    pub(crate) operations: Vec<ServiceRed>,
    pub(crate) changes: Vec<ChangeEvent>,
    pub(crate) incidents: Vec<Incident>,
}

pub(crate) async fn page(
    State(console): State<Console>,
    Path(name): Path<String>,
    params: Params,
) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "1h")?;
    let path = format!("/services/{}", url::encode(&name));
    let mut shell = Shell::ranged(&house, &path, name.clone(), &asked, &[]);
    let matcher = format!("service={name:?}");
    let step = asked.step(120);
    let (service, operations, changes, incidents) = tokio::join!(
        ask::red_of(&console, "service", &matcher, asked.range, step),
        ask::red_of(&console, "operation", &matcher, asked.range, step),
        console.alerts.changes(asked.range, Some(&name)),
        console.alerts.incidents(asked.range, false, 200),
    );
    let found = Found {
        service: shell.take("request figures", service).into_iter().next(),
        operations: shell.take("operations", operations),
        changes: shell.take("changes", changes),
        incidents: shell.take("incidents", incidents),
    };
    render(&view(shell, house.now, &name, &asked, &found))
}

pub(crate) fn view(
    shell: Shell,
    now: Timestamp,
    name: &str,
    asked: &Asked,
    found: &Found,
) -> ServicePage {
    let of_service = query_text::term("service.name", name);
    let empty = ServiceRed::default();
    let service = found.service.as_ref().unwrap_or(&empty);
    let chart = |lines: &[Line<'_>], unit, label: &str| plot(asked, lines, unit, label, found);
    let millis = |points: &[(Timestamp, f64)]| -> Vec<(Timestamp, f64)> {
        points
            .iter()
            .map(|(at, value)| (*at, value * 1e3))
            .collect()
    };
    let (p50, p99) = (millis(&service.p50), millis(&service.p99));
    let mut operations: Vec<&ServiceRed> = found.operations.iter().collect();
    let rate_of = |red: &ServiceRed| ServiceRed::last(&red.rate).unwrap_or(0.0);
    operations.sort_by(|a, b| rate_of(b).total_cmp(&rate_of(a)));
    ServicePage {
        is_known: found.service.is_some(),
        rate: chart(
            &[("requests", "calm", &service.rate)],
            "/s",
            "Requests per second",
        ),
        errors: chart(
            &[("failed", "errors", &service.errors)],
            "/s",
            "Failed requests per second",
        ),
        latency: chart(
            &[("p99", "errors soft", &p99), ("p50", "calm", &p50)],
            " ms",
            "Latency, median and 99th percentile, in milliseconds",
        ),
        operations: operations
            .into_iter()
            .take(50)
            .map(|red| operation_row(red, &of_service, asked))
            .collect(),
        incidents: found
            .incidents
            .iter()
            .filter(|incident| incident.services.iter().any(|other| other == name))
            .map(|incident| incident_row(incident, now))
            .collect(),
        links: vec![
            ("Logs", asked.link("/logs", &[("q", &of_service)])),
            (
                "Errors logged",
                asked.link(
                    "/logs",
                    &[("q", &format!("{of_service} severity:(ERROR or FATAL)"))],
                ),
            ),
            ("Traces", asked.link("/traces", &[("q", &of_service)])),
            (
                "Exceptions",
                asked.link("/exceptions", &[("service", name)]),
            ),
        ],
        shell,
    }
}

/// name, class, values
type Line<'a> = (&'a str, &'a str, &'a [(Timestamp, f64)]);

fn plot(asked: &Asked, lines: &[Line<'_>], unit: &'static str, label: &str, found: &Found) -> Svg {
    let values = lines.iter().flat_map(|(_, _, points)| points.iter());
    let most = values
        .map(|(_, value)| *value)
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max);
    let mut plot = TimePlot::new(asked.range, 120, most, unit);
    let incidents = found.incidents.iter();
    for incident in incidents {
        let end = incident.recovered_at.unwrap_or(asked.range.end);
        plot.band(incident.onset.at, end, "trouble", &incident.title);
    }
    for (name, class, points) in lines {
        plot.line(name, class, points, 1.0);
    }
    for change in &found.changes {
        let title = format!(
            "{} at {}: {}",
            change.kind.as_str(),
            figures::clock(change.at),
            change.summary
        );
        plot.flag(change.at, "change", &title);
    }
    plot.finish(label)
}

fn operation_row(red: &ServiceRed, of_service: &str, asked: &Asked) -> OperationRow {
    let query = format!("{of_service} {}", query_text::term("name", &red.name));
    let seconds = |points: &[(Timestamp, f64)]| {
        ServiceRed::last(points).map_or_else(|| "–".to_owned(), figures::duration)
    };
    let values: Vec<f64> = red.rate.iter().map(|(_, value)| *value).collect();
    OperationRow {
        href: asked.link("/traces", &[("q", &query)]),
        rate: ServiceRed::last(&red.rate).map_or_else(|| "–".to_owned(), figures::short),
        error_ratio: red
            .error_ratio()
            .map_or_else(|| "–".to_owned(), figures::percent),
        p50: seconds(&red.p50),
        p99: seconds(&red.p99),
        trend: flow(&values, "requests over the range"),
        name: red.name.clone(),
    }
}
