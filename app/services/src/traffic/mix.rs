use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::feed::Source;
use crate::gateway;

/// One request of the mix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// The content service's route that it takes.
    pub(crate) route: &'static str,
    /// What it asks the gateway.
    pub(crate) path_and_query: String,
    pub(crate) outcome: Outcome,
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
    source: Arc<Source>,
    places: usize,
    points: usize,
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

const PLACE_LISTS: [&str; 5] = [
    "filter[kind]=city&sort=name",
    "filter[kind]=country&sort=-population",
    "filter[kind]=neighbourhood&sort=name&page[size]=10",
    "sort=name&page[number]=2",
    "filter[kind]=city,region&include=parent&page[size]=10",
];
const POINT_LISTS: [&str; 4] = [
    "filter[kind]=museum&sort=-rating",
    "filter[kind]=park,garden&sort=name&page[size]=10",
    "sort=-rating&page[size]=10&include=place",
    "filter[kind]=market&fields[points-of-interest]=name,openingHours",
];

impl Mix {
    pub(crate) fn new(source: &Arc<Source>, seed: u64) -> Self {
        Self {
            places: source.places().count(),
            points: source.points().count(),
            source: Arc::clone(source),
            // Another stream than that of the arrivals.
            dice: StdRng::seed_from_u64(seed.wrapping_add(1)),
        }
    }

    pub(crate) fn next_request(&mut self) -> Request {
        let route = self.route();
        let is_stale = route.contains("{id}") && self.dice.random_bool(STALE_LINKS);
        let id = if is_stale {
            format!("moved-{}", self.dice.random_range(1_000..10_000))
        } else {
            self.id(route)
        };
        let path = format!("{}{}", gateway::PREFIX, route.replace("{id}", &id));
        let lists: &[&str] = match route {
            "/places" => &PLACE_LISTS,
            "/points-of-interest" => &POINT_LISTS,
            _ => &[],
        };
        let path_and_query = if lists.is_empty() {
            path
        } else {
            let query = lists[self.dice.random_range(0..lists.len())];
            format!("{path}?{}", query.replace('[', "%5B").replace(']', "%5D"))
        };
        Request {
            route,
            path_and_query,
            outcome: if is_stale {
                Outcome::NotFound
            } else {
                Outcome::Found
            },
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
        let nth = |count: usize| ((even * even) * count as f64) as usize;
        let id = if route.starts_with("/places/") {
            self.source.places().nth(nth(self.places))
        } else {
            self.source.points().nth(nth(self.points))
        };
        id.unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::content;

    #[test]
    fn every_route_is_asked_and_a_few_requests_are_stale() {
        let mut mix = Mix::new(&Arc::new(Source::new()), 3);
        let requests: Vec<Request> = (0..20_000).map(|_| mix.next_request()).collect();
        let mut by_route: BTreeMap<&str, usize> = BTreeMap::new();
        for request in &requests {
            *by_route.entry(request.route).or_default() += 1;
            assert!(
                !request.path_and_query.contains('{'),
                "{}",
                request.path_and_query
            );
        }
        assert_eq!(by_route.len(), content::ROUTES.len());
        assert!(by_route.keys().all(|route| content::ROUTES.contains(route)));
        let stale = requests
            .iter()
            .filter(|request| request.outcome == Outcome::NotFound)
            .count();
        assert!((60..240).contains(&stale), "{stale}");
    }
}
