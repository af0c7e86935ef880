use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use http_body_util::Full;
use rand::rngs::StdRng;

use super::recording::Recording;
use crate::cli::Speed;
use crate::load::{AGENT, Ended, Failure, Moments, Origin, Script, Target, Written, header};

/// How a request was answered now, and how long that took from its sending.
pub(super) type Answer = (Result<StatusCode, Failure>, Option<Duration>);

/// A recording on its way to a target.
#[derive(Debug)]
pub(super) struct Replayed {
    pub(super) recording: Recording,
    pub(super) origin: Origin,
    /// Says the headers.
    target: Target,
    uris: Vec<Uri>,
    moments: Vec<Duration>,
    /// By the number of the request; None until it ended.
    answers: Mutex<Vec<Option<Answer>>>,
}

impl Replayed {
    pub(super) fn new(
        recording: Recording,
        to: &str,
        headers: &[String],
        speed: Speed,
    ) -> Result<Self, String> {
        let written = Written {
            url: to.to_owned(),
            headers: headers
                .iter()
                .map(|text| header(text))
                .collect::<Result<_, _>>()?,
            ..Written::default()
        };
        let target = Target::read(&written, Path::new("."), AGENT)?;
        let (origin, before) = Origin::split(to).map_err(|error| error.to_string())?;
        if before.contains(['?', '{']) {
            return Err(format!(
                "{to:?} has more than a path, which recorded paths cannot follow"
            ));
        }
        let before = before.trim_end_matches('/');
        let prefixed = |uri: &Uri| format!("{before}{uri}").parse::<Uri>();
        let uris = recording
            .requests
            .iter()
            .map(|request| prefixed(&request.uri));
        let uris = uris
            .collect::<Result<_, _>>()
            .map_err(|error| error.to_string())?;
        let first = recording
            .requests
            .first()
            .map_or(0, |first| first.arrived.nanos());
        let moment = |at: i64| {
            let since = Duration::from_nanos(at.saturating_sub(first).unsigned_abs());
            match speed {
                Speed::Times(factor) => since.div_f64(factor),
                Speed::Max => Duration::ZERO,
            }
        };
        let arrivals = recording.requests.iter();
        let moments = arrivals
            .map(|request| moment(request.arrived.nanos()))
            .collect();
        Ok(Self {
            answers: Mutex::new(vec![None; recording.requests.len()]),
            recording,
            origin,
            target,
            uris,
            moments,
        })
    }

    /// By the number of the request.
    pub(super) fn answers(&self) -> Vec<Option<Answer>> {
        let answers = self.answers.lock();
        answers.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Script for Replayed {
    fn moments(&self) -> Moments {
        Box::new(self.moments.clone().into_iter())
    }

    fn length(&self) -> Duration {
        self.moments.last().copied().unwrap_or_default()
    }

    fn targets(&self) -> usize {
        1
    }

    fn target(&self, _number: u64, _dice: &mut StdRng) -> usize {
        0
    }

    fn host(&self, _target: usize) -> usize {
        0
    }

    fn request(&self, number: u64, _target: usize, dice: &mut StdRng) -> Request<Full<Bytes>> {
        let place = number as usize;
        let mut request = self.target.request(number, dice);
        *request.method_mut() = self.recording.requests[place].method.clone();
        *request.uri_mut() = self.uris[place].clone();
        request
    }

    fn is_expected(&self, number: u64, _target: usize, status: StatusCode) -> bool {
        self.recording.requests[number as usize].status == status
    }

    fn ended(&self, ended: &Ended) {
        let answers = self.answers.lock();
        let mut answers = answers.unwrap_or_else(PoisonError::into_inner);
        answers[ended.number as usize] = Some((ended.result, ended.service));
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use rand::SeedableRng as _;
    use watchfire_schemas::Timestamp;

    use super::super::recording::Recorded;
    use super::*;

    fn replayed(to: &str, speed: Speed) -> Result<Replayed, String> {
        let request = |millis: i64, uri: &'static str| Recorded {
            arrived: Timestamp::from_millis(1_000_000 + millis),
            method: Method::HEAD,
            uri: Uri::from_static(uri),
            route: uri.to_owned(),
            status: StatusCode::OK,
            took: Duration::ZERO,
        };
        let recording = Recording {
            requests: vec![
                request(0, "/a"),
                request(250, "/b?c=1"),
                request(1_000, "/d"),
            ],
            ..Recording::default()
        };
        Replayed::new(recording, to, &["x-api-key: k".to_owned()], speed)
    }

    #[test]
    fn the_spacing_is_as_recorded_and_the_speed_divides_it() {
        let millis = |speed| {
            let replayed = replayed("http://a", speed).unwrap();
            replayed
                .moments()
                .map(|moment| moment.as_millis())
                .collect::<Vec<_>>()
        };
        assert_eq!(millis(Speed::Times(1.0)), [0, 250, 1000]);
        assert_eq!(millis(Speed::Times(10.0)), [0, 25, 100]);
        assert_eq!(millis(Speed::Times(0.5)), [0, 500, 2000]);
        assert_eq!(millis(Speed::Max), [0, 0, 0]);
    }

    #[test]
    fn requests_are_as_recorded_under_the_targets_path() {
        let replayed = replayed("http://a:1/base/", Speed::Max).unwrap();
        let request = replayed.request(1, 0, &mut StdRng::seed_from_u64(1));
        assert_eq!(
            (request.method(), request.uri().to_string()),
            (&Method::HEAD, "/base/b?c=1".to_owned())
        );
        assert_eq!(
            (&request.headers()["host"], &request.headers()["x-api-key"]),
            (&"a:1".parse().unwrap(), &"k".parse().unwrap())
        );
        assert!(
            replayed.is_expected(1, 0, StatusCode::OK)
                && !replayed.is_expected(1, 0, StatusCode::NOT_FOUND)
        );
    }

    #[test]
    fn a_target_that_cannot_be_is_told() {
        for wrong in ["ftp://a", "http://a/?b=c", "http://a/{{seq}}", ""] {
            assert!(replayed(wrong, Speed::Max).is_err(), "{wrong}");
        }
    }
}
