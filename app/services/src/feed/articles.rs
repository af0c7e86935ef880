use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use watchfire_schemas::Timestamp;

use crate::feed::atlas::{pick, slug};
use crate::feed::prose::form;
use crate::feed::record::{Place, PlaceKind, Record};
use crate::feed::tours::points_around;

/// Kinds of articles with the forms of their titles.
const KINDS: [(&str, [&str; 3]); 4] = [
    (
        "guide",
        [
            "Two Days in @",
            "@ with Children and without a Car",
            "Where @ Eats at Noon",
        ],
    ),
    (
        "story",
        [
            "The Clock of @ That Runs Late on Purpose",
            "A Winter among the Bakers of @",
            "What the Ferrymen of @ Remember",
        ],
    ),
    (
        "news",
        [
            "@ Opens Its Night Line",
            "The Old Baths of @ Are Back",
            "@ Counts Its Visitors Anew",
        ],
    ),
    (
        "interview",
        [
            "“We Mend What Others Replace”: a Locksmith in @",
            "The Woman Who Walks Every Street of @",
            "Forty Years behind One Counter in @",
        ],
    ),
];
const TEASERS: [&str; 4] = [
    "Our * from @, for readers who like to know before they go.",
    "A * about what has changed in @, and about what refuses to.",
    "We went back to @ for this * and stayed longer than planned.",
    "This * began with a wrong turn in @.",
];
const SENTENCES: [&str; 14] = [
    "The first train reaches @ before the cafés do, so bring something to read.",
    "Ask for the market by its old name; the new one is on the signs and nowhere else.",
    "From the bridge one sees both halves of @ and understands why they never agreed on a roof colour.",
    "The tram costs little, runs often and stops wherever the hill becomes unreasonable.",
    "At noon the whole street smells of onions, and by one it is asleep.",
    "The museum keeps its best room for the rainy season, when there is time to look.",
    "Nobody in @ gives directions by number; it is always the second door after the pump.",
    "In the evening the swallows take over the square and the waiters let them.",
    "What used to be a rope factory now holds a library, and the floor still creaks in the same place.",
    "The path along the water is flat for an hour and then, without warning, is not.",
    "Prices have risen since we last wrote of @; the bread has stayed as good.",
    "A key hangs by the chapel door, and whoever takes it is trusted to bring it back.",
    "The last boat leaves at nine, unless the captain's sister is on the way.",
    "You will be told that it never rains here, usually under an awning.",
];
const IN_CITY: usize = 6;
const IN_COUNTRY: usize = 4;
const DAY: Duration = Duration::from_hours(24);
/// How far back the oldest article reaches, in days.
const DAYS: usize = 900;

/// Articles and news on every city and country.
pub(crate) fn articles(
    places: &[Place],
    points: &[Record],
    authors: &[Record],
    at: Timestamp,
) -> Vec<Record> {
    let around = points_around(places, points);
    let count = |kind| match kind {
        PlaceKind::City => IN_CITY,
        PlaceKind::Country => IN_COUNTRY,
        _ => 0,
    };
    let all = places.iter();
    all.flat_map(|place| (0..count(place.kind)).map(move |n| (place, n)))
        .map(|(place, n)| article(place, n, &around, authors, at))
        .collect()
}

fn article(
    place: &Place,
    n: usize,
    around: &BTreeMap<&str, Vec<&str>>,
    authors: &[Record],
    at: Timestamp,
) -> Record {
    let forms = KINDS.iter().map(|(_, forms)| forms.len()).sum::<usize>();
    let chosen = (pick(&place.id, forms) + 5 * n) % forms;
    let (kind, titles) = KINDS[chosen / 3];
    let title = titles[chosen % 3].replace('@', &place.name);
    let id = format!("{}-{}", place.id, slug(&title).trim_matches('-'));
    let paragraphs = 3 + pick(&format!("{id}paragraphs"), 3);
    let body: Vec<String> = (0..paragraphs)
        .map(|paragraph| written(&id, paragraph, &place.name))
        .collect();
    let near = around.get(place.id.as_str());
    let near = near.map_or(&[][..], Vec::as_slice);
    let first = pick(&format!("{id}first"), near.len().max(1));
    let mentioned = near.iter().cycle().skip(first);
    let mentioned = mentioned.take(pick(&format!("{id}points"), 4).min(near.len()));
    let age = DAY * (1 + pick(&format!("{id}age"), DAYS) as u32);
    let author = &authors[pick(&format!("{id}author"), authors.len())];
    let fields = json!({
        "kind": kind,
        "title": title,
        "teaser": form(&id, &TEASERS, kind, &place.name),
        "body": body.join("\n\n"),
        "published_at": at - age,
        "reading_minutes": paragraphs,
        "points": mentioned.collect::<Vec<_>>(),
        "place": place.id,
        "author": author.id,
        "updated_at": at,
    });
    Record::new(&id, fields)
}

/// One paragraph of four different sentences.
fn written(id: &str, paragraph: usize, place: &str) -> String {
    let first = pick(&format!("{id}{paragraph}"), SENTENCES.len());
    let sentences = (0..4).map(|n| SENTENCES[(first + n * 3) % SENTENCES.len()]);
    let sentences: Vec<String> = sentences
        .map(|sentence| sentence.replace('@', place))
        .collect();
    sentences.join(" ")
}
