/// One type of resource that the API serves: where its rows lie and what of them is shown.
#[derive(Debug)]
pub(crate) struct Collection {
    /// The resource type; also its path.
    pub(crate) resource: &'static str,
    pub(crate) table: &'static str,
    pub(crate) kinds: &'static [&'static str],
    pub(crate) attributes: &'static [Attribute],
    pub(crate) relationships: &'static [Relationship],
}

#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) column: &'static str,
    pub(crate) form: Form,
    pub(crate) sortable: bool,
}

/// How a column becomes a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Integer,
    Real,
    /// Nanoseconds, shown as RFC 3339.
    Time,
    /// `09:00-17:30`, shown as an object.
    OpeningHours,
}

#[derive(Debug)]
pub(crate) struct Relationship {
    pub(crate) name: &'static str,
    /// The resource type at the other end.
    pub(crate) target: &'static str,
    pub(crate) link: Link,
}

/// Where a relationship is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// To one: this column holds the other's id.
    Own(&'static str),
    /// To many: that column of the other's table holds our id.
    Theirs(&'static str),
}

pub(crate) static COLLECTIONS: [&Collection; 2] = [&PLACES, &POINTS_OF_INTEREST];

pub(crate) static PLACES: Collection = Collection {
    resource: "places",
    table: "places",
    kinds: &[
        "world",
        "continent",
        "country",
        "region",
        "city",
        "neighbourhood",
    ],
    attributes: &[
        attribute("kind", "kind", Form::Text, true),
        attribute("latitude", "latitude", Form::Real, false),
        attribute("longitude", "longitude", Form::Real, false),
        attribute("name", "name", Form::Text, true),
        attribute("population", "population", Form::Integer, true),
        attribute("summary", "summary", Form::Text, false),
        attribute("updatedAt", "updated_at", Form::Time, true),
    ],
    relationships: &[
        Relationship {
            name: "parent",
            target: "places",
            link: Link::Own("parent"),
        },
        Relationship {
            name: "points-of-interest",
            target: "points-of-interest",
            link: Link::Theirs("place"),
        },
    ],
};

pub(crate) static POINTS_OF_INTEREST: Collection = Collection {
    resource: "points-of-interest",
    table: "points_of_interest",
    kinds: &[
        "bridge",
        "chapel",
        "gallery",
        "garden",
        "library",
        "market",
        "museum",
        "park",
        "theatre",
        "viewpoint",
    ],
    attributes: &[
        attribute("kind", "kind", Form::Text, true),
        attribute("latitude", "latitude", Form::Real, false),
        attribute("longitude", "longitude", Form::Real, false),
        attribute("name", "name", Form::Text, true),
        attribute("openingHours", "opening_hours", Form::OpeningHours, false),
        attribute("rating", "rating", Form::Real, true),
        attribute("summary", "summary", Form::Text, false),
        attribute("updatedAt", "updated_at", Form::Time, true),
    ],
    relationships: &[Relationship {
        name: "place",
        target: "places",
        link: Link::Own("place"),
    }],
};

impl Collection {
    pub(crate) fn of(resource: &str) -> Option<&'static Self> {
        COLLECTIONS
            .into_iter()
            .find(|collection| collection.resource == resource)
    }

    pub(crate) fn relationship(&self, name: &str) -> Option<&'static Relationship>
    where
        Self: 'static,
    {
        // The tables above are static; found again there, so that the borrow does not follow `self`.
        Self::of(self.resource)?
            .relationships
            .iter()
            .find(|relationship| relationship.name == name)
    }

    /// Whether `name` is a field, as sparse fieldsets speak of them: an attribute or a relationship.
    pub(crate) fn has_field(&self, name: &str) -> bool {
        self.attributes.iter().any(|field| field.name == name)
            || self.relationships.iter().any(|field| field.name == name)
    }

    /// The columns that a resource is made of, the id first.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static str> {
        let own = self.relationships.iter().filter_map(|r| match r.link {
            Link::Own(column) => Some(column),
            Link::Theirs(_) => None,
        });
        ["id"]
            .into_iter()
            .chain(self.attributes.iter().map(|attribute| attribute.column))
            .chain(own)
    }
}

impl Relationship {
    pub(crate) fn target(&self) -> &'static Collection {
        Collection::of(self.target).expect("a relationship leads to a collection, a test holds it")
    }
}

const fn attribute(
    name: &'static str,
    column: &'static str,
    form: Form,
    sortable: bool,
) -> Attribute {
    Attribute {
        name,
        column,
        form,
        sortable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relationship_leads_to_a_collection() {
        for collection in COLLECTIONS {
            for relationship in collection.relationships {
                assert_eq!(relationship.target().resource, relationship.target);
            }
        }
    }
}
