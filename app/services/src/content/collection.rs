mod articles;
mod authors;
mod books;
mod lodgings;
mod places;
mod points;
mod tours;

pub(crate) use places::PLACES;
pub(crate) use points::POINTS_OF_INTEREST;

/// One data set: the type of resource that the API serves, where its rows lie, what of them is
/// shown, and by what they are found. The feed of the same name gives, for each column, a field of
/// the column's name.
#[derive(Debug)]
pub(crate) struct Collection {
    /// The resource type; also its path and the name of its feed.
    pub(crate) resource: &'static str,
    pub(crate) table: &'static str,
    /// The column that says in which place a resource lies.
    pub(crate) place: Option<&'static str>,
    pub(crate) attributes: &'static [Attribute],
    pub(crate) relationships: &'static [Relationship],
}

#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) name: &'static str,
    pub(crate) column: &'static str,
    pub(crate) form: Form,
    pub(crate) is_sortable: bool,
    pub(crate) filter: Option<Filter>,
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
    /// A JSON array of texts.
    Texts,
}

/// How resources are found by an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    /// By one or more of these.
    OneOf(&'static [&'static str]),
    /// By a part of the text, whatever its case and accents. The column `<column>_folded` holds
    /// the text to look in.
    Part,
    /// By a value or its bounds.
    Range,
}

#[derive(Debug)]
pub(crate) struct Relationship {
    pub(crate) name: &'static str,
    /// The resource type at the other end.
    pub(crate) target: &'static str,
    pub(crate) link: Link,
    /// Whether a resource may be without, if it is to one.
    pub(crate) is_optional: bool,
}

/// Where a relationship is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// To one: this column holds the other's id.
    Own(&'static str),
    /// To many: that column of the other's table holds our id.
    Theirs(&'static str),
    /// To many: a table or view of pairs.
    Pairs(&'static Pairs),
}

/// A table or view whose rows are pairs of ids.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pairs {
    pub(crate) table: &'static str,
    /// The column of the id on our side.
    pub(crate) ours: &'static str,
    pub(crate) theirs: &'static str,
    /// The column by which the others come in order, unless another order is asked for.
    pub(crate) order: Option<&'static str>,
    /// The field of our feed's records that lists the others. Only then is it a table of ours,
    /// with the columns ours, theirs and order.
    pub(crate) listed: Option<&'static str>,
}

pub(crate) static COLLECTIONS: [&Collection; 7] = [
    &PLACES,
    &POINTS_OF_INTEREST,
    &lodgings::LODGINGS,
    &tours::TOURS,
    &articles::ARTICLES,
    &books::BOOKS,
    &authors::AUTHORS,
];

impl Collection {
    pub(crate) fn of(resource: &str) -> Option<&'static Self> {
        COLLECTIONS
            .into_iter()
            .find(|collection| collection.resource == resource)
    }

    pub(crate) fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }

    pub(crate) fn relationship(&self, name: &str) -> Option<&'static Relationship> {
        self.relationships
            .iter()
            .find(|relationship| relationship.name == name)
    }

    /// Whether `name` is a field, as sparse fieldsets speak of them: an attribute or a relationship.
    pub(crate) fn has_field(&self, name: &str) -> bool {
        self.attribute(name).is_some() || self.relationship(name).is_some()
    }

    /// The columns that a resource is made of, the id first.
    pub(crate) fn columns(&self) -> impl Iterator<Item = &'static str> {
        ["id"]
            .into_iter()
            .chain(self.attributes.iter().map(|attribute| attribute.column))
            .chain(self.own_columns())
    }

    /// The columns that hold another's id.
    pub(crate) fn own_columns(&self) -> impl Iterator<Item = &'static str> {
        let links = self.relationships.iter();
        links.filter_map(|relationship| match relationship.link {
            Link::Own(column) => Some(column),
            Link::Theirs(_) | Link::Pairs(_) => None,
        })
    }

    /// The pairs that our feed's records list.
    pub(crate) fn listed_pairs(&self) -> impl Iterator<Item = (&'static Pairs, &'static str)> {
        let links = self.relationships.iter();
        links.filter_map(|relationship| match relationship.link {
            Link::Pairs(pairs) => Some((pairs, pairs.listed?)),
            Link::Own(_) | Link::Theirs(_) => None,
        })
    }
}

impl Relationship {
    pub(crate) fn target(&self) -> &'static Collection {
        Collection::of(self.target).expect("a relationship leads to a collection, a test holds it")
    }
}

impl Attribute {
    const fn new(name: &'static str, column: &'static str, form: Form) -> Self {
        Self {
            name,
            column,
            form,
            is_sortable: false,
            filter: None,
        }
    }

    const fn sortable(mut self) -> Self {
        self.is_sortable = true;
        self
    }

    /// Found by one of a closed set of values.
    const fn one_of(mut self, values: &'static [&'static str]) -> Self {
        self.filter = Some(Filter::OneOf(values));
        self
    }

    const fn found_by_part(mut self) -> Self {
        self.filter = Some(Filter::Part);
        self
    }

    const fn ranged(mut self) -> Self {
        self.filter = Some(Filter::Range);
        self
    }
}

/// When the record was last changed at its source. Every data set has it.
const UPDATED_AT: Attribute = Attribute::new("updatedAt", "updated_at", Form::Time)
    .sortable()
    .ranged();
const LATITUDE: Attribute = Attribute::new("latitude", "latitude", Form::Real);
const LONGITUDE: Attribute = Attribute::new("longitude", "longitude", Form::Real);
const NAME: Attribute = Attribute::new("name", "name", Form::Text)
    .sortable()
    .found_by_part();
const TITLE: Attribute = Attribute::new("title", "title", Form::Text)
    .sortable()
    .found_by_part();
const SUMMARY: Attribute = Attribute::new("summary", "summary", Form::Text);
/// From 1 to 5.
const RATING: Attribute = Attribute::new("rating", "rating", Form::Real)
    .sortable()
    .ranged();

const fn kind(kinds: &'static [&'static str]) -> Attribute {
    Attribute::new("kind", "kind", Form::Text)
        .sortable()
        .one_of(kinds)
}

const fn to_one(name: &'static str, target: &'static str, column: &'static str) -> Relationship {
    Relationship {
        name,
        target,
        link: Link::Own(column),
        is_optional: false,
    }
}

/// To all resources of a type whose `column` names ours.
const fn to_all(target: &'static str, column: &'static str) -> Relationship {
    Relationship {
        name: target,
        target,
        link: Link::Theirs(column),
        is_optional: true,
    }
}

const fn to_pairs(name: &'static str, target: &'static str, pairs: &'static Pairs) -> Relationship {
    Relationship {
        name,
        target,
        link: Link::Pairs(pairs),
        is_optional: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_relationship_leads_to_a_collection_and_every_field_has_one_name() {
        for collection in COLLECTIONS {
            let mut names: Vec<&str> = collection.attributes.iter().map(|one| one.name).collect();
            for relationship in collection.relationships {
                assert_eq!(relationship.target().resource, relationship.target);
                names.push(relationship.name);
                if let Link::Theirs(column) = relationship.link {
                    assert!(relationship.target().own_columns().any(|own| own == column));
                }
            }
            let fields = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), fields, "{}", collection.resource);
            assert!(!names.contains(&"id") && !names.contains(&"type"));
        }
    }
}
