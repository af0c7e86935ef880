use serde_json::json;
use watchfire_schemas::Timestamp;

use crate::feed::atlas::{near, pick, slug};
use crate::feed::prose::form;
use crate::feed::record::{Place, PlaceKind, Record};

/// Kinds of lodgings with the forms of their names, what a night costs at least, and how many rooms
/// there are at most.
const KINDS: [(&str, [&str; 2], usize, usize); 5] = [
    ("hotel", ["Hotel *", "The * House Hotel"], 85, 120),
    ("guesthouse", ["* Guesthouse", "Pension *"], 55, 14),
    ("hostel", ["* Hostel", "The * Bunkhouse"], 22, 40),
    ("apartment", ["* Apartments", "Rooms above the *"], 60, 8),
    ("campsite", ["* Camp", "Under the *"], 14, 90),
];
const THEMES: [&str; 24] = [
    "Anchor",
    "Bell",
    "Bluebird",
    "Chestnut",
    "Clockmaker",
    "Copper",
    "Drover",
    "Elm",
    "Falcon",
    "Hearth",
    "Ivy",
    "Lark",
    "Linden",
    "Mulberry",
    "Nightjar",
    "Oar",
    "Pilgrim",
    "Plum",
    "Quince",
    "Ropewalk",
    "Saffron",
    "Tamarisk",
    "Walnut",
    "Weathercock",
];
const AMENITIES: [&str; 10] = [
    "bicycles",
    "breakfast",
    "garden",
    "kitchen",
    "laundry",
    "parking",
    "pool",
    "sauna",
    "step-free access",
    "wifi",
];
const SUMMARIES: [&str; 6] = [
    "Plain rooms, thick walls and a breakfast that makes lunch unnecessary. In @.",
    "The owners of this * have lived in @ all their lives and draw better maps than any printer.",
    "A * with a courtyard; ask for a room on that side if the bells of @ wake you.",
    "Ten minutes on foot from the middle of @, uphill, which keeps it quiet.",
    "Books on every landing and no television: a * for people who came to see @.",
    "Rebuilt after the flood with the old timber, this * is the driest house of @.",
];
const IN_CITY: usize = 8;
const IN_NEIGHBOURHOOD: usize = 1;

/// Where to sleep, in every city and neighbourhood.
pub(crate) fn lodgings(places: &[Place], at: Timestamp) -> Vec<Record> {
    let count = |kind| match kind {
        PlaceKind::City => IN_CITY,
        PlaceKind::Neighbourhood => IN_NEIGHBOURHOOD,
        _ => 0,
    };
    let all = places.iter();
    all.flat_map(|place| (0..count(place.kind)).map(move |n| lodging(place, n, at)))
        .collect()
}

fn lodging(place: &Place, n: usize, at: Timestamp) -> Record {
    // A step that shares no factor with the number of themes: no name comes twice in one place.
    let theme = THEMES[(pick(&place.id, THEMES.len()) + 5 * n) % THEMES.len()];
    let key = format!("{}-{}", place.id, slug(theme));
    let (kind, forms, least, most_rooms) = KINDS[pick(&key, KINDS.len())];
    let name = forms[pick(&format!("{key}form"), forms.len())].replace('*', theme);
    let id = format!("{}-{}", place.id, slug(&name));
    let stars = 1 + pick(&format!("{id}stars"), 5);
    let price = least + stars * (least / 3) + pick(&format!("{id}price"), least);
    let (latitude, longitude) = near(&id, (place.latitude, place.longitude), 0.02);
    let amenities: Vec<&str> = AMENITIES
        .into_iter()
        .filter(|amenity| pick(&format!("{id}{amenity}"), 10) < 3 + stars)
        .collect();
    let summary = form(&id, &SUMMARIES, kind, &place.name);
    let fields = json!({
        "kind": kind,
        "name": name,
        "summary": summary,
        "latitude": latitude,
        "longitude": longitude,
        "stars": stars,
        "rooms": 3 + pick(&format!("{id}rooms"), most_rooms),
        "price_per_night": price as f64,
        "rating": 2.5 + pick(&format!("{id}rating"), 26) as f64 / 10.0,
        "amenities": amenities,
        "place": place.id,
        "updated_at": at,
    });
    Record::new(&id, fields)
}
