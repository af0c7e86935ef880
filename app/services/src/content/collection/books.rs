use crate::content::collection::{
    Attribute, Collection, Form, RATING, SUMMARY, TITLE, UPDATED_AT, kind, to_one,
};

/// Books on places.
pub(super) static BOOKS: Collection = Collection {
    resource: "books",
    table: "books",
    place: Some("place"),
    attributes: &[
        Attribute::new("isbn", "isbn", Form::Text),
        kind(&["cookbook", "guidebook", "history", "novel", "travelogue"]),
        Attribute::new("pages", "pages", Form::Integer)
            .sortable()
            .ranged(),
        // In euros.
        Attribute::new("price", "price", Form::Real)
            .sortable()
            .ranged(),
        Attribute::new("publishedYear", "published_year", Form::Integer)
            .sortable()
            .ranged(),
        RATING,
        SUMMARY,
        TITLE,
        UPDATED_AT,
    ],
    relationships: &[
        to_one("place", "places", "place"),
        to_one("author", "authors", "author"),
    ],
};
