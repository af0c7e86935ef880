use crate::content::collection::{
    Attribute, Collection, Form, LATITUDE, LONGITUDE, NAME, Pairs, RATING, SUMMARY, UPDATED_AT,
    kind, to_one, to_pairs,
};

/// What there is to see.
pub(crate) static POINTS_OF_INTEREST: Collection = Collection {
    resource: "points-of-interest",
    table: "points_of_interest",
    place: Some("place"),
    attributes: &[
        kind(&[
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
        ]),
        LATITUDE,
        LONGITUDE,
        NAME,
        Attribute::new("openingHours", "opening_hours", Form::OpeningHours),
        RATING,
        SUMMARY,
        UPDATED_AT,
    ],
    relationships: &[
        to_one("place", "places", "place"),
        to_pairs("tours", "tours", &TOURS),
        to_pairs("articles", "articles", &ARTICLES),
        to_pairs("nearby-lodgings", "lodgings", &LODGINGS),
    ],
};

/// The tours that stop here.
static TOURS: Pairs = Pairs {
    table: "tour_stops",
    ours: "point",
    theirs: "tour",
    order: None,
    listed: None,
};

/// The articles that mention it.
static ARTICLES: Pairs = Pairs {
    table: "article_points",
    ours: "point",
    theirs: "article",
    order: None,
    listed: None,
};

/// Those in the same place.
static LODGINGS: Pairs = Pairs {
    table: "lodging_points",
    ours: "point",
    theirs: "lodging",
    order: None,
    listed: None,
};
