use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use http::header::{ALLOW, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Value, json};

use crate::content::collection::{COLLECTIONS, Collection, Link, Relationship};
use crate::content::document::{Rendering, Resource, encoded, page_links};
use crate::content::include::Compound;
use crate::content::media_type::{self, JSON_API};
use crate::content::problem::Problem;
use crate::content::query::{Query, Scope, pairs};
use crate::content::store::{Source, Store};
use crate::content::tile::TileIndex;
use crate::failure::{Failure, Via, frame};

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

/// Says under which path the client reaches us, for the links.
pub(crate) const FORWARDED_PREFIX: &str = "x-forwarded-prefix";

/// Why a request is not answered with what it asked for.
enum Refusal {
    Problem(Problem),
    Failure(Failure),
}

pub(crate) fn router(api: Api) -> Router {
    let mut router = Router::new();
    for collection in COLLECTIONS {
        let resource = collection.resource;
        let list_all = move |State(api): State<Api>, headers: HeaderMap, uri: Uri| async move {
            let source = Source {
                collection,
                owner: None,
            };
            answer(list(&api, source, &headers, &uri).await, &uri)
        };
        let show_one = move |State(api): State<Api>,
                             Path(id): Path<String>,
                             headers: HeaderMap,
                             uri: Uri| async move {
            answer(show(&api, collection, &id, &headers, &uri).await, &uri)
        };
        router = router
            .route(&format!("/{resource}"), get(list_all))
            .route(&format!("/{resource}/{{id}}"), get(show_one));
        for relationship in collection.relationships {
            let show_related = move |State(api): State<Api>,
                                     Path(id): Path<String>,
                                     headers: HeaderMap,
                                     uri: Uri| async move {
                answer(
                    related(&api, collection, relationship, &id, &headers, &uri).await,
                    &uri,
                )
            };
            router = router.route(
                &format!("/{resource}/{{id}}/{}", relationship.name),
                get(show_related),
            );
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

async fn list(
    api: &Api,
    source: Source<'_>,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<Value, Refusal> {
    let collection = source.collection;
    let query = Query::parse(uri, collection, Scope::Many)?;
    let total = api.store.count(source, &query).await.via(frame!("list"))?;
    let records = api.store.page(source, &query).await.via(frame!("list"))?;
    let resources: Result<Vec<Resource>, Failure> = records
        .into_iter()
        .map(super::field::Record::into_resource)
        .collect();
    let mut compound = Compound::new(resources.via(frame!("list"))?);
    compound
        .follow(&query.include, &api.store)
        .await
        .via(frame!("list"))?;

    let prefix = prefix(headers);
    let rendering = Rendering {
        prefix,
        fieldsets: &query.fieldsets,
    };
    let shown = compound.primary().len();
    let data = compound
        .primary()
        .iter()
        .map(|resource| rendering.resource(resource))
        .collect();
    let included = (!query.include.is_empty()).then(|| compound.included());
    let links = page_links(
        &format!("{prefix}{}", uri.path()),
        &pairs(uri)?,
        query.page,
        total,
    );
    let mut document = rendering.document(&data, included, &links);
    document["meta"] = json!({ "total": total });
    tracing::info!(
        "resource" = collection.resource,
        "shown" = shown,
        "total" = total,
        "listed {shown} of {total} {}",
        collection.resource
    );
    Ok(document)
}

async fn show(
    api: &Api,
    collection: &'static Collection,
    id: &str,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<Value, Refusal> {
    let query = Query::parse(uri, collection, Scope::One)?;
    let record = api.store.record(collection, id).await.via(frame!("show"))?;
    let record = record.ok_or_else(|| unknown(collection, id))?;
    let mut resource = record.into_resource().via(frame!("show"))?;
    if let Some(tiles) = api
        .tiles
        .as_deref()
        .filter(|_| collection.resource == "places")
    {
        let tile = tiles
            .tile(id)
            .map_err(|error| Failure::new(error, frame!("show")))?;
        resource
            .attributes
            .insert("mapTile".to_owned(), tile.into());
    }
    one(api, Some(resource), &query, headers, uri).await
}

async fn related(
    api: &Api,
    collection: &'static Collection,
    relationship: &'static Relationship,
    id: &str,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<Value, Refusal> {
    let owner = api
        .store
        .record(collection, id)
        .await
        .via(frame!("related"))?;
    let owner = owner.ok_or_else(|| unknown(collection, id))?;
    let target = relationship.target();
    if let Link::Theirs(column) = relationship.link {
        let source = Source {
            collection: target,
            owner: Some((column, id)),
        };
        return list(api, source, headers, uri).await;
    }
    let query = Query::parse(uri, target, Scope::One)?;
    let other = owner
        .into_resource()
        .via(frame!("related"))?
        .one(relationship);
    let resource = match other {
        None => None,
        Some(other) => {
            let record = api
                .store
                .record(target, &other.id)
                .await
                .via(frame!("related"))?;
            record
                .map(super::field::Record::into_resource)
                .transpose()
                .via(frame!("related"))?
        }
    };
    one(api, resource, &query, headers, uri).await
}

/// A document of one resource, or of none where a relationship is empty.
async fn one(
    api: &Api,
    resource: Option<Resource>,
    query: &Query,
    headers: &HeaderMap,
    uri: &Uri,
) -> Result<Value, Refusal> {
    let mut compound = Compound::new(resource.into_iter().collect());
    compound
        .follow(&query.include, &api.store)
        .await
        .via(frame!("one"))?;
    let prefix = prefix(headers);
    let rendering = Rendering {
        prefix,
        fieldsets: &query.fieldsets,
    };
    let data = compound
        .primary()
        .first()
        .map_or(Value::Null, |resource| rendering.resource(resource));
    let included = (!query.include.is_empty()).then(|| compound.included());
    let this = uri
        .path_and_query()
        .map_or(uri.path(), |whole| whole.as_str());
    Ok(rendering.document(
        &data,
        included,
        &json!({ "self": format!("{prefix}{this}") }),
    ))
}

fn unknown(collection: &Collection, id: &str) -> Problem {
    let (resource, id) = (collection.resource, encoded(id));
    tracing::info!("resource" = resource, "id" = id, "found no {resource} {id}");
    Problem::not_found(format!("there is no {resource} with the id {id}"))
}

/// The one place where failures of requests are written down.
fn answer(outcome: Result<Value, Refusal>, uri: &Uri) -> Response {
    match outcome {
        Ok(document) => (
            [(CONTENT_TYPE, HeaderValue::from_static(JSON_API))],
            document.to_string(),
        )
            .into_response(),
        Err(Refusal::Problem(problem)) => problem.into_response(),
        Err(Refusal::Failure(failure)) => {
            failure.report(format_args!("request for {} failed", uri.path()));
            let unavailable = failure.kind().starts_with("StoreError");
            if unavailable {
                Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "Unavailable",
                    "the content database does not answer",
                )
                .into_response()
            } else {
                Problem::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "Internal error",
                    "the request could not be answered",
                )
                .into_response()
            }
        }
    }
}

/// A prefix of plain path segments; anything else is not believed.
fn prefix(headers: &HeaderMap) -> &str {
    const LONGEST: usize = 64;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_');
    let value = headers
        .get(FORWARDED_PREFIX)
        .and_then(|value| value.to_str().ok());
    value
        .filter(|value| {
            value.len() <= LONGEST
                && value.starts_with('/')
                && !value.starts_with("//")
                && value.chars().all(plain)
        })
        .unwrap_or_default()
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}
