use watchfire_schemas::Timestamp;

use crate::content::collection::{Attribute, Collection, Filter, Form, Link};
use crate::content::query::names;

/// One thing that holds for all that is shown.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub(crate) column: &'static str,
    pub(crate) test: Test,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    /// The column holds one of these.
    OneOf(Vec<String>),
    /// The folded form of the column holds this, itself folded.
    Part(String),
    Compare(Comparison, Bound),
    /// The column names this place or one beneath it.
    Beneath(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Above,
    AtLeast,
    Below,
    AtMost,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    Integer(i64),
    Real(f64),
}

/// How many ids a filter by a relationship names at most.
const MAX_IDS: usize = 20;
const LONGEST_TEXT: usize = 128;

impl Comparison {
    const ALL: [(&'static str, Self); 4] = [
        ("gt", Self::Above),
        ("gte", Self::AtLeast),
        ("lt", Self::Below),
        ("lte", Self::AtMost),
    ];

    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Equal => " = ",
            Self::Above => " > ",
            Self::AtLeast => " >= ",
            Self::Below => " < ",
            Self::AtMost => " <= ",
        }
    }
}

impl Condition {
    /// Of `filter[by]` or `filter[by][operator]`.
    pub(crate) fn parse(
        by: &str,
        operator: Option<&str>,
        value: &str,
        collection: &'static Collection,
    ) -> Result<Self, String> {
        if let Some(attribute) = collection.attribute(by)
            && let Some(filter) = attribute.filter
        {
            let test = of_attribute(attribute, filter, operator, value)?;
            let column = attribute.column;
            return Ok(Self { column, test });
        }
        if operator.is_none() {
            if by == "place"
                && let Some(column) = collection.place
            {
                let test = Test::Beneath(text(value, "an id")?);
                return Ok(Self { column, test });
            }
            if let Some(relationship) = collection.relationship(by)
                && let Link::Own(column) = relationship.link
            {
                let test = Test::OneOf(ids(value)?);
                return Ok(Self { column, test });
            }
        }
        Err(format!(
            "is no filter of {}; there are {}",
            collection.resource,
            known(collection).join(", ")
        ))
    }
}

/// The filters of a collection, as an error tells them.
fn known(collection: &Collection) -> Vec<String> {
    let attributes = collection.attributes.iter();
    let attributes = attributes.filter_map(|attribute| {
        let name = attribute.name;
        Some(match attribute.filter? {
            Filter::Range => format!("{name} (also with [gt], [gte], [lt], [lte])"),
            Filter::OneOf(_) | Filter::Part => name.to_owned(),
        })
    });
    let place = collection.place.map(|_| "place".to_owned());
    let own = collection.relationships.iter();
    let own = own.filter(|one| matches!(one.link, Link::Own(_)) && one.name != "place");
    attributes
        .chain(place)
        .chain(own.map(|relationship| relationship.name.to_owned()))
        .collect()
}

fn of_attribute(
    attribute: &Attribute,
    filter: Filter,
    operator: Option<&str>,
    value: &str,
) -> Result<Test, String> {
    match (filter, operator) {
        (Filter::OneOf(known), None) => one_of(attribute.name, known, value),
        (Filter::Part, None) => Ok(Test::Part(folded(&text(value, "a text")?))),
        (Filter::Range, None) => Ok(Test::Compare(Comparison::Equal, bound(attribute, value)?)),
        (Filter::Range, Some(operator)) => {
            let known = Comparison::ALL.into_iter();
            let comparison = known.clone().find(|(name, _)| *name == operator);
            let (_, comparison) = comparison.ok_or_else(|| {
                let known: Vec<&str> = known.map(|(name, _)| name).collect();
                format!("has no such comparison; there are {}", known.join(", "))
            })?;
            Ok(Test::Compare(comparison, bound(attribute, value)?))
        }
        (Filter::OneOf(_) | Filter::Part, Some(_)) => Err("is not compared".to_owned()),
    }
}

fn one_of(name: &str, known: &[&str], value: &str) -> Result<Test, String> {
    let values: Vec<String> = names(value).map(str::to_owned).collect();
    if values.is_empty() || values.len() > known.len() {
        return Err(format!("needs 1 to {} values", known.len()));
    }
    let unknown = values.iter().find(|value| !known.contains(&value.as_str()));
    match unknown {
        None => Ok(Test::OneOf(values)),
        Some(value) => Err(format!(
            "names no {name}: {value:?}; there are {}",
            known.join(", ")
        )),
    }
}

fn bound(attribute: &Attribute, value: &str) -> Result<Bound, String> {
    match attribute.form {
        Form::Integer => {
            let number = value.parse().map(Bound::Integer);
            number.map_err(|_| "needs a whole number".to_owned())
        }
        Form::Real => {
            let number = value
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite());
            let number = number.map(Bound::Real);
            number.ok_or_else(|| "needs a number".to_owned())
        }
        Form::Time => {
            let day = format!("{value}T00:00:00Z");
            let time: Result<Timestamp, _> = value.parse().or_else(|_| day.parse());
            let time = time.map(|time| Bound::Integer(time.nanos()));
            time.map_err(|_| "needs a day such as 2026-11-01, or a time of RFC 3339".to_owned())
        }
        Form::Text | Form::OpeningHours | Form::Texts => Err("is not compared".to_owned()),
    }
}

