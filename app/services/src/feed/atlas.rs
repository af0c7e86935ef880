use crate::feed::countries::{CONTINENTS, COUNTRIES, Country};
use crate::feed::prose;
use crate::feed::record::{Place, PlaceKind};
use watchfire_schemas::Timestamp;

const NEIGHBOURHOODS: [&str; 16] = [
    "Old Town",
    "Harbour Side",
    "Station Quarter",
    "Market Hill",
    "Mill Lane",
    "Weavers' Yard",
    "Upper Gardens",
    "Lower Bridge",
    "Lantern Street",
    "Saltmarket",
    "Orchard Rise",
    "North Gate",
    "Riverbank",
    "Bellfounders' Row",
    "Cooper's Corner",
    "Observatory Park",
];
const NEIGHBOURHOODS_PER_CITY: usize = 4;

/// Every place, parents before children.
pub(crate) fn places(at: Timestamp) -> Vec<Place> {
    let mut atlas = Atlas {
        places: Vec::new(),
        at,
    };
    let world = (PlaceKind::World, "World");
    atlas.add("world", world, (0.0, 0.0), 8_142_000_000, None);
    for (name, latitude, longitude, thousands) in CONTINENTS {
        let (id, centre) = (slug(name), (latitude, longitude));
        let named = (PlaceKind::Continent, name);
        atlas.add(&id, named, centre, thousands * 1_000, Some("world"));
    }
    for country in COUNTRIES {
        atlas.add_country(country);
    }
    atlas.places
}

struct Atlas {
    places: Vec<Place>,
    at: Timestamp,
}

impl Atlas {
    fn add_country(&mut self, country: Country) {
        let (continent, name, latitude, longitude, thousands, regions) = country;
        let (id, centre) = (slug(name), (latitude, longitude));
        let named = (PlaceKind::Country, name);
        self.add(
            &id,
            named,
            centre,
            thousands * 1_000,
            Some(&slug(continent)),
        );
        for (region, cities) in regions {
            let region_id = format!("{id}-{}", slug(region));
            let centre = near(&region_id, centre, 2.0);
            let inhabitants = thousands * (40 + pick(&region_id, 60) as i64);
            let named = (PlaceKind::Region, region);
            self.add(&region_id, named, centre, inhabitants, Some(&id));
            for city in cities {
                let city_id = format!("{id}-{}", slug(city));
                let centre = near(&city_id, centre, 0.6);
                let inhabitants = inhabitants * (10 + pick(&city_id, 25) as i64) / 100;
                let named = (PlaceKind::City, city);
                self.add(&city_id, named, centre, inhabitants, Some(&region_id));
                self.add_neighbourhoods(&city_id, centre, inhabitants);
            }
        }
    }

    fn add_neighbourhoods(&mut self, city: &str, centre: (f64, f64), inhabitants: i64) {
        let first = pick(city, NEIGHBOURHOODS.len());
        for n in 0..NEIGHBOURHOODS_PER_CITY {
            // A step that shares no factor with their number never meets the same one twice.
            let name = NEIGHBOURHOODS[(first + n * 5) % NEIGHBOURHOODS.len()];
            let id = format!("{city}-{}", slug(name));
            let inhabitants = inhabitants * (4 + pick(&id, 12) as i64) / 100;
            let named = (PlaceKind::Neighbourhood, name);
            self.add(&id, named, near(&id, centre, 0.03), inhabitants, Some(city));
        }
    }

    fn add(
        &mut self,
        id: &str,
        (kind, name): (PlaceKind, &str),
        (latitude, longitude): (f64, f64),
        population: i64,
        parent: Option<&str>,
    ) {
        self.places.push(Place {
            id: id.to_owned(),
            kind,
            name: name.to_owned(),
            summary: prose::of_place(id, kind, name),
            latitude,
            longitude,
            population,
            parent: parent.map(str::to_owned),
            updated_at: self.at,
        });
    }
}

/// A point within `reach` degrees, the same for the same id.
pub(crate) fn near(id: &str, (latitude, longitude): (f64, f64), reach: f64) -> (f64, f64) {
    let offset = |salt: &str| pick(&format!("{id}{salt}"), 2_001) as f64 / 1_000.0 - 1.0;
    let rounded = |degrees: f64| (degrees * 10_000.0).round() / 10_000.0;
    (
        rounded(latitude + offset("n") * reach),
        rounded(longitude + offset("e") * reach),
    )
}

/// A number below `below`, the same for the same text in every process (FNV-1a).
pub(crate) fn pick(text: &str, below: usize) -> usize {
    let hash = text
        .bytes()
        .fold(14_695_981_039_346_656_037_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
        });
    // The low bits of FNV are its weakest.
    ((hash ^ (hash >> 29)) % below as u64) as usize
}

/// A name as an id: lower case, plain letters, hyphens.
pub(crate) fn slug(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            'á' | 'à' | 'ã' | 'ạ' | 'ả' => slug.push('a'),
            'é' | 'è' => slug.push('e'),
            'í' | 'ì' => slug.push('i'),
            'ó' | 'ø' | 'ò' => slug.push('o'),
            'đ' => slug.push('d'),
            'ñ' | 'ň' => slug.push('n'),
            'ř' => slug.push('r'),
            '\'' | '“' | '”' => {}
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_place_has_its_own_plain_id_and_its_parent_before_it() {
        let places = places(Timestamp::from_secs(0));
        assert_eq!(places.len(), 1 + 6 + 16 + 32 + 64 + 256);
        let mut seen = BTreeSet::new();
        for place in &places {
            assert!(
                place.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
                "{}",
                place.id
            );
            assert!(
                !place.id.contains("--") && !place.id.ends_with('-'),
                "{}",
                place.id
            );
            assert!(
                place
                    .parent
                    .as_ref()
                    .is_none_or(|parent| seen.contains(parent)),
                "{}",
                place.id
            );
            assert!(seen.insert(place.id.clone()), "{} comes twice", place.id);
            assert!(place.population > 0 && place.latitude.abs() < 90.0);
        }
    }
}
