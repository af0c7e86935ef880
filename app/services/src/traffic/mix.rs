use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::content;
use crate::feed::Source;

/// One request of the mix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// The content service's route that it takes.
    pub(crate) route: &'static str,
    /// The id in the route; empty for a list.
    pub(crate) id: String,
    /// The list that it asks for, if the route is one.
    pub(crate) list: Option<&'static List>,
    pub(crate) outcome: Outcome,
}

/// A list that visitors look at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct List {
    query: &'static str,
    /// The kinds that the query names; all if empty.
    pub(crate) kinds: &'static [&'static str],
    pub(crate) page_size: usize,
    /// The relationship that the query includes.
    pub(crate) include: Option<&'static str>,
}

/// What a healthy service answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Found,
    NotFound,
}

/// What visitors of a travel site ask for. A few places are asked for far more often than most.
#[derive(Debug)]
pub(crate) struct Mix {
    places: Vec<String>,
    points: Vec<String>,
    dice: StdRng,
}

/// Routes by their weight.
const ROUTES: [(&str, u32); 7] = [
    ("/places/{id}", 30),
    ("/places", 22),
    ("/points-of-interest", 20),
    ("/points-of-interest/{id}", 14),
    ("/places/{id}/points-of-interest", 8),
    ("/places/{id}/parent", 3),
    ("/points-of-interest/{id}/place", 3),
];
/// The share of requests for a single resource that ask for one that is not there.
const STALE_LINKS: f64 = 0.012;

static PLACE_LISTS: [List; 5] = [
    list("filter[kind]=city&sort=name", &["city"], 20, None),
    list(
        "filter[kind]=country&sort=-population",
        &["country"],
        20,
        None,
    ),
    list(
        "filter[kind]=neighbourhood&sort=name&page[size]=10",
        &["neighbourhood"],
        10,
        None,
    ),
    list("sort=name&page[number]=2", &[], 20, None),
    list(
        "filter[kind]=city,region&include=parent&page[size]=10",
        &["city", "region"],
        10,
        Some("parent"),
    ),
];
static POINT_LISTS: [List; 4] = [
    list("filter[kind]=museum&sort=-rating", &["museum"], 20, None),
    list(
        "filter[kind]=park,garden&sort=name&page[size]=10",
        &["park", "garden"],
        10,
        None,
    ),
    list(
        "sort=-rating&page[size]=10&include=place",
        &[],
        10,
        Some("place"),
    ),
    list(
        "filter[kind]=market&fields[points-of-interest]=name,openingHours",
        &["market"],
        20,
        None,
    ),
];

const fn list(
    query: &'static str,
    kinds: &'static [&'static str],
    page_size: usize,
    include: Option<&'static str>,
) -> List {
    List {
        query,
        kinds,
        page_size,
        include,
    }
}

impl Request {
    /// What it asks the content service for.
    pub(crate) fn path(&self) -> String {
        self.route.replace("{id}", &self.id)
    }

    pub(crate) fn query(&self) -> Option<String> {
        let list = self.list?;
        Some(list.query.replace('[', "%5B").replace(']', "%5D"))
    }

    /// What it asks the gateway for.
    pub(crate) fn path_and_query(&self) -> String {
        let path = format!("{}{}", content::PREFIX, self.path());
        match self.query() {
            None => path,
            Some(query) => format!("{path}?{query}"),
        }
    }
}

impl Mix {
    pub(crate) fn new(source: &Source, seed: u64) -> Self {
        Self {
            places: source.places().map(str::to_owned).collect(),
            points: source.points().map(str::to_owned).collect(),
            // Another stream than that of the arrivals.
            dice: StdRng::seed_from_u64(seed.wrapping_add(1)),
        }
    }

    pub(crate) fn next_request(&mut self) -> Request {
        let route = self.route();
        let lists: &'static [List] = match route {
            "/places" => &PLACE_LISTS,
            "/points-of-interest" => &POINT_LISTS,
            _ => &[],
        };
        if !lists.is_empty() {
            let list = &lists[self.dice.random_range(0..lists.len())];
            let (list, outcome) = (Some(list), Outcome::Found);
            return Request {
                route,
                id: String::new(),
                list,
                outcome,
            };
        }
        let (id, outcome) = if self.dice.random_bool(STALE_LINKS) {
            let number = self.dice.random_range(1_000..10_000);
            (format!("moved-{number}"), Outcome::NotFound)
        } else {
            (self.id(route), Outcome::Found)
        };
        Request {
            route,
            id,
            list: None,
            outcome,
        }
    }

    fn route(&mut self) -> &'static str {
        let total: u32 = ROUTES.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.dice.random_range(0..total);
        for (route, weight) in ROUTES {
            match drawn.checked_sub(weight) {
                Some(rest) => drawn = rest,
                None => return route,
            }
        }
        ROUTES[0].0
    }

    /// The square of an even draw prefers the first: half of the requests go to a quarter of the ids.
    fn id(&mut self, route: &str) -> String {
        let even: f64 = self.dice.random();
        let ids = if route.starts_with("/places/") {
            &self.places
        } else {
            &self.points
        };
        ids[((even * even) * ids.len() as f64) as usize].clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::content;

    #[test]
    fn every_route_is_asked_and_a_few_requests_are_stale() {
        let mut mix = Mix::new(&Source::new(), 3);
        let requests: Vec<Request> = (0..20_000).map(|_| mix.next_request()).collect();
        let mut by_route: BTreeMap<&str, usize> = BTreeMap::new();
        for request in &requests {
            *by_route.entry(request.route).or_default() += 1;
            let asked = request.path_and_query();
            assert!(!asked.contains('{') && !asked.contains("//"), "{asked}");
        }
        assert_eq!(by_route.len(), ROUTES.len());
        assert!(by_route.keys().all(|route| content::ROUTES.contains(route)));
        let stale = requests
            .iter()
            .filter(|request| request.outcome == Outcome::NotFound)
            .count();
        assert!((60..240).contains(&stale), "{stale}");
    }
}
