use serde_json::json;
use watchfire_schemas::Timestamp;

use crate::feed::atlas::{pick, slug};
use crate::feed::record::{Place, PlaceKind, Record};

const FIRST_NAMES: [&str; 16] = [
    "Agnes",
    "Benedikt",
    "Carmo",
    "Dalia",
    "Edmund",
    "Farida",
    "Gustav",
    "Hanneke",
    "Ilse",
    "Joaquim",
    "Kateřina",
    "Lorcan",
    "Mirela",
    "Nadim",
    "Oriol",
    "Pilar",
];
const LAST_NAMES: [&str; 15] = [
    "Abernethy",
    "Brandão",
    "Castellane",
    "Dvořák-Hill",
    "Eide",
    "Fontaine",
    "Garrity",
    "Holm",
    "Iwamoto",
    "Jessop",
    "Kovalenko",
    "Lindqvist",
    "Marchetti",
    "Nwosu",
    "Okafor",
];
const BIOGRAPHIES: [&str; 6] = [
    "* drove the night bus of @ for eleven years and wrote down what the passengers said.",
    "Trained as a surveyor, * measures places first and describes them afterwards. Lives in @.",
    "* grew up in @, left by ferry and has been coming back by other means ever since.",
    "A baker until the oven of the house in @ gave out, * writes about flour, roads and weather.",
    "* teaches geography in @ and takes the long holidays seriously.",
    "Once a proof-reader of timetables, * still checks every departure. Based in @.",
];
const AUTHORS: usize = 48;

/// Who writes the articles and books.
pub(crate) fn authors(places: &[Place], at: Timestamp) -> Vec<Record> {
    let cities: Vec<&Place> = places
        .iter()
        .filter(|place| place.kind == PlaceKind::City)
        .collect();
    // 16 and 15 share no factor: no pair of names comes twice.
    let author = |n: usize| {
        let name = format!(
            "{} {}",
            FIRST_NAMES[n % FIRST_NAMES.len()],
            LAST_NAMES[n % LAST_NAMES.len()]
        );
        let id = slug(&name);
        let home = cities[pick(&id, cities.len())];
        let biography = BIOGRAPHIES[pick(&id, BIOGRAPHIES.len())];
        let fields = json!({
            "name": name,
            "biography": biography.replace('*', &name).replace('@', &home.name),
            "place": home.id,
            "updated_at": at,
        });
        Record::new(&id, fields)
    };
    (0..AUTHORS).map(author).collect()
}
