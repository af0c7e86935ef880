use crate::content::collection::{
    Attribute, Collection, Form, NAME, Pairs, RATING, SUMMARY, UPDATED_AT, kind, to_one, to_pairs,
};

/// What guides offer.
pub(super) static TOURS: Collection = Collection {
    resource: "tours",
    table: "tours",
    place: Some("place"),
    attributes: &[
        Attribute::new("durationHours", "duration_hours", Form::Real)
            .sortable()
            .ranged(),
        Attribute::new("groupSize", "group_size", Form::Integer)
            .sortable()
            .ranged(),
        kind(&["bicycle", "boat", "excursion", "food", "night", "walk"]),
        Attribute::new("languages", "languages", Form::Texts),
        NAME,
        // In euros, for one.
        Attribute::new("price", "price", Form::Real)
            .sortable()
            .ranged(),
        RATING,
        SUMMARY,
        UPDATED_AT,
    ],
    relationships: &[
        to_one("place", "places", "place"),
        to_pairs("stops", "points-of-interest", &STOPS),
    ],
};

/// In the order of the tour.
static STOPS: Pairs = Pairs {
    table: "tour_stops",
    ours: "tour",
    theirs: "point",
    order: Some("position"),
    listed: Some("stops"),
};
