use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use promql_parser::util::parse_duration;
use watchfire_schemas::{TimeRange, Timestamp};

use super::reply::ApiError;
use crate::Selector;

/// The most that a form may be long.
const MOST_BYTES: usize = 1 << 20;

/// The parameters of a request: those of the query, and of a form that was posted. Names may come
/// more than once.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let query = request
            .uri()
            .query()
            .unwrap_or_default()
            .as_bytes()
            .to_vec();
        let is_form = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        let mut pairs = VecDeque::from(decoded(&query));
        if request.method() == Method::POST && is_form {
            let body = Bytes::from_request(request, state).await;
            let body = body.map_err(|error| ApiError::bad_data(error.to_string()))?;
            if body.len() > MOST_BYTES {
                return Err(ApiError::bad_data("the form is too large"));
            }
            // What is posted comes before what stands in the address.
            for pair in decoded(&body).into_iter().rev() {
                pairs.push_front(pair);
            }
        }
        Ok(Self(pairs.into()))
    }
}

impl Params {
    /// The first value of a name; an empty one counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let first = self.0.iter().find(|(other, _)| other == name);
        first
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        self.get(name)
            .map(|text| {
                parse_time(text).ok_or_else(|| {
                    ApiError::invalid(name, &format!("cannot parse {text:?} to a valid timestamp"))
                })
            })
            .transpose()
    }

    pub(super) fn required_time(&self, name: &str) -> Result<Timestamp, ApiError> {
        self.time(name)?
            .ok_or_else(|| ApiError::invalid(name, "cannot parse \"\" to a valid timestamp"))
    }

    pub(super) fn duration(&self, name: &str) -> Result<Option<Duration>, ApiError> {
        self.get(name)
            .map(|text| {
                read_duration(text).ok_or_else(|| {
                    ApiError::invalid(name, &format!("cannot parse {text:?} to a valid duration"))
                })
            })
            .transpose()
    }

    /// The range from `start` to `end`, `end` included.
    pub(super) fn range(&self) -> Result<TimeRange, ApiError> {
        let start = self.time("start")?.unwrap_or(TimeRange::ALL.start);
        let end = self.time("end")?.unwrap_or(TimeRange::ALL.end);
        if end < start {
            return Err(ApiError::bad_data(
                "end timestamp must not be before start time",
            ));
        }
        let end = end + Duration::from_millis(1);
        Ok(TimeRange { start, end })
    }

    /// The selectors `match[]`.
    pub(super) fn selectors(&self) -> Result<Vec<Selector>, ApiError> {
        let texts = self.0.iter().filter(|(name, _)| name == "match[]");
        texts
            .map(|(_, text)| {
                Selector::parse(text).map_err(|error| {
                    let text = error.to_string();
                    let reason = text.strip_prefix("invalid parameter \"query\": ");
                    ApiError::invalid("match[]", reason.unwrap_or(&text))
                })
            })
            .collect()
    }

    /// The most results that are wanted; 0 stands for all.
    pub(super) fn limit(&self) -> Result<usize, ApiError> {
        match self.get("limit").map(str::parse::<i64>) {
            None | Some(Ok(0)) => Ok(usize::MAX),
            Some(Ok(limit)) => usize::try_from(limit)
                .map_err(|_| ApiError::invalid("limit", "limit must be non-negative")),
            Some(Err(_)) => Err(ApiError::invalid("limit", "limit must be a number")),
        }
    }
}

/// What clients send that mean the earliest and the latest time there is.
const EARLIEST: &str = "-292273086-05-16T16:47:06Z";
const LATEST: &str = "292277025-08-18T07:12:54.999999999Z";

/// Seconds since the epoch with a fraction, or RFC 3339.
fn parse_time(text: &str) -> Option<Timestamp> {
    match text {
        EARLIEST => return Some(TimeRange::ALL.start),
        LATEST => return Some(TimeRange::ALL.end),
        _ => {}
    }
    if let Ok(seconds) = text.parse::<f64>() {
        let millis = (seconds * 1000.0).round();
        return millis
            .is_finite()
            .then(|| Timestamp::from_millis(millis as i64));
    }
    text.parse().ok()
}

/// Seconds with a fraction, or as PromQL writes it.
fn read_duration(text: &str) -> Option<Duration> {
    match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => parse_duration(text).ok(),
    }
}

/// The pairs of a form.
fn decoded(form: &[u8]) -> Vec<(String, String)> {
    let pairs = form
        .split(|&byte| byte == b'&')
        .filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let middle = pair
                .iter()
                .position(|&byte| byte == b'=')
                .unwrap_or(pair.len());
            let value = pair.get(middle + 1..).unwrap_or_default();
            (unescaped(&pair[..middle]), unescaped(value))
        })
        .collect()
}

fn unescaped(text: &[u8]) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push((high * 16 + low) as u8);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let pairs = decoded(b"query=a%7Bb%3D%22c%22%7D+%2B+1&match[]=x&match[]=y&bad=%zz&empty");
        let pairs: Vec<_> = pairs
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()))
            .collect();
        assert_eq!(
            pairs,
            [
                ("query", "a{b=\"c\"} + 1"),
                ("match[]", "x"),
                ("match[]", "y"),
                ("bad", "%zz"),
                ("empty", "")
            ]
        );
    }

    #[test]
    fn times_and_durations_come_in_two_forms() {
        let at = Some(Timestamp::from_millis(1500));
        assert_eq!(parse_time("1.5"), at);
        assert_eq!(parse_time("1970-01-01T00:00:01.5Z"), at);
        assert_eq!(parse_time("soon"), None);
        assert_eq!(parse_time(EARLIEST), Some(TimeRange::ALL.start));
        assert_eq!(parse_time("NaN"), None);
        assert_eq!(read_duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(read_duration("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(read_duration("-1"), None);
    }
}
