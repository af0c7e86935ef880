//! Recruitment: candidates, positions, applications on their way through stages, documents. Roles
//! say who may do and see what, an audit trail says who did what.
//!
//! What tells of a person is shown to who may see it, and is in no log, no span, no address and no
//! entry of the trail.

mod access;
mod api;
mod application;
mod candidate;
mod clean_up;
mod document;
mod id;
mod instruments;
mod keyring;
mod page;
mod personal;
mod position;
mod precondition;
mod role;
mod text;
mod token;
mod trail;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post, put};
use http::header::CONTENT_TYPE;

use self::access::admit;
use self::api::Api;
use self::application::{api as applications, assessment, interviewer, step};
use self::candidate::{api as candidates, erasure, search};
use self::document::{api as documents, download, files::Files, upload};
use self::instruments::Instruments;
use self::keyring::Keyring;
use self::position::api as positions;
use self::trail::api as trails;
use crate::database::{Durability, Migrations, migrations};
use crate::launch::LaunchError;
use crate::problem::{no_method, no_route};
use crate::setup::{Setup, Started};
use crate::traced::traced;

pub(crate) const SERVICE: &str = "recruitment";

/// The routes, as telemetry names them; the gateway offers the same under `/recruitment`.
pub(crate) const ROUTES: &[&str] = &[
    "/openapi.json",
    "/v1/tokens",
    "/v1/positions",
    "/v1/positions/{id}",
    "/v1/positions/{id}/opening",
    "/v1/positions/{id}/closing",
    "/v1/candidates",
    "/v1/candidates/search",
    "/v1/candidates/duplicates",
    "/v1/candidates/{id}",
    "/v1/candidates/{id}/erasure",
    "/v1/applications",
    "/v1/applications/{id}",
    "/v1/applications/{id}/moves",
    "/v1/applications/{id}/rejection",
    "/v1/applications/{id}/withdrawal",
    "/v1/applications/{id}/hire",
    "/v1/applications/{id}/interviewers",
    "/v1/applications/{id}/interviewers/{subject}",
    "/v1/applications/{id}/assessments",
    "/v1/applications/{id}/documents",
    "/v1/applications/{id}/documents/{digest}",
    "/v1/documents/{id}",
    "/v1/documents/{id}/links",
    "/v1/files/{id}",
    "/v1/clean-up",
    "/v1/audit",
    "/v1/audit/verify",
];

static MIGRATIONS: Migrations =
    migrations!("migrations/recruitment", "migrations/postgres/recruitment");

/// The secret that signs tokens and links, and is the admin's own.
const SECRET: &str = "recruitment.tokens";
const OPENAPI: &str = include_str!("../../../schemas/openapi/recruitment.v1.json");
/// The most bytes of a body that is JSON.
const MAX_JSON: usize = 64 << 10;

pub(crate) async fn start(setup: &Setup<'_>) -> Result<Started, LaunchError> {
    let telemetry = setup.telemetry(SERVICE)?;
    let database = setup
        .database(SERVICE, &MIGRATIONS, Durability::Power)
        .await?;
    let folder = setup.data_dir.join("recruitment-files");
    let api = Api {
        database,
        files: Arc::new(Files::at(&folder, setup.clock.now())),
        keyring: Arc::new(Keyring::new(setup.secret(SECRET)?)),
        clock: Arc::clone(&setup.clock),
        instruments: Instruments::register(&telemetry),
    };
    let cleaning = api.clone();
    setup
        .stage
        .spawn(|stop| telemetry.scope(clean_up::run(cleaning, stop)));
    let api = traced(router(api), &telemetry);
    setup.serve(SERVICE, telemetry, api).await
}

fn router(api: Api) -> Router {
    let admitted = middleware::from_fn_with_state(api.clone(), admit);
    let open = Router::new()
        .route(
            "/openapi.json",
            get(async || ([(CONTENT_TYPE, "application/json")], OPENAPI)),
        )
        .route("/v1/tokens", post(token::issue))
        .route("/v1/files/{id}", get(download::download));
    guarded()
        .route_layer(admitted)
        .merge(open)
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(MAX_JSON))
        .with_state(api)
}

/// What [`access::RULES`] guards.
fn guarded() -> Router<Api> {
    Router::new()
        .route(
            "/v1/positions",
            get(positions::list).post(positions::create),
        )
        .route(
            "/v1/positions/{id}",
            get(positions::show).patch(positions::patch),
        )
        .route("/v1/positions/{id}/opening", post(positions::open))
        .route("/v1/positions/{id}/closing", post(positions::close))
        .route(
            "/v1/candidates",
            get(candidates::list).post(candidates::create),
        )
        .route("/v1/candidates/search", post(search::search))
        .route("/v1/candidates/duplicates", get(search::duplicates))
        .route(
            "/v1/candidates/{id}",
            get(candidates::show).patch(candidates::patch),
        )
        .route("/v1/candidates/{id}/erasure", post(erasure::erasure))
        .merge(of_applications())
        .route(
            "/v1/documents/{id}",
            get(documents::show).delete(documents::remove),
        )
        .route("/v1/documents/{id}/links", post(documents::link))
        .route(
            "/v1/clean-up",
            get(clean_up::api::preview).post(clean_up::api::begin),
        )
        .route("/v1/audit", get(trails::list))
        .route("/v1/audit/verify", get(trails::verification))
}

fn of_applications() -> Router<Api> {
    // Its limit is its own, and it counts as it reads.
    let uploading = put(upload::upload).layer(DefaultBodyLimit::disable());
    let interviewers = "/v1/applications/{id}/interviewers";
    let one = put(interviewer::assign).delete(interviewer::release);
    Router::new()
        .route(
            "/v1/applications",
            get(applications::list).post(applications::create),
        )
        .route("/v1/applications/{id}", get(applications::show))
        .route("/v1/applications/{id}/moves", post(step::advance))
        .route("/v1/applications/{id}/rejection", post(step::reject))
        .route("/v1/applications/{id}/withdrawal", post(step::withdraw))
        .route("/v1/applications/{id}/hire", post(step::hire))
        .route(interviewers, get(interviewer::list))
        .route(&format!("{interviewers}/{{subject}}"), one)
        .route(
            "/v1/applications/{id}/assessments",
            get(assessment::list).post(assessment::create),
        )
        .route("/v1/applications/{id}/documents", get(documents::list))
        .route("/v1/applications/{id}/documents/{digest}", uploading)
}

#[cfg(test)]
mod tests;