fn ids(value: &str) -> Result<Vec<String>, String> {
    let ids: Result<Vec<String>, String> = names(value).map(|id| text(id, "an id")).collect();
    let ids = ids?;
    if ids.is_empty() || ids.len() > MAX_IDS {
        return Err(format!("needs 1 to {MAX_IDS} ids"));
    }
    Ok(ids)
}

fn text(value: &str, what: &str) -> Result<String, String> {
    if value.is_empty() || value.len() > LONGEST_TEXT {
        return Err(format!("needs {what} of 1 to {LONGEST_TEXT} characters"));
    }
    Ok(value.to_owned())
}

/// A text as it is searched: in lower case, Latin letters without their accents.
pub(crate) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        match c {
            'á'..='å' | 'à' | 'ă' | 'ą' | 'ạ' | 'ả' | 'ā' => folded.push('a'),
            'ç' | 'ć' | 'č' => folded.push('c'),
            'ď' | 'đ' => folded.push('d'),
            'è'..='ë' | 'ě' | 'ę' | 'ē' => folded.push('e'),
            'ì'..='ï' | 'ī' => folded.push('i'),
            'ł' => folded.push('l'),
            'ñ' | 'ń' | 'ň' => folded.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ő' => folded.push('o'),
            'ř' => folded.push('r'),
            'ś' | 'š' | 'ş' => folded.push('s'),
            'ť' | 'ţ' => folded.push('t'),
            'ù'..='ü' | 'ů' | 'ū' | 'ű' => folded.push('u'),
            'ý' | 'ÿ' => folded.push('y'),
            'ź' | 'ż' | 'ž' => folded.push('z'),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'ß' => folded.push_str("ss"),
            _ => folded.push(c),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(resource: &str, by: &str, value: &str) -> Result<Condition, String> {
        let (by, operator) = match by.split_once('.') {
            Some((by, operator)) => (by, Some(operator)),
            None => (by, None),
        };
        Condition::parse(by, operator, value, Collection::of(resource).unwrap())
    }

    fn check(resource: &str, by: &str, value: &str, column: &'static str, test: Test) {
        let condition = Condition { column, test };
        assert_eq!(parse(resource, by, value), Ok(condition));
    }

    fn refused(resource: &str, by: &str, value: &str, reason: &str) {
        assert_eq!(parse(resource, by, value).unwrap_err(), reason);
    }

    #[test]
    fn a_data_set_is_filtered_by_what_its_declaration_says() {
        let at_least = |bound| Test::Compare(Comparison::AtLeast, bound);
        check(
            "lodgings",
            "stars",
            "4",
            "stars",
            Test::Compare(Comparison::Equal, Bound::Integer(4)),
        );
        check(
            "lodgings",
            "pricePerNight.gte",
            "49.5",
            "price_per_night",
            at_least(Bound::Real(49.5)),
        );
        let day = Bound::Integer(1_793_491_200_000_000_000);
        check(
            "articles",
            "publishedAt.gte",
            "2026-11-01",
            "published_at",
            at_least(day),
        );
        check(
            "articles",
            "publishedAt.gte",
            "2026-11-01T01:00:00+01:00",
            "published_at",
            at_least(day),
        );
        check(
            "places",
            "place",
            "minho",
            "id",
            Test::Beneath("minho".to_owned()),
        );
        check(
            "tours",
            "place",
            "minho",
            "place",
            Test::Beneath("minho".to_owned()),
        );
        check(
            "books",
            "author",
            "a,b",
            "author",
            Test::OneOf(vec!["a".to_owned(), "b".to_owned()]),
        );
        check(
            "places",
            "name",
            "ÉVORA",
            "name",
            Test::Part("evora".to_owned()),
        );
    }

    #[test]
    fn a_filter_that_is_wrong_says_why() {
        refused("lodgings", "stars", "many", "needs a whole number");
        refused("lodgings", "rating.gte", "NaN", "needs a number");
        refused(
            "lodgings",
            "rating.above",
            "3",
            "has no such comparison; there are gt, gte, lt, lte",
        );
        refused("lodgings", "kind.gte", "hotel", "is not compared");
        refused(
            "lodgings",
            "kind",
            "castle",
            "names no kind: \"castle\"; there are apartment, campsite, guesthouse, hostel, hotel",
        );
        refused(
            "authors",
            "biography",
            "x",
            "is no filter of authors; there are name, \
             updatedAt (also with [gt], [gte], [lt], [lte]), place",
        );
        refused("places", "name", "", "needs a text of 1 to 128 characters");
    }

    #[test]
    fn names_are_found_whatever_their_case_and_accents() {
        assert_eq!(folded("Đà Lạt"), "da lat");
        assert_eq!(folded("Trøndelag"), "trondelag");
        assert_eq!(folded("Straße"), "strasse");
        assert_eq!(folded("東京"), "東京");
    }
}
