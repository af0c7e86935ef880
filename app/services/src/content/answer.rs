use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::content::api::Api;
use crate::content::asked::Asked;
use crate::content::collection::{Collection, Link, Relationship};
use crate::content::document::{Rendering, Resource, encoded, page_links};
use crate::content::field::Record;
use crate::content::include::Compound;
use crate::content::media_type::JSON_API;
use crate::content::problem::Problem;
use crate::content::query::{Query, Scope, pairs};
use crate::content::store::Source;
use crate::database::StoreError;
use crate::failure::{Failure, Via, frame};

/// Where the records of answers come from.
pub(crate) const TARGET: &str = module_path!();

/// Why a request is not answered with what it asked for.
pub(crate) enum Refusal {
    Problem(Problem),
    Failure(Failure),
}

/// One page of a collection, or of what a resource is related to.
pub(crate) async fn list(api: &Api, source: Source<'_>, asked: &Asked) -> Result<Value, Refusal> {
    let resource = source.collection.resource;
    let query = Query::parse(&asked.uri, source.collection, Scope::Many)?;
    let total = api.store.count(source, &query).await.via(frame!("list"))?;
    let records = api.store.page(source, &query).await.via(frame!("list"))?;
    let resources: Result<Vec<Resource>, Failure> =
        records.into_iter().map(Record::into_resource).collect();
    let mut compound = Compound::new(resources.via(frame!("list"))?);
    let following = compound.follow(&query.include, &api.store).await;
    following.via(frame!("list"))?;

    let rendering = rendering(asked, &query);
    let shown = compound.primary().len();
    let data = compound.primary().iter();
    let data = data.map(|resource| rendering.resource(resource)).collect();
    let included = (!query.include.is_empty()).then(|| compound.included());
    let path = format!("{}{}", asked.prefix, asked.uri.path());
    let links = page_links(&path, &pairs(&asked.uri)?, query.page, total);
    let mut document = rendering.document(&data, included, &links);
    document["meta"] = json!({ "total": total });
    tracing::info!(
        "content.resource" = resource,
        "content.shown" = shown,
        "content.total" = total,
        "{}",
        listed(shown, total, resource)
    );
    Ok(document)
}

/// One resource by its id.
pub(crate) async fn show(
    api: &Api,
    collection: &'static Collection,
    asked: &Asked,
) -> Result<Value, Refusal> {
    let query = Query::parse(&asked.uri, collection, Scope::One)?;
    let record = api.store.record(collection, &asked.id).await;
    let record = record.via(frame!("show"))?;
    let record = record.ok_or_else(|| unknown(collection, &asked.id))?;
    let mut resource = record.into_resource().via(frame!("show"))?;
    if let Some(tiles) = &api.tiles
        && collection.resource == "places"
    {
        let tile = tiles.tile(&asked.id);
        let tile = tile.map_err(|error| Failure::new(error, frame!("show")))?;
        let attributes = &mut resource.attributes;
        attributes.insert("mapTile".to_owned(), tile.into());
    }
    one(api, Some(resource), &query, asked).await
}

/// What one resource is related to.
pub(crate) async fn related(
    api: &Api,
    collection: &'static Collection,
    relationship: &'static Relationship,
    asked: &Asked,
) -> Result<Value, Refusal> {
    let owner = api.store.record(collection, &asked.id).await;
    let owner = owner.via(frame!("related"))?;
    let owner = owner.ok_or_else(|| unknown(collection, &asked.id))?;
    let target = relationship.target();
    if let Link::Theirs(column) = relationship.link {
        let source = Source {
            collection: target,
            owner: Some((column, &asked.id)),
        };
        return list(api, source, asked).await;
    }
    let query = Query::parse(&asked.uri, target, Scope::One)?;
    let owner = owner.into_resource().via(frame!("related"))?;
    let resource = match owner.one(relationship) {
        None => None,
        Some(other) => {
            let record = api.store.record(target, &other.id).await;
            let resource = record.via(frame!("related"))?.map(Record::into_resource);
            resource.transpose().via(frame!("related"))?
        }
    };
    one(api, resource, &query, asked).await
}

/// A document of one resource, or of none where a relationship is empty.
async fn one(
    api: &Api,
    resource: Option<Resource>,
    query: &Query,
    asked: &Asked,
) -> Result<Value, Refusal> {
    let mut compound = Compound::new(resource.into_iter().collect());
    let following = compound.follow(&query.include, &api.store).await;
    following.via(frame!("one"))?;
    let rendering = rendering(asked, query);
    let data = compound.primary().first();
    let data = data.map_or(Value::Null, |resource| rendering.resource(resource));
    let included = (!query.include.is_empty()).then(|| compound.included());
    let whole = asked.uri.path_and_query();
    let whole = whole.map_or(asked.uri.path(), |whole| whole.as_str());
    let links = json!({ "self": format!("{}{whole}", asked.prefix) });
    Ok(rendering.document(&data, included, &links))
}

fn rendering<'a>(asked: &'a Asked, query: &'a Query) -> Rendering<'a> {
    Rendering {
        prefix: &asked.prefix,
        fieldsets: &query.fieldsets,
    }
}

fn unknown(collection: &Collection, id: &str) -> Problem {
    let (resource, id) = (collection.resource, encoded(id));
    tracing::info!(
        "content.resource" = resource,
        "content.id" = id,
        "{}",
        absent(resource, &id)
    );
    Problem::not_found(format!("there is no {resource} with the id {id}"))
}

/// What is said of a list, live and in the history.
pub(crate) fn listed(shown: usize, total: u64, resource: &str) -> String {
    format!("listed {shown} of {total} {resource}")
}

/// What is said of a resource that is not there, live and in the history.
pub(crate) fn absent(resource: &str, id: &str) -> String {
    format!("found no {resource} {id}")
}

/// The one place where failures of requests are written down.
pub(crate) fn answer(outcome: Result<Value, Refusal>, asked: &Asked) -> Response {
    let failure = match outcome {
        Ok(document) => {
            let content_type = (CONTENT_TYPE, HeaderValue::from_static(JSON_API));
            return ([content_type], document.to_string()).into_response();
        }
        Err(Refusal::Problem(problem)) => return problem.into_response(),
        Err(Refusal::Failure(failure)) => failure,
    };
    failure.report(format_args!("request for {} failed", asked.uri.path()));
    let problem = if failure.is::<StoreError>() {
        Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "Unavailable",
            "the content database does not answer",
        )
    } else {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error",
            "the request could not be answered",
        )
    };
    problem.into_response()
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
