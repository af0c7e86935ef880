//! The gateway: what clients talk to. It hands requests on to the service whose route they name,
//! and answers in its stead when that service does not.

mod proxy;

use axum::Router;
use axum::routing::any;
use watchfire_telemetry::Telemetry;

use crate::client::Client;
use crate::problem;
use crate::server;
use crate::telemetry::Version;
use crate::traced::traced;

/// A service behind the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    pub(crate) service: &'static str,
    /// The path under which it is offered: `/payments`.
    pub(crate) prefix: &'static str,
    /// Its routes, so that each is an operation of its own.
    pub(crate) routes: &'static [&'static str],
    pub(crate) client: Client,
}

/// The gateway's routes.
pub(crate) fn router(upstreams: &[Upstream], telemetry: &Telemetry, version: Version) -> Router {
    let mut router = Router::new();
    for upstream in upstreams {
        // One more for what the service may know and we do not.
        for &template in upstream.routes.iter().chain(&["/{*path}"]) {
            let route = format!("{}{template}", upstream.prefix);
            let upstream = upstream.clone();
            let forward = move |request| proxy::forward(upstream, template, request);
            router = router.route(&route, any(forward));
        }
    }
    traced(router.fallback(problem::no_route), telemetry)
        .merge(server::status_routes(telemetry, version))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use serde_json::Value;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use tower::ServiceExt;
    use watchfire_schemas::Batch;

    use super::*;
    use crate::telemetry::{GATEWAY, VERSION};

    /// Asks a gateway whose upstream is at `server`; its answer and the exception that it told.
    async fn ask(server: std::net::SocketAddr) -> (u16, Value, String) {
        let (sender, mut batches) = mpsc::channel(16);
        let telemetry = Telemetry::service(GATEWAY)
            .log_output(watchfire_telemetry::LogOutput::Nowhere)
            .hand_over(sender)
            .start()
            .unwrap();
        let upstream = Upstream {
            service: "content",
            prefix: "/api",
            routes: &["/places"],
            client: Client::new(server, &telemetry).unwrap(),
        };
        let router = router(&[upstream], &telemetry, VERSION);
        let request = Request::get("/api/places").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        crate::telemetry::stop(vec![telemetry]).await;
        let mut kinds = Vec::new();
        while let Ok(batch) = batches.try_recv() {
            if let Batch::Logs(records) = batch {
                let told = records.into_iter().filter_map(|record| record.exception);
                kinds.extend(told.map(|exception| exception.kind));
            }
        }
        (
            status,
            serde_json::from_slice(&body).unwrap(),
            kinds.join(" "),
        )
    }

    #[tokio::test]
    async fn an_upstream_that_is_gone_is_a_bad_gateway() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let (status, body, kinds) = ask(address).await;
        assert_eq!((status, kinds.as_str()), (502, "CallError::Connect"));
        assert_eq!(body["status"], 502);
        assert_eq!(body["trace_id"].as_str().map(str::len), Some(32));
    }

    #[tokio::test]
    async fn an_upstream_that_does_not_answer_is_a_gateway_timeout() {
        // It takes the connection and says nothing.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (status, body, kinds) = ask(listener.local_addr().unwrap()).await;
        assert_eq!((status, kinds.as_str()), (504, "CallError::TimedOut"));
        assert_eq!(
            body["detail"],
            "the service behind this route does not answer"
        );
    }
}
