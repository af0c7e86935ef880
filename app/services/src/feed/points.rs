use serde_json::json;
use watchfire_schemas::Timestamp;

use crate::feed::atlas::{near, pick, slug};
use crate::feed::prose;
use crate::feed::record::{Place, PlaceKind, Record};

/// Kinds of points with the form of their names, `*` being a theme.
const KINDS: [(&str, &str, &str); 10] = [
    ("bridge", "* Bridge", "00:00-24:00"),
    ("chapel", "Chapel of the *", "08:00-18:00"),
    ("gallery", "* Gallery", "11:00-19:00"),
    ("garden", "* Garden", "07:30-20:00"),
    ("library", "* Reading Room", "09:00-21:00"),
    ("market", "* Market", "06:00-14:30"),
    ("museum", "Museum of the *", "10:00-17:30"),
    ("park", "* Park", "00:00-24:00"),
    ("theatre", "* Playhouse", "17:00-23:30"),
    ("viewpoint", "* Lookout", "00:00-24:00"),
];
const THEMES: [&str; 20] = [
    "Heron",
    "Cedar",
    "Lamplighter",
    "Tide",
    "Printer",
    "Almond",
    "Swallow",
    "Compass",
    "Amber",
    "Miller",
    "Juniper",
    "Foundry",
    "Harvest",
    "Kingfisher",
    "Sundial",
    "Glassblower",
    "Fig Tree",
    "Ferryman",
    "Quarry",
    "Wren",
];
const POINTS_PER_NEIGHBOURHOOD: usize = 3;

/// The points of interest of every neighbourhood.
pub(crate) fn points(places: &[Place], at: Timestamp) -> Vec<Record> {
    let neighbourhoods = places
        .iter()
        .filter(|place| place.kind == PlaceKind::Neighbourhood);
    neighbourhoods
        .flat_map(|place| (0..POINTS_PER_NEIGHBOURHOOD).map(move |n| point(place, n, at)))
        .collect()
}

fn point(place: &Place, n: usize, updated_at: Timestamp) -> Record {
    // Steps of 3 among 10 kinds: the points of one neighbourhood are of different kinds.
    let (kind, form, opening_hours) = KINDS[(pick(&place.id, KINDS.len()) + 3 * n) % KINDS.len()];
    let theme = THEMES[pick(&format!("{}{n}", place.id), THEMES.len())];
    let name = form.replace('*', theme);
    let id = format!("{}-{}", place.id, slug(&name));
    let (latitude, longitude) = near(&id, (place.latitude, place.longitude), 0.008);
    let rating = 3.0 + pick(&format!("{id}rating"), 21) as f64 / 10.0;
    let fields = json!({
        "summary": prose::of_point(&id, kind, &name, &place.name),
        "kind": kind,
        "latitude": latitude,
        "longitude": longitude,
        "rating": rating,
        "opening_hours": opening_hours,
        "place": place.id,
        "name": name,
        "updated_at": updated_at,
    });
    Record::new(&id, fields)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::feed::atlas;

    #[test]
    fn every_point_has_its_own_id() {
        let at = Timestamp::from_secs(0);
        let points = points(&atlas::places(at), at);
        assert_eq!(points.len(), 256 * POINTS_PER_NEIGHBOURHOOD);
        let ids: BTreeSet<&str> = points.iter().map(|point| point.id.as_str()).collect();
        assert_eq!(ids.len(), points.len());
        assert!(
            points
                .iter()
                .all(|point| (1.0..=5.0).contains(&point.fields["rating"].as_f64().unwrap()))
        );
    }
}
