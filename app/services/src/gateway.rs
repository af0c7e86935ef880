//! The gateway: what clients talk to. It hands requests on to the service whose route they name,
//! and answers in its stead when that service does not.
//!
//! On its way a request passes: the bound on all that is under way, its consumer's key and limit,
//! the response cache, the room of its consumer's class, the breaker and the retries of the service.

mod arriving;
mod breaker;
mod bulkhead;
mod cache;
mod consumer;
mod hop;
mod keys;
mod metrics;
mod passing;
mod policy;
mod proxy;
mod refusal;
mod shared;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use tokio_util::task::TaskTracker;
use watchfire_telemetry::Telemetry;

use self::bulkhead::Bulkheads;
use self::cache::Cache;
pub(crate) use self::cache::Store;
pub use self::cache::{CacheUrl, NoCacheUrl};
use self::hop::Hop;
use self::keys::Keys;
use self::metrics::Metrics;
pub(crate) use self::policy::Policy;
pub use self::policy::PolicyError;
use self::proxy::Route;
use self::refusal::Refusals;
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
    /// Where it is: `http://host:port`.
    pub(crate) base: String,
    /// How long it may take to the head of its answer, retries included.
    pub(crate) timeout: Duration,
    /// The largest body that is handed on to it, in bytes.
    pub(crate) max_body: usize,
}

impl Upstream {
    /// What suits a service unless it says otherwise.
    pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
    pub(crate) const MAX_BODY: usize = 1 << 20;
}

/// What all routes share.
#[derive(Debug)]
struct Gateway {
    keys: Keys,
    /// How many requests are under way, those that wait included.
    under_way: Arc<AtomicUsize>,
    most_under_way: usize,
    bulkheads: Bulkheads,
    cache: Cache,
    refusals: Refusals,
    telemetry: Telemetry,
    /// What goes on behind an answer that was given already.
    tasks: TaskTracker,
}

/// The gateway's routes. Health and metrics are never refused.
pub(crate) fn router(
    upstreams: Vec<Upstream>,
    policy: Policy,
    telemetry: &Telemetry,
    version: Version,
    tasks: TaskTracker,
    store: Option<Arc<Store>>,
) -> Router {
    let (metrics, refusals, cache) = {
        let mut registry = telemetry.registry();
        (
            Metrics::register(&mut registry),
            Refusals::register(&mut registry),
            Cache::new(&mut registry, store),
        )
    };
    let gateway = Arc::new(Gateway {
        keys: policy.keys,
        under_way: Arc::default(),
        most_under_way: policy.in_flight,
        bulkheads: Bulkheads::new(policy.bulkheads),
        cache,
        refusals,
        telemetry: telemetry.clone(),
        tasks,
    });
    let mut router = Router::new();
    for upstream in upstreams {
        let (offered_at, templates) = (upstream.prefix, upstream.routes);
        let hop = Arc::new(Hop::new(upstream, telemetry, &metrics));
        // One more for what the service may know and we do not.
        for &template in templates.iter().chain(&["/{*path}"]) {
            let route = Route {
                gateway: Arc::clone(&gateway),
                hop: Arc::clone(&hop),
                template,
            };
            let path = format!("{offered_at}{template}");
            router = router.route(&path, any(move |request| route.answer(request)));
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
            base: format!("http://{server}"),
            timeout: Upstream::TIMEOUT,
            max_body: Upstream::MAX_BODY,
        };
        let policy = Policy::of(None).unwrap();
        let tasks = TaskTracker::new();
        let router = router(vec![upstream], policy, &telemetry, VERSION, tasks, None);
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
