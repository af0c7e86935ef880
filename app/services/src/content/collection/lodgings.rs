use crate::content::collection::{
    Attribute, Collection, Form, LATITUDE, LONGITUDE, NAME, Pairs, RATING, SUMMARY, UPDATED_AT,
    kind, to_one, to_pairs,
};

/// Where to sleep.
pub(super) static LODGINGS: Collection = Collection {
    resource: "lodgings",
    table: "lodgings",
    place: Some("place"),
    attributes: &[
        Attribute::new("amenities", "amenities", Form::Texts),
        kind(&["apartment", "campsite", "guesthouse", "hostel", "hotel"]),
        LATITUDE,
        LONGITUDE,
        NAME,
        // In euros.
        Attribute::new("pricePerNight", "price_per_night", Form::Real)
            .sortable()
            .ranged(),
        RATING,
        Attribute::new("rooms", "rooms", Form::Integer)
            .sortable()
            .ranged(),
        Attribute::new("stars", "stars", Form::Integer)
            .sortable()
            .ranged(),
        SUMMARY,
        UPDATED_AT,
    ],
    relationships: &[
        to_one("place", "places", "place"),
        to_pairs("nearby-points", "points-of-interest", &POINTS),
    ],
};

/// Those in the same place.
static POINTS: Pairs = Pairs {
    table: "lodging_points",
    ours: "lodging",
    theirs: "point",
    order: None,
    listed: None,
};
