use std::collections::{BTreeMap, BTreeSet};

use axum::extract;
use http::{StatusCode, Uri};

use crate::content::collection::{Collection, Relationship};
use crate::content::problem::{ErrorObject, Problem};

/// What a request's query string asks for, every part of it checked against the collection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query {
    /// Only resources of these kinds; all if empty.
    pub(crate) kinds: Vec<String>,
    /// Only what lies in this place or beneath it.
    pub(crate) place: Option<String>,
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
    Many,
    One,
}

const MAX_PARAMETERS: usize = 32;
const MAX_SORT_KEYS: usize = 4;
const MAX_INCLUDE_PATHS: usize = 8;
const MAX_INCLUDE_DEPTH: usize = 6;

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
        uri: &Uri,
        collection: &'static Collection,
        scope: Scope,
    ) -> Result<Self, Problem> {
        let mut query = Self::default();
        let mut errors = Vec::new();
        let mut seen = BTreeSet::new();
        for (name, value) in pairs(uri)? {
            let outcome = if seen.insert(name.clone()) {
                query.take(&name, &value, collection, scope)
            } else {
                Err("is given twice".to_owned())
            };
            if let Err(reason) = outcome {
                errors.push(ErrorObject {
                    code: "invalid_parameter",
                    title: "Invalid query parameter",
                    detail: format!("{name} {reason}"),
                    parameter: Some(name),
                });
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
        let (family, member) = match name.split_once('[') {
            None => (name, None),
            Some((family, rest)) => (family, rest.strip_suffix(']')),
        };
        match (scope, family, member) {
            (_, "fields", Some(resource)) => self.take_fields(resource, value)?,
            (_, "include", None) if !name.contains('[') => {
                self.include = include(value, collection)?;
            }
            (Scope::Many, "sort", None) if !name.contains('[') => {
                self.sort = sort(value, collection)?;
            }
            (Scope::Many, "filter", Some("kind")) => self.kinds = kinds(value, collection)?,
            (Scope::Many, "filter", Some("place")) => self.place = Some(id(value)?),
            (Scope::Many, "page", Some("number")) => {
                self.page.number = number(value, Page::MAX_NUMBER)?;
            }
            (Scope::Many, "page", Some("size")) => self.page.size = number(value, Page::MAX_SIZE)?,
            _ => return Err("is not a parameter of this route".to_owned()),
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

fn include(
    value: &str,
    collection: &'static Collection,
) -> Result<Vec<Vec<&'static Relationship>>, String> {
    let mut paths = Vec::new();
    for path in names(value) {
        let mut at = collection;
        let mut steps = Vec::new();
        for name in path.split('.') {
            let step = at
                .relationship(name)
                .ok_or_else(|| format!("names no relationship of {}: {name:?}", at.resource))?;
            at = step.target();
            steps.push(step);
        }
        if steps.len() > MAX_INCLUDE_DEPTH {
            return Err(format!(
                "goes deeper than {MAX_INCLUDE_DEPTH} relationships"
            ));
        }
        paths.push(steps);
    }
    if paths.len() > MAX_INCLUDE_PATHS {
        return Err(format!("names more than {MAX_INCLUDE_PATHS} paths"));
    }
    Ok(paths)
}

fn sort(value: &str, collection: &'static Collection) -> Result<Vec<SortKey>, String> {
    let mut keys = Vec::new();
    for name in names(value) {
        let (name, descending) = name
            .strip_prefix('-')
            .map_or((name, false), |name| (name, true));
        let attribute = collection
            .attributes
            .iter()
            .find(|attribute| attribute.sortable && attribute.name == name);
        let attribute = attribute.ok_or_else(|| {
            format!(
                "names a field that {} cannot be sorted by: {name:?}",
                collection.resource
            )
        })?;
        keys.push(SortKey {
            column: attribute.column,
            descending,
        });
    }
    if keys.is_empty() || keys.len() > MAX_SORT_KEYS {
        return Err(format!("needs 1 to {MAX_SORT_KEYS} fields"));
    }
    Ok(keys)
}

fn kinds(value: &str, collection: &Collection) -> Result<Vec<String>, String> {
    let kinds: Vec<String> = names(value).map(str::to_owned).collect();
    if kinds.is_empty() || kinds.len() > collection.kinds.len() {
        return Err(format!("needs 1 to {} kinds", collection.kinds.len()));
    }
    match kinds
        .iter()
        .find(|kind| !collection.kinds.contains(&kind.as_str()))
    {
        None => Ok(kinds),
        Some(kind) => Err(format!(
            "names no kind: {kind:?}; there are {}",
            collection.kinds.join(", ")
        )),
    }
}

fn id(value: &str) -> Result<String, String> {
    const LONGEST: usize = 128;
    if value.is_empty() || value.len() > LONGEST {
        return Err(format!("needs an id of 1 to {LONGEST} characters"));
    }
    Ok(value.to_owned())
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
    use crate::content::collection::{PLACES, POINTS_OF_INTEREST};

    fn parse(query: &str, scope: Scope) -> Result<Query, Problem> {
        Query::parse(&format!("/places?{query}").parse().unwrap(), &PLACES, scope)
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
        assert_eq!(query.kinds, ["city", "region"]);
        assert_eq!(query.place.as_deref(), Some("portugal"));
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
        assert_eq!(parse("a=1&b=2", Scope::Many).unwrap_err().errors.len(), 2);
    }

    proptest! {
        #[test]
        fn no_query_string_breaks_the_parser(query in "[ -~&=%\\[\\],.a-z0-9-]{0,80}") {
            let encoded: String = query.chars().filter(|c| !matches!(c, ' ' | '#' | '"' | '<' | '>' | '`' | '{' | '}')).collect();
            if let Ok(uri) = format!("/places?{encoded}").parse::<Uri>() {
                for collection in [&PLACES, &POINTS_OF_INTEREST] {
                    for scope in [Scope::Many, Scope::One] {
                        match Query::parse(&uri, collection, scope) {
                            Ok(query) => prop_assert!((1..=Page::MAX_SIZE).contains(&query.page.size)),
                            Err(problem) => prop_assert!(problem.status.is_client_error() && !problem.errors.is_empty()),
                        }
                    }
                }
            }
        }
    }
}
