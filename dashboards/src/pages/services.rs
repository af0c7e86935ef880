//! `/services`: every service that answers requests, in trouble first, and who calls whom.

use std::collections::BTreeMap;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use watchfire_alerts::Incident;
use watchfire_schemas::Timestamp;
use watchfire_tsdb::{QueryError, QueryValue};

use super::overview::{ServiceRow, service_row};
use super::{Page, render};
use crate::ask::{self, Call, ServiceRed};
use crate::charts::{Edge, Node, Svg, graph};
use crate::params::Params;
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, figures, url};

/// Calls drawn at most: the busiest.
const MOST_EDGES: usize = 80;

#[derive(Debug)]
pub(crate) struct ListedService {
    pub(crate) row: ServiceRow,
    pub(crate) p95: String,
    /// Requests of the range against the range before: `+12 %`.
    pub(crate) change: String,
    pub(crate) incidents: Vec<(String, String)>,
}

#[derive(Debug, Template)]
#[template(path = "services.html")]
pub(crate) struct ServicesPage {
    pub(crate) shell: Shell,
    pub(crate) services: Vec<ListedService>,
    pub(crate) map: Option<Svg>,
    /// Calls that are not drawn.
    pub(crate) left_out: usize,
}

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) services: Vec<ServiceRed>,
    pub(crate) open: Vec<Incident>,
    /// Requests per second over the range and over the range before, by service.
    pub(crate) rates: BTreeMap<String, (f64, f64)>,
    pub(crate) calls: Vec<Call>,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "1h")?;
    let mut shell = Shell::ranged(&house, "/services", "Services", &asked, &[]);
    let (services, open, rates, calls) = tokio::join!(
        ask::red(&console, asked.range, asked.step(60)),
        console.alerts.incidents(asked.range, true, 50),
        rates(&console, asked.range.end, asked.length()),
        ask::calls(&console, "", asked.range.end, asked.length()),
    );
    let found = Found {
        services: shell.take("request figures", services),
        open: shell.take("incidents", open),
        rates: shell.take("rates before", rates),
        calls: shell.take("calls between services", calls),
    };
    render(&view(shell, house.now, &asked, &found))
}

async fn rates(
    console: &Console,
    at: Timestamp,
    length: Duration,
) -> Result<BTreeMap<String, (f64, f64)>, QueryError> {
    let window = length.as_secs().max(60);
    let expr = |offset: &str| {
        format!(
            "sum by (service) (rate(traces_span_metrics_calls_total{{kind=\"SPAN_KIND_SERVER\"}}[{window}s]{offset}))"
        )
    };
    let (now, before) = tokio::try_join!(
        ask::instant(console, expr(""), at),
        ask::instant(console, expr(&format!(" offset {window}s")), at),
    )?;
    let mut rates: BTreeMap<String, (f64, f64)> = BTreeMap::new();
    let mut take = |value: QueryValue, write: fn(&mut (f64, f64), f64)| {
        let QueryValue::Vector(samples) = value else {
            return;
        };
        for one in samples {
            let service = one.labels.get("service").unwrap_or_default().to_owned();
            write(rates.entry(service).or_insert((0.0, 0.0)), one.sample.v);
        }
    };
    take(now.value, |pair, value| pair.0 = value);
    take(before.value, |pair, value| pair.1 = value);
    Ok(rates)
}

pub(crate) fn view(shell: Shell, now: Timestamp, asked: &Asked, found: &Found) -> ServicesPage {
    let listed = |service: &ServiceRed| {
        let of_service = found
            .open
            .iter()
            .filter(|one| one.services.contains(&service.name));
        let incidents = of_service.map(|incident| {
            (
                incident.title.clone(),
                format!("/incidents/{}", url::encode(&incident.id)),
            )
        });
        ListedService {
            row: ServiceRow {
                href: asked.link(&format!("/services/{}", url::encode(&service.name)), &[]),
                ..service_row(service, now, &found.open)
            },
            p95: ServiceRed::last(&service.p95).map_or_else(|| "–".to_owned(), figures::duration),
            change: found
                .rates
                .get(&service.name)
                .map_or_else(String::new, |rates| change(*rates)),
            incidents: incidents.collect(),
        }
    };
    let mut services: Vec<ListedService> = found.services.iter().map(listed).collect();
    services.sort_by(|a, b| {
        b.row
            .rank
            .cmp(&a.row.rank)
            .then_with(|| a.row.name.cmp(&b.row.name))
    });
    let map = (!found.calls.is_empty()).then(|| map(&services, &found.calls, asked));
    ServicesPage {
        shell,
        map,
        left_out: found.calls.len().saturating_sub(MOST_EDGES),
        services,
    }
}

/// Against nothing there is no change.
fn change((now, before): (f64, f64)) -> String {
    if before <= 0.0 {
        return if now > 0.0 {
            "new".to_owned()
        } else {
            String::new()
        };
    }
    let change = (now / before - 1.0) * 100.0;
    match change {
        change if change.abs() < 0.5 => "±0 %".to_owned(),
        change if change > 0.0 => format!("+{change:.0} %"),
        change => format!("−{:.0} %", -change),
    }
}

fn map(services: &[ListedService], calls: &[Call], asked: &Asked) -> Svg {
    let edge = |call: &Call| Edge {
        client: call.client.clone(),
        server: call.server.clone(),
        per_second: call.per_second,
        failed: call.failed,
        title: format!(
            "{} → {}\n{}/s, {} failed{}",
            call.client,
            call.server,
            figures::short(call.per_second),
            figures::percent(call.failed),
            if call.p95.is_finite() {
                format!(", p95 {}", figures::duration(call.p95))
            } else {
                String::new()
            }
        ),
    };
    let edges: Vec<Edge> = calls.iter().take(MOST_EDGES).map(edge).collect();
    let node = |name: &str| {
        let known = services.iter().find(|listed| listed.row.name == name);
        let kind = calls
            .iter()
            .find(|call| call.server == name)
            .map(|call| call.kind.replace('_', " "));
        Node {
            href: asked.link(&format!("/services/{}", url::encode(name)), &[]),
            note: known.map_or_else(
                || kind.unwrap_or_default(),
                |listed| format!("{}/s, {} failed", listed.row.rate, listed.row.error_ratio),
            ),
            class: known
                .map_or("unknown", |listed| listed.row.state)
                .to_owned(),
        }
    };
    graph(&edges, node, "Who calls whom")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_read_well() {
        let cases = [
            ((1.12, 1.0), "+12 %"),
            ((0.5, 1.0), "−50 %"),
            ((1.0, 1.0), "±0 %"),
            ((1.0, 0.0), "new"),
            ((0.0, 0.0), ""),
        ];
        for (rates, expected) in cases {
            assert_eq!(change(rates), expected);
        }
    }
}
