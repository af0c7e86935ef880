//! Reminders of a health app, kept in step over a person's devices.

use axum::Router;

use crate::launch::LaunchError;
use crate::problem::{no_method, no_route};
use crate::setup::{Setup, Started};
use crate::traced::traced;

pub(crate) const SERVICE: &str = "reminders";
/// The routes, as telemetry names them; the gateway offers the same under `/reminders`.
pub(crate) const ROUTES: &[&str] = &[];

pub(crate) async fn start(setup: &Setup<'_>) -> Result<Started, LaunchError> {
    let telemetry = setup.telemetry(SERVICE)?;
    let api = Router::new()
        .fallback(no_route)
        .method_not_allowed_fallback(no_method);
    let api = traced(api, &telemetry);
    setup.serve(SERVICE, telemetry, api).await
}
