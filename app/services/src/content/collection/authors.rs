use crate::content::collection::{Attribute, Collection, Form, NAME, UPDATED_AT, to_all, to_one};

/// Who wrote the articles and books.
pub(super) static AUTHORS: Collection = Collection {
    resource: "authors",
    table: "authors",
    place: Some("place"),
    attributes: &[
        Attribute::new("biography", "biography", Form::Text),
        NAME,
        UPDATED_AT,
    ],
    relationships: &[
        // Where they live.
        to_one("place", "places", "place"),
        to_all("articles", "author"),
        to_all("books", "author"),
    ],
};
