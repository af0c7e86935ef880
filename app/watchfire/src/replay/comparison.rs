use std::collections::BTreeMap;

use serde::Serialize;

use super::recording::Recorded;
use super::script::Answer;
use crate::load::{Latency, Times};

/// What was recorded beside what is answered now.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    pub(super) compared: u64,
    pub(super) same: u64,
    /// Most frequent first.
    pub(super) differences: Vec<Difference>,
    /// Most requests first.
    pub(super) routes: Vec<Timing>,
}

/// Requests of one route that were answered one way and are answered another.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Difference {
    pub(super) method: String,
    pub(super) route: String,
    pub(super) recorded: u16,
    /// A status, or why there is none.
    pub(super) now: String,
    pub(super) count: u64,
    /// One of them.
    pub(super) example: String,
}

/// How long requests of one route took. The recorded times are as the server saw them, those of now
/// are from the sending to the end of the answer.
#[derive(Debug, Serialize)]
pub(super) struct Timing {
    pub(super) method: String,
    pub(super) route: String,
    pub(super) recorded_ms: Latency,
    pub(super) now_ms: Latency,
}

impl Comparison {
    /// Of the requests that ended, by their numbers.
    pub(super) fn of(requests: &[Recorded], answers: &[Option<Answer>]) -> Self {
        let mut differences: BTreeMap<_, (u64, String)> = BTreeMap::new();
        let mut routes: BTreeMap<_, (Times, Times)> = BTreeMap::new();
        let (mut compared, mut same) = (0, 0);
        for (request, answer) in requests.iter().zip(answers) {
            let Some((result, took)) = answer else {
                continue;
            };
            compared += 1;
            let route = (request.method.to_string(), request.route.clone());
            let times = routes
                .entry(route.clone())
                .or_insert_with(|| (Times::coarse(), Times::coarse()));
            times.0.add(request.took);
            if let (Ok(_), Some(took)) = (result, took) {
                times.1.add(*took);
            }
            if *result == Ok(request.status) {
                same += 1;
                continue;
            }
            let now = match result {
                Ok(status) => status.as_u16().to_string(),
                Err(failure) => failure.to_string(),
            };
            let difference = differences
                .entry((route, request.status.as_u16(), now))
                .or_insert_with(|| (0, request.uri.to_string()));
            difference.0 += 1;
        }
        let difference = |(((method, route), recorded, now), (count, example))| Difference {
            method,
            route,
            recorded,
            now,
            count,
            example,
        };
        let mut differences: Vec<_> = differences.into_iter().map(difference).collect();
        differences.sort_by_key(|difference| std::cmp::Reverse(difference.count));
        let route =
            |((method, route), (recorded, now)): ((String, String), (Times, Times))| Timing {
                method,
                route,
                recorded_ms: Latency::of(&recorded),
                now_ms: Latency::of(&now),
            };
        let mut routes: Vec<_> = routes.into_iter().map(route).collect();
        routes.sort_by_key(|route| std::cmp::Reverse(route.recorded_ms.count));
        Self {
            compared,
            same,
            differences,
            routes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{Method, StatusCode, Uri};
    use watchfire_schemas::Timestamp;

    use super::*;
    use crate::load::Failure;

    #[test]
    fn differences_are_told_by_route_and_status() {
        let request = |id: u64, route: &str, status| Recorded {
            arrived: Timestamp::from_millis(0),
            method: Method::GET,
            uri: format!("/p/{id}").parse::<Uri>().unwrap(),
            route: route.to_owned(),
            status,
            took: Duration::from_millis(10),
        };
        let (ok, missing) = (StatusCode::OK, StatusCode::NOT_FOUND);
        let requests = [
            request(1, "/p/{id}", ok),
            request(2, "/p/{id}", ok),
            request(3, "/p/{id}", ok),
            request(4, "/q", missing),
            request(5, "/q", ok),
        ];
        let took = Some(Duration::from_millis(20));
        let answers = [
            Some((Ok(ok), took)),
            Some((Ok(missing), took)),
            Some((Ok(missing), took)),
            Some((Err(Failure::Timeout), None)),
            None,
        ];
        let found = Comparison::of(&requests, &answers);
        assert_eq!((found.compared, found.same), (4, 1));
        let told: Vec<_> = found
            .differences
            .iter()
            .map(|one| {
                (
                    one.route.as_str(),
                    one.recorded,
                    one.now.as_str(),
                    one.count,
                    one.example.as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("/p/{id}", 200, "404", 2, "/p/2"),
                ("/q", 404, "no answer in time", 1, "/p/4")
            ]
        );
        assert_eq!(
            (
                found.routes[0].recorded_ms.count,
                found.routes[0].now_ms.count
            ),
            (3, 3)
        );
        assert_eq!(
            (
                found.routes[1].recorded_ms.count,
                found.routes[1].now_ms.count
            ),
            (1, 0)
        );
    }
}
