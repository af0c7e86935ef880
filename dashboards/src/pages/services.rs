//! `/services`: every service that answers requests.

use askama::Template;
use axum::extract::State;
use watchfire_alerts::Incident;
use watchfire_schemas::Timestamp;

use super::overview::{ServiceRow, service_row};
use super::{Page, render};
use crate::Console;
use crate::ask::{self, ServiceRed};
use crate::params::Params;
use crate::range::Asked;
use crate::shell::{House, Shell};

#[derive(Debug, Template)]
#[template(path = "services.html")]
pub(crate) struct Services {
    pub(crate) shell: Shell,
    pub(crate) services: Vec<ServiceRow>,
}

pub(crate) async fn page(State(console): State<Console>, params: Params) -> Page {
    let house = House::ask(&console).await;
    let asked = Asked::from_params(&params, house.now, "1h")?;
    let mut shell = Shell::ranged(&house, "/services", "Services", &asked, &[]);
    let (services, open) = tokio::join!(
        ask::red(&console, asked.range, asked.step(60)),
        console.alerts.incidents(asked.range, true, 50),
    );
    let services = shell.take("request figures", services);
    let open = shell.take("incidents", open);
    render(&view(shell, house.now, &services, &open))
}

pub(crate) fn view(
    shell: Shell,
    now: Timestamp,
    services: &[ServiceRed],
    open: &[Incident],
) -> Services {
    Services {
        shell,
        services: services
            .iter()
            .map(|service| service_row(service, now, open))
            .collect(),
    }
}
