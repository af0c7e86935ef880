use std::collections::BTreeMap;

use serde_json::json;
use watchfire_schemas::Timestamp;

use crate::feed::atlas::{pick, slug};
use crate::feed::prose::form;
use crate::feed::record::{Place, PlaceKind, Record};

/// Kinds of tours with the form of their names, their hours at least, and the price of an hour.
const KINDS: [(&str, &str, usize, usize); 6] = [
    ("walk", "@ on Foot: *", 2, 9),
    ("bicycle", "@ by Bicycle: *", 3, 12),
    ("food", "The Kitchens of @: *", 3, 24),
    ("boat", "@ from the Water: *", 1, 22),
    ("night", "@ after Dark: *", 2, 14),
    ("excursion", "Out of @: *", 6, 11),
];
const THEMES: [&str; 12] = [
    "Stairs and Cisterns",
    "The Printers' Road",
    "Bread before Dawn",
    "Seven Courtyards",
    "Bridges and Tolls",
    "What the Flood Left",
    "Looms and Ladders",
    "The Long Way Round",
    "Markets and Measures",
    "Towers Nobody Counts",
    "Gardens behind Gates",
    "A Tailor's Errand",
];
const LANGUAGES: [&str; 6] = ["de", "en", "es", "fr", "it", "pt"];
const SUMMARIES: [&str; 5] = [
    "A * tour at the pace of the slowest, with a stop wherever somebody has a question about @.",
    "Small groups, one guide, no flag: this * tour of @ ends where the guide lives.",
    "Come hungry and in old shoes. The * tour that people of @ send their cousins on.",
    "Half of this * tour happens indoors, so rain over @ changes only the order.",
    "The guide used to deliver letters in @ and still knows every door of this * tour.",
];
const IN_CITY: usize = 4;
const IN_REGION: usize = 2;
const MOST_STOPS: usize = 6;

/// What guides offer, in every city and region; their stops are points of interest of the place.
pub(crate) fn tours(places: &[Place], points: &[Record], at: Timestamp) -> Vec<Record> {
    let around = points_around(places, points);
    let count = |kind| match kind {
        PlaceKind::City => IN_CITY,
        PlaceKind::Region => IN_REGION,
        _ => 0,
    };
    let all = places.iter();
    all.flat_map(|place| (0..count(place.kind)).map(move |n| (place, n)))
        .map(|(place, n)| {
            let near = around.get(place.id.as_str());
            tour(place, n, near.map_or(&[], Vec::as_slice), at)
        })
        .collect()
}

fn tour(place: &Place, n: usize, around: &[&str], at: Timestamp) -> Record {
    let theme = THEMES[(pick(&place.id, THEMES.len()) + 5 * n) % THEMES.len()];
    let id = format!("{}-{}", place.id, slug(theme));
    let (kind, named, least_hours, per_hour) = KINDS[pick(&id, KINDS.len())];
    let name = named.replace('@', &place.name).replace('*', theme);
    let half_hours = 2 * least_hours + pick(&format!("{id}hours"), 5);
    let hours = half_hours as f64 / 2.0;
    let stops = 3 + pick(&format!("{id}stops"), MOST_STOPS - 2);
    let first = pick(&format!("{id}first"), around.len().max(1));
    let stops: Vec<&str> = around
        .iter()
        .cycle()
        .skip(first)
        .take(stops.min(around.len()))
        .copied()
        .collect();
    let languages: Vec<&str> = LANGUAGES
        .into_iter()
        .filter(|language| *language == "en" || pick(&format!("{id}{language}"), 3) == 0)
        .collect();
    let fields = json!({
        "kind": kind,
        "name": name,
        "summary": form(&id, &SUMMARIES, kind, &place.name),
        "duration_hours": hours,
        "group_size": 4 + pick(&format!("{id}group"), 13),
        "price": (hours * per_hour as f64).round() + pick(&format!("{id}price"), 9) as f64,
        "rating": 3.0 + pick(&format!("{id}rating"), 21) as f64 / 10.0,
        "languages": languages,
        "stops": stops,
        "place": place.id,
        "updated_at": at,
    });
    Record::new(&id, fields)
}

/// By place, the points of interest in it and beneath it.
pub(crate) fn points_around<'a>(
    places: &'a [Place],
    points: &'a [Record],
) -> BTreeMap<&'a str, Vec<&'a str>> {
    let parents: BTreeMap<&str, Option<&str>> = places
        .iter()
        .map(|place| (place.id.as_str(), place.parent.as_deref()))
        .collect();
    let mut around: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for point in points {
        let upwards = |id: &&'a str| parents.get(id).copied().flatten();
        for place in std::iter::successors(Some(point.text("place")), upwards) {
            around.entry(place).or_default().push(&point.id);
        }
    }
    around
}
