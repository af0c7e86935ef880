//! The gateway: what clients talk to. It hands requests on to the service whose route they name,
//! and answers in its stead when that service does not.

mod admin;
mod problem;
mod proxy;

use axum::Router;
use axum::routing::any;
use watchfire_telemetry::Telemetry;

use crate::client::Client;
use crate::content;
use crate::fault::FaultSwitch;
use crate::server;
use crate::telemetry::Version;

/// The path under which the content service is offered.
pub(crate) const PREFIX: &str = "/api";

/// The gateway's routes. The fault switch is offered if one is given.
pub(crate) fn router(
    content: &Client,
    telemetry: &Telemetry,
    version: Version,
    faults: Option<FaultSwitch>,
) -> Router {
    let mut router = Router::new();
    for route in routes() {
        let client = content.clone();
        let template = &route[PREFIX.len()..];
        let template: std::sync::Arc<str> = template.into();
        let forward = move |request| proxy::forward(client, template, request);
        router = router.route(&route, any(forward));
    }
    let router = router
        .fallback(problem::no_route)
        .layer(telemetry.http_layer())
        .merge(server::status_routes(telemetry, version));
    match faults {
        None => router,
        Some(faults) => router.merge(admin::router(faults)),
    }
}

/// Each route of the content service, so that each is an operation of its own, and one for the rest.
fn routes() -> impl Iterator<Item = String> {
    let known = content::ROUTES.into_iter().chain(["/{*path}"]);
    known.map(|route| format!("{PREFIX}{route}"))
}
