use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Router, middleware};
use http::header::{ALLOW, CONTENT_TYPE, VARY};
use http::{HeaderValue, Method, StatusCode, Uri};

use crate::content::answer::{linkage, list, related, show};
use crate::content::asked::Asked;
use crate::content::collection::{COLLECTIONS, Collection, Relationship};
use crate::content::media_type::{self, JSON_API};
use crate::content::problem::Problem;
use crate::content::reply::reply;
use crate::content::routes::DESCRIPTION;
use crate::content::store::{Source, Store};
use crate::content::tile::TileIndex;

/// What the API of one release needs.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) store: Store,
    /// From the versions on that carry map tiles.
    pub(crate) tiles: Option<Arc<TileIndex>>,
}

/// The description of the API that it serves.
pub(crate) const OPENAPI: &str = include_str!("../../../../schemas/openapi/content.v1.json");
/// What every route can be asked by.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

pub(crate) fn router(api: Api) -> Router {
    let mut router = Router::new();
    for collection in COLLECTIONS {
        let resource = collection.resource;
        let list_all = move |State(api): State<Api>, asked: Asked| async move {
            let source = Source {
                collection,
                owner: None,
            };
            reply(list(&api, source, &asked).await, &asked)
        };
        let show_one = move |State(api): State<Api>, asked: Asked| async move {
            reply(show(&api, collection, &asked).await, &asked)
        };
        router = router
            .route(&format!("/{resource}"), read_only(get(list_all)))
            .route(&format!("/{resource}/{{id}}"), read_only(get(show_one)));
        for relationship in collection.relationships {
            router = with_relationship(router, collection, relationship);
        }
    }
    let document = ([(CONTENT_TYPE, "application/json")], OPENAPI);
    let described = get(move || async move { document });
    router
        .fallback(|uri: Uri| async move {
            Problem::not_found(format!("there is nothing at {}", uri.path()))
        })
        .layer(middleware::from_fn(negotiate))
        .with_state(api)
        .route(DESCRIPTION, read_only(described))
}

fn with_relationship(
    router: Router<Api>,
    collection: &'static Collection,
    relationship: &'static Relationship,
) -> Router<Api> {
    let show_related = move |State(api): State<Api>, asked: Asked| async move {
        let found = related(&api, collection, relationship, &asked).await;
        reply(found, &asked)
    };
    let show_linkage = move |State(api): State<Api>, asked: Asked| async move {
        let found = linkage(&api, collection, relationship, &asked).await;
        reply(found, &asked)
    };
    let (resource, name) = (collection.resource, relationship.name);
    let linkage_route = format!("/{resource}/{{id}}/relationships/{name}");
    router
        .route(
            &format!("/{resource}/{{id}}/{name}"),
            read_only(get(show_related)),
        )
        .route(&linkage_route, read_only(get(show_linkage)))
}

/// Says by what it can be asked.
fn read_only<S: Clone + Send + Sync + 'static>(route: MethodRouter<S>) -> MethodRouter<S> {
    let options = || async { (StatusCode::NO_CONTENT, [(ALLOW, METHODS)]) };
    route.options(options).fallback(method_not_allowed)
}

/// Refuses media types that we do not speak, before anything is read.
async fn negotiate(request: Request, next: middleware::Next) -> Response {
    let mut response = if !media_type::is_supported(request.headers()) {
        let detail = format!(
            "a body must be of type {JSON_API} without parameters other than profile; \
             no extension is supported"
        );
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Unsupported media type",
            detail,
        )
        .into_response()
    } else if !media_type::is_acceptable(request.headers()) {
        let detail = format!(
            "this API answers with {JSON_API} without parameters other than profile; \
             no extension is supported"
        );
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
    ([(ALLOW, METHODS)], problem).into_response()
}
