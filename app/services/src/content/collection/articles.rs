use crate::content::collection::{
    Attribute, Collection, Form, Pairs, TITLE, UPDATED_AT, kind, to_one, to_pairs,
};

/// Articles and news.
pub(super) static ARTICLES: Collection = Collection {
    resource: "articles",
    table: "articles",
    place: Some("place"),
    attributes: &[
        // Paragraphs, an empty line between them.
        Attribute::new("body", "body", Form::Text),
        kind(&["guide", "interview", "news", "story"]),
        Attribute::new("publishedAt", "published_at", Form::Time)
            .sortable()
            .ranged(),
        Attribute::new("readingMinutes", "reading_minutes", Form::Integer)
            .sortable()
            .ranged(),
        Attribute::new("teaser", "teaser", Form::Text),
        TITLE,
        UPDATED_AT,
    ],
    relationships: &[
        to_one("place", "places", "place"),
        to_one("author", "authors", "author"),
        to_pairs("points-of-interest", "points-of-interest", &POINTS),
    ],
};

/// Those that it mentions, in the order of the text.
static POINTS: Pairs = Pairs {
    table: "article_points",
    ours: "article",
    theirs: "point",
    order: Some("position"),
    listed: Some("points"),
};
