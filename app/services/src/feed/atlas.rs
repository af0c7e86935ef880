use crate::feed::prose;
use crate::feed::record::{Place, PlaceKind};
use watchfire_schemas::Timestamp;

/// A country: continent, name, latitude, longitude, inhabitants in thousands, and its regions with their cities.
type Country = (
    &'static str,
    &'static str,
    f64,
    f64,
    i64,
    [(&'static str, [&'static str; 2]); 2],
);

const CONTINENTS: [(&str, f64, f64, i64); 6] = [
    ("Africa", 2.0, 20.0, 1_495_000),
    ("Asia", 34.0, 100.0, 4_807_000),
    ("Europe", 54.0, 15.0, 745_000),
    ("North America", 48.0, -100.0, 611_000),
    ("Oceania", -22.0, 140.0, 46_000),
    ("South America", -15.0, -60.0, 437_000),
];

const COUNTRIES: [Country; 16] = [
    (
        "Europe",
        "Portugal",
        39.6,
        -8.0,
        10_500,
        [
            ("Minho", ["Braga", "Viana do Castelo"]),
            ("Alentejo", ["Évora", "Beja"]),
        ],
    ),
    (
        "Europe",
        "Italy",
        42.8,
        12.6,
        58_900,
        [
            ("Umbria", ["Perugia", "Orvieto"]),
            ("Liguria", ["Genoa", "La Spezia"]),
        ],
    ),
    (
        "Europe",
        "Norway",
        61.0,
        9.0,
        5_500,
        [
            ("Vestland", ["Bergen", "Florø"]),
            ("Trøndelag", ["Trondheim", "Steinkjer"]),
        ],
    ),
    (
        "Europe",
        "Czechia",
        49.8,
        15.5,
        10_900,
        [
            ("Moravia", ["Brno", "Olomouc"]),
            ("Bohemia", ["Plzeň", "Tábor"]),
        ],
    ),
    (
        "Europe",
        "Scotland",
        56.8,
        -4.2,
        5_400,
        [
            ("Highland", ["Inverness", "Fort William"]),
            ("Tayside", ["Dundee", "Perth"]),
        ],
    ),
    (
        "Africa",
        "Morocco",
        31.8,
        -7.1,
        37_500,
        [
            ("Souss-Massa", ["Agadir", "Taroudant"]),
            ("Fès-Meknès", ["Fez", "Meknes"]),
        ],
    ),
    (
        "Africa",
        "Kenya",
        0.2,
        37.9,
        55_100,
        [
            ("Coast", ["Mombasa", "Malindi"]),
            ("Rift Valley", ["Nakuru", "Naivasha"]),
        ],
    ),
    (
        "Africa",
        "Namibia",
        -22.0,
        17.0,
        3_000,
        [
            ("Erongo", ["Swakopmund", "Walvis Bay"]),
            ("Khomas", ["Windhoek", "Dordabis"]),
        ],
    ),
    (
        "Asia",
        "Japan",
        36.2,
        138.2,
        124_000,
        [
            ("Setouchi", ["Onomichi", "Takamatsu"]),
            ("Hokuriku", ["Kanazawa", "Toyama"]),
        ],
    ),
    (
        "Asia",
        "Vietnam",
        16.0,
        107.8,
        98_900,
        [
            ("Red River Delta", ["Ninh Bình", "Hải Phòng"]),
            ("Central Highlands", ["Đà Lạt", "Kon Tum"]),
        ],
    ),
    (
        "Asia",
        "Georgia",
        42.2,
        43.5,
        3_700,
        [
            ("Imereti", ["Kutaisi", "Tskaltubo"]),
            ("Kakheti", ["Telavi", "Sighnaghi"]),
        ],
    ),
    (
        "North America",
        "Canada",
        58.0,
        -100.0,
        40_100,
        [
            ("Nova Scotia", ["Halifax", "Lunenburg"]),
            ("Yukon", ["Whitehorse", "Dawson City"]),
        ],
    ),
    (
        "North America",
        "Mexico",
        23.6,
        -102.5,
        129_700,
        [
            ("Oaxaca", ["Oaxaca de Juárez", "Puerto Escondido"]),
            ("Yucatán", ["Mérida", "Valladolid"]),
        ],
    ),
    (
        "South America",
        "Chile",
        -33.0,
        -71.0,
        19_600,
        [
            ("Los Lagos", ["Puerto Varas", "Castro"]),
            ("Valparaíso", ["Viña del Mar", "Quillota"]),
        ],
    ),
    (
        "South America",
        "Colombia",
        4.0,
        -73.0,
        52_300,
        [
            ("Antioquia", ["Medellín", "Jardín"]),
            ("Bolívar", ["Cartagena", "Mompox"]),
        ],
    ),
    (
        "Oceania",
        "New Zealand",
        -41.5,
        172.8,
        5_200,
        [
            ("Otago", ["Dunedin", "Queenstown"]),
            ("Marlborough", ["Blenheim", "Picton"]),
        ],
    ),
];

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
            'á' | 'à' | 'ạ' | 'ả' => slug.push('a'),
            'é' | 'è' => slug.push('e'),
            'í' | 'ì' => slug.push('i'),
            'ó' | 'ø' | 'ò' => slug.push('o'),
            'đ' => slug.push('d'),
            'ñ' | 'ň' => slug.push('n'),
            '\'' => {}
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
