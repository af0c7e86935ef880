use http::StatusCode;

use crate::content::api::Api;
use crate::content::asked::Asked;
use crate::content::collection::{Collection, Link, Relationship};
use crate::content::document::{Data, Document, Linkage, Meta, Rendering, Resource, Version};
use crate::content::field::Record;
use crate::content::include::{Compound, IncludeError};
use crate::content::links::{Encoded, Links};
use crate::content::problem::{ErrorObject, Problem};
use crate::content::query::{Query, Scope, pairs};
use crate::content::store::Source;
use crate::failure::{Failure, Frame, Via, frame};

/// Where the records of answers come from.
pub(crate) const TARGET: &str = module_path!();

/// Why a request is not answered with what it asked for.
#[derive(Debug)]
pub(crate) enum Refusal {
    Problem(Problem),
    Failure(Failure),
}

/// One page of a collection, or of what a resource is related to.
pub(crate) async fn list(api: &Api, source: Source<'_>, asked: &Asked) -> Result<Vec<u8>, Refusal> {
    let resource = source.collection.resource;
    let pairs = pairs(&asked.uri)?;
    let query = Query::parse(&pairs, source.collection, Scope::Many)?;
    let total = api.store.count(source, &query).await.via(frame!("list"))?;
    let records = api.store.page(source, &query).await.via(frame!("list"))?;
    let resources: Result<Vec<Resource>, Failure> =
        records.into_iter().map(Record::into_resource).collect();
    let mut compound = Compound::new(resources.via(frame!("list"))?);
    compound.follow(&query.include, &api.store).await?;

    let rendering = rendering(asked, &query);
    let shown = compound.primary().len();
    let includes = !query.include.is_empty();
    let document = Document {
        jsonapi: Version::SPOKEN,
        data: rendering.all(compound.primary()),
        included: includes.then(|| rendering.all(compound.included())),
        links: Links::of_page(&asked.path(), &pairs, query.page, total),
        meta: Some(Meta { total }),
    };
    tracing::info!(
        "content.resource" = resource,
        "content.shown" = shown,
        "content.total" = total,
        "{}",
        listed(shown, total, resource)
    );
    Ok(bytes(&document))
}

/// One resource by its id.
pub(crate) async fn show(
    api: &Api,
    collection: &'static Collection,
    asked: &Asked,
) -> Result<Vec<u8>, Refusal> {
    let query = Query::parse(&pairs(&asked.uri)?, collection, Scope::One)?;
    let record = existing(api, collection, asked, frame!("show")).await?;
    let mut resource = record.into_resource().via(frame!("show"))?;
    if let Some(tiles) = &api.tiles
        && collection.resource == "places"
    {
        let tile = tiles.tile(&asked.id);
        let tile = tile.map_err(|error| Failure::new(error, frame!("show")))?;
        resource.map_tile = Some(tile.to_owned());
    }
    one(api, Some(resource), &query, asked).await
}

/// What one resource is related to.
pub(crate) async fn related(
    api: &Api,
    collection: &'static Collection,
    relationship: &'static Relationship,
    asked: &Asked,
) -> Result<Vec<u8>, Refusal> {
    let owner = existing(api, collection, asked, frame!("related")).await?;
    let target = relationship.target();
    if !matches!(relationship.link, Link::Own(_)) {
        let source = Source {
            collection: target,
            owner: Some((relationship.link, &asked.id)),
        };
        return list(api, source, asked).await;
    }
    let query = Query::parse(&pairs(&asked.uri)?, target, Scope::One)?;
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

/// The linkage of one relationship: who is at its other end, not what they are.
pub(crate) async fn linkage(
    api: &Api,
    collection: &'static Collection,
    relationship: &'static Relationship,
    asked: &Asked,
) -> Result<Vec<u8>, Refusal> {
    let pairs = pairs(&asked.uri)?;
    let is_to_one = matches!(relationship.link, Link::Own(_));
    let scope = if is_to_one {
        Scope::OneLink
    } else {
        Scope::ManyLinks
    };
    let query = Query::parse(&pairs, relationship.target(), scope)?;
    let owner = existing(api, collection, asked, frame!("linkage")).await?;
    let (linkage, mut links, total) = if is_to_one {
        let owner = owner.into_resource().via(frame!("linkage"))?;
        let this = asked.path_and_query();
        let links = Links {
            this,
            ..Links::default()
        };
        (Linkage::One(owner.one(relationship)), links, None)
    } else {
        let source = Source {
            collection: relationship.target(),
            owner: Some((relationship.link, &asked.id)),
        };
        let total = api
            .store
            .count(source, &query)
            .await
            .via(frame!("linkage"))?;
        let ids = api.store.linkage(source, query.page).await;
        let links = Links::of_page(&asked.path(), &pairs, query.page, total);
        let linkage = Linkage::Many(ids.via(frame!("linkage"))?);
        (linkage, links, Some(total))
    };
    let (resource, id) = (collection.resource, Encoded(&asked.id));
    links.related = Some(format!(
        "{}/{resource}/{id}/{}",
        asked.prefix, relationship.name
    ));
    Ok(bytes(&Document {
        jsonapi: Version::SPOKEN,
        data: Data::Linkage(&linkage),
        included: None,
        links,
        meta: total.map(|total| Meta { total }),
    }))
}

/// The resource that the path names, looked up on behalf of `by`.
async fn existing(
    api: &Api,
    collection: &'static Collection,
    asked: &Asked,
    by: Frame,
) -> Result<Record, Refusal> {
    let record = api.store.record(collection, &asked.id).await.via(by)?;
    record.ok_or_else(|| unknown(collection, &asked.id).into())
}

/// A document of one resource, or of none where a relationship is empty.
async fn one(
    api: &Api,
    resource: Option<Resource>,
    query: &Query,
    asked: &Asked,
) -> Result<Vec<u8>, Refusal> {
    let mut compound = Compound::new(resource.into_iter().collect());
    compound.follow(&query.include, &api.store).await?;
    let rendering = rendering(asked, query);
    let includes = !query.include.is_empty();
    Ok(bytes(&Document {
        jsonapi: Version::SPOKEN,
        data: rendering.one(compound.primary().first()),
        included: includes.then(|| rendering.all(compound.included())),
        links: Links {
            this: asked.path_and_query(),
            ..Links::default()
        },
        meta: None,
    }))
}

fn rendering<'a>(asked: &'a Asked, query: &'a Query) -> Rendering<'a> {
    Rendering {
        prefix: &asked.prefix,
        fieldsets: &query.fieldsets,
    }
}

fn bytes(document: &Document<Data<'_>>) -> Vec<u8> {
    serde_json::to_vec(document).expect("a document has text for keys, and nothing that fails")
}

fn unknown(collection: &Collection, id: &str) -> Problem {
    let (resource, id) = (collection.resource, Encoded(id).to_string());
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

impl From<IncludeError> for Refusal {
    fn from(error: IncludeError) -> Self {
        match error {
            IncludeError::Failure(failure) => Self::Failure(failure),
            IncludeError::TooMany => {
                let most = Compound::MOST;
                let reason = format!("would bring more than {most} resources along");
                Self::Problem(Problem {
                    status: StatusCode::BAD_REQUEST,
                    errors: vec![ErrorObject::of_parameter("include", &reason)],
                })
            }
        }
    }
}
