//! `/`: the health of each service at a glance, what is broken first.

pub(crate) mod lately;

use askama::Template;
use axum::extract::State;
use watchfire_alerts::Incident;
use watchfire_schemas::{TimeRange, Timestamp};

use super::incidents::{IncidentRow, incident_row};
use super::{Page, render};
use crate::ask::{self, ServiceRed};
use crate::charts::{Svg, flow, sparkline};
use crate::range::Asked;
use crate::shell::{House, Shell};
use crate::{Console, figures, query_text, url};
use lately::Lately;

/// From this share of failed requests on a service counts as failing.
const FAILING: f64 = 0.05;
/// From this share on it is worth a look.
const TROUBLED: f64 = 0.01;

#[derive(Debug, Clone)]
pub(crate) struct ServiceRow {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) state: &'static str,
    pub(crate) rate: String,
    pub(crate) rate_trend: Svg,
    pub(crate) error_ratio: String,
    pub(crate) errors_href: String,
    pub(crate) error_trend: Svg,
    pub(crate) p50: String,
    pub(crate) p99: String,
    pub(crate) error_logs: String,
    pub(crate) logs_href: String,
    /// In trouble is greater.
    pub(crate) rank: (u8, u64),
}

#[derive(Debug, Template)]
#[template(path = "overview.html")]
pub(crate) struct Overview {
    pub(crate) shell: Shell,
    pub(crate) headline: String,
    pub(crate) is_calm: bool,
    pub(crate) incidents: Vec<IncidentRow>,
    pub(crate) services: Vec<ServiceRow>,
    /// None before anything has arrived.
    pub(crate) lately: Option<Lately>,
}

pub(crate) async fn page(State(console): State<Console>) -> Page {
    let house = House::ask(&console).await;
    let hour = std::time::Duration::from_hours(1);
    let range = TimeRange {
        start: house.now - hour,
        end: house.now,
    };
    let mut shell = Shell::new(&house, "/", "Overview").live(10);
    let (services, open) = tokio::join!(
        ask::red(&console, range, std::time::Duration::from_mins(1)),
        console.alerts.incidents(range, true, 50),
    );
    let lately = lately::ask(&console, &house, &mut shell).await;
    let services = shell.take("request figures", services);
    let open = shell.take("incidents", open);
    render(&view(shell, house.now, &services, &open, &lately))
}

pub(crate) fn view(
    shell: Shell,
    now: Timestamp,
    services: &[ServiceRed],
    open: &[Incident],
    lately: &lately::Found,
) -> Overview {
    let mut rows: Vec<ServiceRow> = services
        .iter()
        .map(|service| service_row(service, now, open))
        .collect();
    rows.sort_by(|a, b| b.rank.cmp(&a.rank).then_with(|| a.name.cmp(&b.name)));
    let failing = rows.iter().filter(|row| row.state == "failing").count();
    let headline = match (open.len(), failing) {
        _ if services.is_empty() && open.is_empty() => "No service has sent a span yet".to_owned(),
        (0, 0) => format!("All {} services are answering", services.len()),
        (0, failing) => format!("{failing} of {} services failing", services.len()),
        (1, _) => "One open incident".to_owned(),
        (open, _) => format!("{open} open incidents"),
    };
    Overview {
        shell,
        headline,
        is_calm: open.is_empty() && failing == 0,
        incidents: open
            .iter()
            .map(|incident| incident_row(incident, now))
            .collect(),
        lately: (!rows.is_empty() || !lately.incidents.is_empty())
            .then(|| lately::view(lately, now)),
        services: rows,
    }
}

/// One service as a row: its state is said in a word, not by a colour alone.
pub(crate) fn service_row(service: &ServiceRed, now: Timestamp, open: &[Incident]) -> ServiceRow {
    let ratio = service.error_ratio();
    let incidents = open
        .iter()
        .filter(|incident| incident.services.contains(&service.name))
        .count();
    let state = match ratio {
        _ if incidents > 0 => "incident",
        Some(ratio) if ratio >= FAILING => "failing",
        Some(ratio) if ratio >= TROUBLED => "troubled",
        Some(_) => "ok",
        None => "idle",
    };
    let rank = ["idle", "ok", "troubled", "failing", "incident"]
        .iter()
        .position(|other| *other == state)
        .unwrap_or(0) as u8;
    let last_hour = Asked {
        range: TimeRange {
            start: now - std::time::Duration::from_hours(1),
            end: now,
        },
        last: Some("1h".to_owned()),
    };
    let of_service = query_text::term("service.name", &service.name);
    let values = |points: &[(Timestamp, f64)]| -> Vec<f64> {
        points.iter().map(|(_, value)| *value).collect()
    };
    let seconds = |points: &[(Timestamp, f64)]| {
        ServiceRed::last(points).map_or_else(|| "–".to_owned(), figures::duration)
    };
    ServiceRow {
        href: format!("/services/{}", url::encode(&service.name)),
        state,
        rate: ServiceRed::last(&service.rate).map_or_else(|| "–".to_owned(), figures::short),
        rate_trend: flow(&values(&service.rate), "requests, last hour"),
        error_ratio: ratio.map_or_else(|| "–".to_owned(), figures::percent),
        errors_href: last_hour.link("/traces", &[("q", &format!("{of_service} status:error"))]),
        error_trend: sparkline(
            &service.error_ratios(),
            FAILING,
            "share of failed requests, last hour",
        ),
        p50: seconds(&service.p50),
        p99: seconds(&service.p99),
        error_logs: ServiceRed::last(&service.error_logs)
            .map_or_else(|| "0".to_owned(), |rate| figures::short(rate * 60.0)),
        logs_href: last_hour.link(
            "/logs",
            &[("q", &format!("{of_service} severity:(ERROR or FATAL)"))],
        ),
        rank: (rank, (ratio.unwrap_or(0.0) * 1e6) as u64),
        name: service.name.clone(),
    }
}
