use serde_json::json;
use watchfire_schemas::Timestamp;

use crate::feed::atlas::{pick, slug};
use crate::feed::prose::form;
use crate::feed::record::{Place, PlaceKind, Record};

/// Kinds of books with the forms of their titles.
const KINDS: [(&str, [&str; 3]); 5] = [
    (
        "guidebook",
        [
            "@ Step by Step",
            "The Slow Traveller's @",
            "@ by Rail and Rope",
        ],
    ),
    (
        "novel",
        ["The Toll Keeper of @", "A Lamp in @", "All the Doors of @"],
    ),
    (
        "history",
        [
            "@ before the Maps",
            "A Short History of @ in Nine Bridges",
            "The Guilds of @",
        ],
    ),
    (
        "cookbook",
        [
            "The Bread of @",
            "@ at Table",
            "Salt and Smoke: Cooking from @",
        ],
    ),
    (
        "travelogue",
        ["Walking to @", "My Year in @", "@, There and Partly Back"],
    ),
];
const SUMMARIES: [&str; 5] = [
    "A * that fits a coat pocket and outlasts the coat. @ as those who live there would show it.",
    "The * to read on the way to @, and again on the way back.",
    "Patiently researched and lightly told, this * has the footnotes that @ deserves.",
    "A * in thirty chapters, one for each street that the author of this book on @ has lived in.",
    "Illustrated with the author's own sketches of @, this * was twelve years in the making.",
];
const IN_COUNTRY: usize = 6;
const IN_REGION: usize = 2;
const FIRST_YEAR: usize = 1974;
const YEARS: usize = 52;

/// Books on every country and region.
pub(crate) fn books(places: &[Place], authors: &[Record], at: Timestamp) -> Vec<Record> {
    let count = |kind| match kind {
        PlaceKind::Country => IN_COUNTRY,
        PlaceKind::Region => IN_REGION,
        _ => 0,
    };
    let all = places.iter();
    all.flat_map(|place| (0..count(place.kind)).map(move |n| book(place, n, authors, at)))
        .collect()
}

fn book(place: &Place, n: usize, authors: &[Record], at: Timestamp) -> Record {
    let forms = KINDS.iter().map(|(_, forms)| forms.len()).sum::<usize>();
    let chosen = (pick(&place.id, forms) + 4 * n) % forms;
    let (kind, titles) = KINDS[chosen / 3];
    let title = titles[chosen % 3].replace('@', &place.name);
    let id = format!("{}-{}", place.id, slug(&title));
    let author = &authors[pick(&format!("{id}author"), authors.len())];
    let fields = json!({
        "kind": kind,
        "title": title,
        "summary": form(&id, &SUMMARIES, kind, &place.name),
        "isbn": isbn(&id),
        "pages": 96 + pick(&format!("{id}pages"), 520),
        "published_year": FIRST_YEAR + pick(&format!("{id}year"), YEARS),
        "price": 9.0 + pick(&format!("{id}price"), 40) as f64,
        "rating": 2.5 + pick(&format!("{id}rating"), 26) as f64 / 10.0,
        "place": place.id,
        "author": author.id,
        "updated_at": at,
    });
    Record::new(&id, fields)
}

/// Thirteen digits with their check digit, in the range 979-0, which names no books: these are made up.
fn isbn(id: &str) -> String {
    let number = format!("9790{:08}", pick(&format!("{id}isbn"), 100_000_000));
    let weighted = number.bytes().zip([1, 3].into_iter().cycle());
    let sum: u32 = weighted
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    format!("{number}{}", (10 - sum % 10) % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_check_digit_of_its_kind() {
        for id in ["a", "b", "portugal-the-bread-of-portugal"] {
            let number = isbn(id);
            assert_eq!(number.len(), 13);
            let weighted = number.bytes().zip([1, 3].into_iter().cycle());
            let sum: u32 = weighted
                .map(|(d, weight)| u32::from(d - b'0') * weight)
                .sum();
            assert_eq!(sum % 10, 0, "{number}");
        }
    }
}
