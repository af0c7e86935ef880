use std::sync::{Arc, PoisonError, RwLock};

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;
use watchfire_telemetry::Telemetry;

use crate::content::api::{self, Api};
use crate::content::asked::FORWARDED_PREFIX;
use crate::content::problem::Problem;
use crate::content::store::Store;
use crate::content::tile::TileIndex;
use crate::server;
use crate::telemetry::Version;
use crate::traced::traced;

/// The release that answers behind the content service's address. It can be exchanged while
/// requests are under way: those that a release has begun, it finishes.
#[derive(Debug)]
pub(crate) struct Live {
    /// Written at a deploy, read on every request.
    release: RwLock<Arc<Release>>,
}

/// One version of the content service, running.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) version: Version,
    pub(crate) telemetry: Telemetry,
    router: Router,
    under_way: TaskTracker,
}

impl Release {
    /// `lacking` is the share of the map tiles that the release was built without, if it has tiles.
    pub(crate) fn new(
        version: Version,
        telemetry: Telemetry,
        store: Store,
        lacking: Option<f64>,
    ) -> Self {
        let tiles = lacking.map(|share| Arc::new(TileIndex::lacking(share)));
        let api = traced(api::router(Api { store, tiles }), &telemetry);
        let status = server::status_routes(&telemetry, version);
        let router = api.merge(status.layer(middleware::from_fn(only_from_inside)));
        Self {
            version,
            telemetry,
            router,
            under_way: TaskTracker::new(),
        }
    }

    /// Waits until the requests that it has begun are answered.
    pub(crate) async fn finish(&self) {
        self.under_way.close();
        self.under_way.wait().await;
    }
}

impl Live {
    pub(crate) fn new(release: Release) -> Arc<Self> {
        Arc::new(Self {
            release: RwLock::new(Arc::new(release)),
        })
    }

    pub(crate) fn release(&self) -> Arc<Release> {
        Arc::clone(&self.release.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts a release in the place of the one before, which is given back to be finished.
    pub(crate) fn exchange(&self, release: Release) -> Arc<Release> {
        let mut live = self.release.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *live, Arc::new(release))
    }

    /// Hands every request to the release of the moment.
    pub(crate) fn router(self: &Arc<Self>) -> Router {
        let live = Arc::clone(self);
        Router::new().fallback(move |request: Request| {
            let release = live.release();
            async move { release.answer(request).await }
        })
    }
}

/// What a service says of itself is not for the clients of the gateway.
async fn only_from_inside(request: Request, next: Next) -> Response {
    if request.headers().contains_key(FORWARDED_PREFIX) {
        return Problem::not_found("there is nothing here").into_response();
    }
    next.run(request).await
}

impl Release {
    async fn answer(&self, request: Request) -> Response {
        let _under_way = self.under_way.token();
        match self.router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(impossible) => match impossible {},
        }
    }
}
