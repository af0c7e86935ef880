mod filter;
mod paths;

use std::collections::{BTreeMap, BTreeSet};

use axum::extract;
use http::{StatusCode, Uri};

use crate::content::collection::{Collection, Relationship};
use crate::content::problem::{ErrorObject, Problem};
pub(crate) use filter::{Bound, Condition, Test, folded};

/// What a request's query string asks for, every part of it checked against the collection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// All of them hold for what is shown.
    pub(crate) conditions: Vec<Condition>,
    pub(crate) sort: Vec<SortKey>,
    pub(crate) page: Page,
    pub(crate) fieldsets: Fieldsets,
    pub(crate) include: Vec<Vec<&'static Relationship>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SortKey {
    pub(crate) column: &'static str,
    pub(crate) descending: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// From 1.
    pub(crate) number: u32,
    pub(crate) size: u32,
}

/// By resource type, the fields that are wanted. A type that is not in it shows all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fieldsets(BTreeMap<&'static str, BTreeSet<String>>);

/// Which parameters a route knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// A list of resources.
    Many,
    /// One resource.
    One,
    /// The linkage of a relationship to many: it is paged, no more.
    ManyLinks,
    /// The linkage of a relationship to one.
    OneLink,
}

const MAX_PARAMETERS: usize = 32;

impl Page {
    pub(crate) const MAX_SIZE: u32 = 100;
    const MAX_NUMBER: u32 = 1_000_000;

    pub(crate) fn offset(self) -> u64 {
        u64::from(self.number - 1) * u64::from(self.size)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self {
            number: 1,
            size: 20,
        }
    }
}

impl Fieldsets {
    pub(crate) fn shows(&self, resource: &str, field: &str) -> bool {
        self.0
            .get(resource)
            .is_none_or(|fields| fields.contains(field))
    }
}

impl Query {
    /// Reads a query string; every parameter that is wrong becomes one error object of the answer.
    pub(crate) fn parse(
        pairs: &[(String, String)],
        collection: &'static Collection,
        scope: Scope,
    ) -> Result<Self, Problem> {
        let mut query = Self::default();
        let mut errors = Vec::new();
        let mut seen = BTreeSet::new();
        for (name, value) in pairs {
            let outcome = if seen.insert(name) {
                query.take(name, value, collection, scope)
            } else {
                Err("is given twice".to_owned())
            };
            if let Err(reason) = outcome {
                errors.push(ErrorObject::of_parameter(name, &reason));
            }
        }
        if errors.is_empty() {
            return Ok(query);
        }
        Err(Problem {
            status: StatusCode::BAD_REQUEST,
            errors,
        })
    }

    fn take(
        &mut self,
        name: &str,
        value: &str,
        collection: &'static Collection,
        scope: Scope,
    ) -> Result<(), String> {
        let unknown = || Err("is not a parameter of this route".to_owned());
        let Some((family, members)) = split(name) else {
            return unknown();
        };
        match (scope, family, members.as_slice()) {
            (Scope::Many | Scope::One, "fields", [resource]) => {
                self.take_fields(resource, value)?;
            }
            (Scope::Many | Scope::One, "include", []) => {
                self.include = paths::include(value, collection)?;
            }
            (Scope::Many, "sort", []) => self.sort = paths::sort(value, collection)?,
            (Scope::Many, "filter", [by]) => {
                self.conditions
                    .push(Condition::parse(by, None, value, collection)?);
            }
            (Scope::Many, "filter", [by, operator]) => {
                self.conditions
                    .push(Condition::parse(by, Some(operator), value, collection)?);
            }
            (Scope::Many | Scope::ManyLinks, "page", ["number"]) => {
                self.page.number = number(value, Page::MAX_NUMBER)?;
            }
            (Scope::Many | Scope::ManyLinks, "page", ["size"]) => {
                self.page.size = number(value, Page::MAX_SIZE)?;
            }
            _ => return unknown(),
        }
        Ok(())
    }

    fn take_fields(&mut self, resource: &str, value: &str) -> Result<(), String> {
        let collection = Collection::of(resource)
            .ok_or_else(|| format!("names no resource type: {resource:?}"))?;
        let mut fields = BTreeSet::new();
        for field in names(value) {
            if !collection.has_field(field) {
                return Err(format!("names no field of {resource}: {field:?}"));
            }
            fields.insert(field.to_owned());
        }
        self.fieldsets.0.insert(collection.resource, fields);
        Ok(())
    }
}

/// `filter[rating][gte]` as its family and the members in brackets; none if it is not of this form.
fn split(name: &str) -> Option<(&str, Vec<&str>)> {
    let Some(at) = name.find('[') else {
        return Some((name, Vec::new()));
    };
    let (family, rest) = name.split_at(at);
    let inner = rest.strip_prefix('[')?.strip_suffix(']')?;
    Some((family, inner.split("][").collect()))
}

