use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::routing::get;
use http::HeaderMap;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use watchfire_telemetry::Telemetry;

use crate::content::FORWARDED_PREFIX;
use crate::launch::LaunchError;
use crate::problem::no_route;
use crate::telemetry::Version;

/// Any port of this machine.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(crate) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), LaunchError> {
    let error = |source| LaunchError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(error)?;
    let bound = listener.local_addr().map_err(error)?;
    Ok((listener, bound))
}

/// Serves until `stop`, then finishes the requests that are under way.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = serving.await {
        tracing::error!("listener failed: {error}");
    }
}

/// Routes that are not for the clients of the gateway.
pub(crate) fn inside_only(router: Router) -> Router {
    router.layer(middleware::from_fn(async |request: Request, next: Next| {
        if request.headers().contains_key(FORWARDED_PREFIX) {
            return no_route(request.uri().clone()).await.into_response();
        }
        next.run(request).await
    }))
}

/// `/healthz` and `/metrics`, which every service has. They are not traced.
pub(crate) fn status_routes(telemetry: &Telemetry, version: Version) -> Router {
    let exposed = telemetry.clone();
    let metrics = move |headers: HeaderMap| async move { exposed.metrics_response(&headers) };
    let health = json!({ "status": "ok", "version": version.to_string() });
    let health = move || async move { axum::Json(health) };
    Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
}
