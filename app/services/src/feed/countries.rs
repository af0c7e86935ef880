/// A country: its continent, name, latitude, longitude, inhabitants in thousands, and its regions with their cities.
pub(super) type Country = (
    &'static str,
    &'static str,
    f64,
    f64,
    i64,
    [(&'static str, [&'static str; 2]); 2],
);

pub(super) const CONTINENTS: [(&str, f64, f64, i64); 6] = [
    ("Africa", 2.0, 20.0, 1_495_000),
    ("Asia", 34.0, 100.0, 4_807_000),
    ("Europe", 54.0, 15.0, 745_000),
    ("North America", 48.0, -100.0, 611_000),
    ("Oceania", -22.0, 140.0, 46_000),
    ("South America", -15.0, -60.0, 437_000),
];

pub(super) const COUNTRIES: [Country; 16] = [
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