/// The decoded pairs of a query string.
pub(crate) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    let invalid = |detail: String| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "invalid_query",
            "Invalid query string",
            detail,
        )
    };
    let extract::Query(pairs) = extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|error| invalid(error.to_string()))?;
    if pairs.len() > MAX_PARAMETERS {
        return Err(invalid(format!("more than {MAX_PARAMETERS} parameters")));
    }
    Ok(pairs)
}

fn number(value: &str, most: u32) -> Result<u32, String> {
    let number = value
        .parse::<u32>()
        .ok()
        .filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("needs a whole number from 1 to {most}"))
}

fn names(value: &str) -> impl Iterator<Item = &str> {
    value
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::content::collection::{COLLECTIONS, PLACES};

    fn parse_for(resource: &str, query: &str, scope: Scope) -> Result<Query, Problem> {
        let collection = Collection::of(resource).unwrap();
        let pairs = pairs(&format!("/{resource}?{query}").parse().unwrap())?;
        Query::parse(&pairs, collection, scope)
    }

    fn parse(query: &str, scope: Scope) -> Result<Query, Problem> {
        parse_for(PLACES.resource, query, scope)
    }

    fn refused(query: &str, detail: &str) {
        let problem = parse(query, Scope::Many).unwrap_err();
        assert_eq!(problem.status, StatusCode::BAD_REQUEST);
        assert_eq!(problem.errors[0].detail, detail);
    }

    #[test]
    fn a_query_is_read_in_full() {
        let query = parse(
            "filter%5Bkind%5D=city,region&filter[place]=portugal&sort=-population,name\
             &page[size]=5&page[number]=3&fields[places]=name&include=parent.parent,points-of-interest",
            Scope::Many,
        );
        let query = query.unwrap();
        let tests: Vec<&Test> = query.conditions.iter().map(|one| &one.test).collect();
        assert_eq!(
            tests,
            [
                &Test::OneOf(vec!["city".to_owned(), "region".to_owned()]),
                &Test::Beneath("portugal".to_owned())
            ]
        );
        assert_eq!(
            query.sort[0],
            SortKey {
                column: "population",
                descending: true
            }
        );
        assert_eq!((query.page.size, query.page.offset()), (5, 10));
        assert!(
            query.fieldsets.shows("places", "name") && !query.fieldsets.shows("places", "kind")
        );
        assert!(query.fieldsets.shows("points-of-interest", "kind"));
        assert_eq!(
            query.include.iter().map(Vec::len).collect::<Vec<_>>(),
            [2, 1]
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        refused(
            "nosuchparam=1",
            "nosuchparam is not a parameter of this route",
        );
        refused(
            "page[size]=101",
            "page[size] needs a whole number from 1 to 100",
        );
        refused(
            "page[number]=0",
            "page[number] needs a whole number from 1 to 1000000",
        );
        refused(
            "sort=summary",
            "sort names a field that places cannot be sorted by: \"summary\"",
        );
        refused(
            "sort=parent.name",
            "sort names a field of a related resource, by which nothing is sorted: \"parent.name\"",
        );
        refused("sort[x]=name", "sort[x] is not a parameter of this route");
        refused(
            "include=nobody",
            "include names no relationship of places: \"nobody\"",
        );
        refused(
            "fields[boats]=a",
            "fields[boats] names no resource type: \"boats\"",
        );
        refused("sort=name&sort=name", "sort is given twice");
        assert!(
            parse("sort=name", Scope::One).is_err(),
            "one resource is not sorted"
        );
        assert!(parse("page[size]=3", Scope::ManyLinks).is_ok());
        assert!(parse("include=parent", Scope::ManyLinks).is_err());
        assert_eq!(parse("a=1&b=2", Scope::Many).unwrap_err().errors.len(), 2);
    }

    proptest! {
        #[test]
        fn no_query_string_breaks_the_parser(query in "[ -~&=%\\[\\],.a-z0-9-]{0,80}") {
            let encoded: String = query.chars().filter(|c| !matches!(c, ' ' | '#' | '"' | '<' | '>' | '`' | '{' | '}')).collect();
            if let Ok(uri) = format!("/places?{encoded}").parse::<Uri>()
                && let Ok(pairs) = pairs(&uri)
            {
                for collection in COLLECTIONS {
                    for scope in [Scope::Many, Scope::One, Scope::ManyLinks, Scope::OneLink] {
                        match Query::parse(&pairs, collection, scope) {
                            Ok(query) => prop_assert!((1..=Page::MAX_SIZE).contains(&query.page.size)),
                            Err(problem) => prop_assert!(problem.status.is_client_error() && !problem.errors.is_empty()),
                        }
                    }
                }
            }
        }
    }
}
