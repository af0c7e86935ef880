#[cfg(test)]
mod contract;
mod experiments;
mod page;
mod queues;
mod receipts;
mod sending;
mod suppressions;
mod templates;

use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post, put};
use http::HeaderMap;
use watchfire_telemetry::Telemetry;

use crate::messages::catalogue::Catalogue;
use crate::messages::channel::Channel;
use crate::messages::instruments::Instruments;
use crate::messages::keys::Keys;
use crate::messages::lane::Lane;
use crate::messages::store::Store;
use crate::messages::wording::Fault;
use crate::problem::{Problem, no_method, no_route};

/// What the handlers need.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) store: Store,
    pub(crate) catalogue: Catalogue,
    pub(crate) lanes: Vec<Arc<Lane>>,
    pub(crate) keys: Keys,
    pub(crate) instruments: Instruments,
    pub(crate) telemetry: Telemetry,
}

/// The routes, as telemetry names them; the gateway offers the same under `/messages`.
pub(crate) const ROUTES: &[&str] = &[
    "/openapi.json",
    "/v1/messages",
    "/v1/messages/batch",
    "/v1/messages/{id}",
    "/v1/messages/{id}/cancel",
    "/v1/messages/{id}/retry",
    "/v1/templates",
    "/v1/templates/{name}",
    "/v1/templates/{name}/versions",
    "/v1/experiments",
    "/v1/experiments/{name}",
    "/v1/suppressions",
    "/v1/suppressions/{channel}/{recipient}",
    "/v1/receipts/{provider}",
    "/v1/queues",
];

const OPENAPI: &str = include_str!("../../../../schemas/openapi/messages.v1.json");

pub(crate) fn router(api: Api) -> Router {
    let openapi = || async { ([(CONTENT_TYPE, "application/json")], OPENAPI) };
    Router::new()
        .route("/openapi.json", get(openapi))
        .route("/v1/messages", get(sending::list).post(sending::send))
        .route("/v1/messages/batch", post(sending::send_batch))
        .route("/v1/messages/{id}", get(sending::show))
        .route("/v1/messages/{id}/cancel", post(sending::cancel))
        .route("/v1/messages/{id}/retry", post(sending::retry))
        .route("/v1/templates", get(templates::list))
        .route(
            "/v1/templates/{name}",
            put(templates::put).get(templates::show),
        )
        .route("/v1/templates/{name}/versions", get(templates::versions))
        .route(
            "/v1/experiments",
            get(experiments::list).post(experiments::found),
        )
        .route("/v1/experiments/{name}", get(experiments::show))
        .route("/v1/suppressions", get(suppressions::list))
        .route(
            "/v1/suppressions/{channel}/{recipient}",
            get(suppressions::show)
                .put(suppressions::put)
                .delete(suppressions::delete),
        )
        .route("/v1/receipts/{provider}", post(receipts::receive))
        .route("/v1/queues", get(queues::list))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .with_state(Arc::new(api))
}

impl Api {
    fn lane(&self, channel: Channel) -> &Lane {
        let mut lanes = self.lanes.iter();
        let lane = lanes.find(|lane| lane.channel == channel);
        lane.expect("each channel has a lane")
    }

    /// The context of the request that is being answered, to be kept with what it asked for.
    fn traceparent(&self) -> Option<String> {
        let mut headers = HeaderMap::new();
        self.telemetry.propagate(&mut headers);
        let parent = headers.get("traceparent")?.to_str().ok()?;
        Some(parent.to_owned())
    }
}

fn refused(what: &str, fault: &Fault) -> Problem {
    Problem::unprocessable(what).at(&fault.pointer, fault.detail.clone())
}

/// A name that an entry may have, in a path and elsewhere.
fn is_name(name: &str) -> bool {
    const LONGEST: usize = 64;
    let known =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(known)
}

/// What a name may be, to be said.
const NAME: &str = "expected 1 to 64 of a to z, 0 to 9, '-' and '_'";
