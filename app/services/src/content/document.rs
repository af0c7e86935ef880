use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::content::collection::{Collection, Relationship};
use crate::content::field::AttributeValue;
use crate::content::links::{Encoded, Links};
use crate::content::query::Fieldsets;

/// One resource with its relationships, before fieldsets are applied.
#[derive(Debug)]
pub(crate) struct Resource {
    pub(crate) collection: &'static Collection,
    pub(crate) id: String,
    /// One for each attribute of the collection, in its order.
    pub(crate) attributes: Vec<AttributeValue>,
    /// One for each relationship of the collection, in its order.
    pub(crate) linkages: Vec<Linkage>,
    /// Only from releases that have map tiles.
    pub(crate) map_tile: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Linkage {
    One(Option<Identifier>),
    Many(Vec<Identifier>),
    /// Not asked for: only the links are given.
    Unresolved,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(crate) struct Identifier {
    #[serde(rename = "type")]
    pub(crate) resource: &'static str,
    pub(crate) id: String,
}

/// What shapes a document besides its resources.
#[derive(Debug)]
pub(crate) struct Rendering<'a> {
    /// Put before each link: the path under which clients reach this API.
    pub(crate) prefix: &'a str,
    pub(crate) fieldsets: &'a Fieldsets,
}

/// A whole document. It is written straight to bytes.
#[derive(Debug, Serialize)]
pub(crate) struct Document<D> {
    pub(crate) jsonapi: Version,
    pub(crate) data: D,
    /// `None` if nothing was asked to be included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) included: Option<D>,
    pub(crate) links: Links,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) meta: Option<Meta>,
}

/// The version of JSON:API that we speak.
#[derive(Debug, Serialize)]
pub(crate) struct Version {
    version: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct Meta {
    /// How many there are on all pages.
    pub(crate) total: u64,
}

/// The primary data of a document, or what it includes.
#[derive(Debug)]
pub(crate) enum Data<'a> {
    One(Option<Shown<'a>>),
    Many(Vec<Shown<'a>>),
    /// Of a relationship.
    Linkage(&'a Linkage),
}

/// A resource as one document shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) rendering: &'a Rendering<'a>,
}

impl Version {
    pub(crate) const SPOKEN: Self = Self { version: "1.1" };
}

impl Resource {
    pub(crate) fn identifier(&self) -> Identifier {
        Identifier {
            resource: self.collection.resource,
            id: self.id.clone(),
        }
    }
}

impl<'a> Rendering<'a> {
    pub(crate) fn all(&'a self, resources: &'a [Resource]) -> Data<'a> {
        let shown = resources.iter().map(|resource| Shown {
            resource,
            rendering: self,
        });
        Data::Many(shown.collect())
    }

    pub(crate) fn one(&'a self, resource: Option<&'a Resource>) -> Data<'a> {
        Data::One(resource.map(|resource| Shown {
            resource,
            rendering: self,
        }))
    }
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(one) => one.serialize(serializer),
            Self::Many(all) => all.serialize(serializer),
            Self::Linkage(linkage) => linkage.serialize(serializer),
        }
    }
}

impl Serialize for Linkage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(id) => id.serialize(serializer),
            Self::Many(ids) => ids.serialize(serializer),
            Self::Unresolved => serializer.serialize_none(),
        }
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (attributes, relationships) = (Attributes(*self), Relationships(*self));
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("type", self.resource.collection.resource)?;
        object.serialize_entry("id", &self.resource.id)?;
        if attributes.shown().next().is_some() {
            object.serialize_entry("attributes", &attributes)?;
        }
        if relationships.shown().next().is_some() {
            object.serialize_entry("relationships", &relationships)?;
        }
        object.serialize_entry("links", &SelfLink(*self))?;
        object.end()
    }
}

impl Shown<'_> {
    fn shows(&self, field: &str) -> bool {
        let kind = self.resource.collection.resource;
        self.rendering.fieldsets.shows(kind, field)
    }
}

/// Where a resource is.
impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.resource.collection.resource;
        let id = Encoded(&self.resource.id);
        write!(f, "{}/{kind}/{id}", self.rendering.prefix)
    }
}

struct Attributes<'a>(Shown<'a>);

impl Attributes<'_> {
    fn shown(&self) -> impl Iterator<Item = (&'static str, &AttributeValue)> {
        let Self(shown) = self;
        let all = shown.resource.collection.attributes.iter();
        let all = all.map(|attribute| attribute.name);
        let all = all.zip(&shown.resource.attributes);
        all.filter(|(name, _)| shown.shows(name))
    }
}

impl Serialize for Attributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (name, value) in self.shown() {
            object.serialize_entry(name, value)?;
        }
        if let Some(tile) = &self.0.resource.map_tile
            && self.0.shows("mapTile")
        {
            object.serialize_entry("mapTile", tile)?;
        }
        object.end()
    }
}

struct Relationships<'a>(Shown<'a>);

impl Relationships<'_> {
    fn shown(&self) -> impl Iterator<Item = (&'static Relationship, &Linkage)> {
        let Self(shown) = self;
        let all = shown.resource.collection.relationships.iter();
        let all = all.zip(&shown.resource.linkages);
        all.filter(|(relationship, _)| shown.shows(relationship.name))
    }
}

impl Serialize for Relationships<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (relationship, linkage) in self.shown() {
            let name = relationship.name;
            let of = self.0;
            object.serialize_entry(name, &RelationshipObject { of, name, linkage })?;
        }
        object.end()
    }
}

struct RelationshipObject<'a> {
    of: Shown<'a>,
    name: &'static str,
    linkage: &'a Linkage,
}

impl Serialize for RelationshipObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { of, name, linkage } = self;
        let mut object = serializer.serialize_map(None)?;
        object.serialize_entry("links", &RelationshipLinks { of: *of, name })?;
        if *linkage != &Linkage::Unresolved {
            object.serialize_entry("data", linkage)?;
        }
        object.end()
    }
}

struct RelationshipLinks<'a> {
    of: Shown<'a>,
    name: &'static str,
}

impl Serialize for RelationshipLinks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { of, name } = self;
        let mut object = serializer.serialize_map(Some(2))?;
        object.serialize_entry("self", &Text(format_args!("{of}/relationships/{name}")))?;
        object.serialize_entry("related", &Text(format_args!("{of}/{name}")))?;
        object.end()
    }
}

struct SelfLink<'a>(Shown<'a>);

impl Serialize for SelfLink<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(1))?;
        object.serialize_entry("self", &Text(format_args!("{}", self.0)))?;
        object.end()
    }
}

/// A text that is written as it is formatted.
struct Text<'a>(fmt::Arguments<'a>);

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
