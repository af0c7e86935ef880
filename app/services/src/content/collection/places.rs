use crate::content::collection::{
    Attribute, Collection, Form, LATITUDE, LONGITUDE, NAME, Pairs, Relationship, SUMMARY,
    UPDATED_AT, kind, to_all, to_one, to_pairs,
};

/// From the world down to neighbourhoods.
pub(crate) static PLACES: Collection = Collection {
    resource: "places",
    table: "places",
    place: Some("id"),
    attributes: &[
        kind(&[
            "world",
            "continent",
            "country",
            "region",
            "city",
            "neighbourhood",
        ]),
        LATITUDE,
        LONGITUDE,
        NAME,
        Attribute::new("population", "population", Form::Integer)
            .sortable()
            .ranged(),
        SUMMARY,
        UPDATED_AT,
    ],
    relationships: &[
        Relationship {
            is_optional: true,
            ..to_one("parent", "places", "parent")
        },
        Relationship {
            name: "children",
            ..to_all("places", "parent")
        },
        to_pairs("ancestors", "places", &ANCESTORS),
        to_all("points-of-interest", "place"),
        to_all("lodgings", "place"),
        to_all("tours", "place"),
        to_all("articles", "place"),
        to_all("books", "place"),
    ],
};

/// The nearest first.
static ANCESTORS: Pairs = Pairs {
    table: "place_ancestors",
    ours: "place",
    theirs: "ancestor",
    order: Some("depth"),
    listed: None,
};
