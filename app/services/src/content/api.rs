use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use http::header::{ALLOW, VARY};
use http::{HeaderValue, Method, StatusCode, Uri};

use crate::content::answer::{answer, list, related, show};
use crate::content::asked::Asked;
use crate::content::collection::COLLECTIONS;
use crate::content::media_type::{self, JSON_API};
use crate::content::problem::Problem;
use crate::content::store::{Source, Store};
use crate::content::tile::TileIndex;

/// What the API of one release needs.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) store: Store,
    /// From the versions on that carry map tiles.
    pub(crate) tiles: Option<Arc<TileIndex>>,
}

/// The routes, as telemetry names them; the gateway offers the same under its own prefix.
pub(crate) const ROUTES: [&str; 7] = [
    "/places",
    "/places/{id}",
    "/places/{id}/parent",
    "/places/{id}/points-of-interest",
    "/points-of-interest",
    "/points-of-interest/{id}",
    "/points-of-interest/{id}/place",
];

pub(crate) fn router(api: Api) -> Router {
    let mut router = Router::new();
    for collection in COLLECTIONS {
        let resource = collection.resource;
        let list_all = move |State(api): State<Api>, asked: Asked| async move {
            let source = Source {
                collection,
                owner: None,
            };
            answer(list(&api, source, &asked).await, &asked)
        };
        let show_one = move |State(api): State<Api>, asked: Asked| async move {
            answer(show(&api, collection, &asked).await, &asked)
        };
        router = router
            .route(&format!("/{resource}"), get(list_all))
            .route(&format!("/{resource}/{{id}}"), get(show_one));
        for relationship in collection.relationships {
            let show_related = move |State(api): State<Api>, asked: Asked| async move {
                answer(
                    related(&api, collection, relationship, &asked).await,
                    &asked,
                )
            };
            let route = format!("/{resource}/{{id}}/{}", relationship.name);
            router = router.route(&route, get(show_related));
        }
    }
    router
        .fallback(|uri: Uri| async move {
            Problem::not_found(format!("there is nothing at {}", uri.path()))
        })
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(negotiate))
        .with_state(api)
}

/// Refuses media types that we do not speak, before anything is read.
async fn negotiate(request: Request, next: middleware::Next) -> Response {
    let mut response = if !media_type::is_supported(request.headers()) {
        let detail =
            format!("a body must be of type {JSON_API} without parameters other than profile");
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Unsupported media type",
            detail,
        )
        .into_response()
    } else if !media_type::is_acceptable(request.headers()) {
        let detail = format!("this API answers with {JSON_API} without parameters");
        Problem::new(
            StatusCode::NOT_ACCEPTABLE,
            "not_acceptable",
            "Not acceptable",
            detail,
        )
        .into_response()
    } else {
        next.run(request).await
    };
    response
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("accept"));
    response
}

async fn method_not_allowed(method: Method) -> Response {
    let detail = format!("this API is read-only: {method} is not offered");
    let problem = Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "Method not allowed",
        detail,
    );
    ([(ALLOW, HeaderValue::from_static("GET, HEAD"))], problem).into_response()
}
