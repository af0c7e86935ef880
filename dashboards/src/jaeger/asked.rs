use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use watchfire_schemas::{TimeRange, Timestamp};

use super::Failure;
use crate::params::Params;
use crate::query_text;

/// What a search of Jaeger's asks, in our language.
#[derive(Debug, PartialEq)]
pub(super) struct SearchAsked {
    pub(super) query: String,
    pub(super) range: TimeRange,
    pub(super) limit: usize,
}

const LIMIT: usize = 20;
const MOST: usize = 1_500;

fn wrong(message: String) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, message)
}

pub(super) fn required(params: &Params, name: &str) -> Result<String, Failure> {
    let found = params.get(name).map(str::to_owned);
    found.ok_or_else(|| wrong(format!("parameter '{name}' is required")))
}

impl SearchAsked {
    pub(super) fn read(params: &Params, now: Timestamp) -> Result<Self, Failure> {
        let mut clauses = vec![query_text::term("service", &required(params, "service")?)];
        if let Some(operation) = params.get("operation").filter(|name| *name != "all") {
            clauses.push(query_text::term("name", operation));
        }
        for (key, value) in tags(params)? {
            clauses.push(clause_of_tag(&key, &value));
        }
        for (name, sign) in [("minDuration", ">="), ("maxDuration", "<=")] {
            if let Some(text) = params.get(name) {
                let nanos = go_duration(text).ok_or_else(|| {
                    wrong(format!("unable to parse param '{name}': expected a duration such as 1.5s, found {text:?}"))
                })?;
                clauses.push(format!("duration:{sign}{}ns", nanos.as_nanos()));
            }
        }
        let limit = match params.get("limit") {
            None => LIMIT,
            Some(text) => text
                .parse::<usize>()
                .map_err(|_| wrong(format!("unable to parse param 'limit': {text:?}")))?,
        };
        Ok(Self {
            query: clauses.join(" "),
            range: range(params, now)?,
            limit: limit.clamp(1, MOST),
        })
    }
}

/// `tags` holds a JSON object, `tag` a `key:value` each.
fn tags(params: &Params) -> Result<Vec<(String, String)>, Failure> {
    let mut tags = Vec::new();
    for text in params.all("tag") {
        let (key, value) = text.split_once(':').ok_or_else(|| {
            wrong(format!(
                "malformed 'tag' parameter, expecting key:value, received: {text}"
            ))
        })?;
        tags.push((key.to_owned(), value.to_owned()));
    }
    for text in params.all("tags") {
        let object: serde_json::Map<String, Value> =
            serde_json::from_str(text).map_err(|error| {
                wrong(format!(
                    "malformed 'tags' parameter, cannot unmarshal JSON: {error}"
                ))
            })?;
        for (key, value) in object {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            tags.push((key, value));
        }
    }
    Ok(tags)
}

/// What Jaeger has as tags stands in fields of its own here.
fn clause_of_tag(key: &str, value: &str) -> String {
    match (key, value) {
        ("error", "true") => "status:error".to_owned(),
        ("error", "false") => "-status:error".to_owned(),
        ("span.kind", kind) => query_text::term("kind", kind),
        ("otel.status_code", code) => query_text::term("status", &code.to_ascii_lowercase()),
        _ => query_text::term(key, value),
    }
}

/// `start` and `end` in microseconds, else the last hour or `lookback`.
fn range(params: &Params, now: Timestamp) -> Result<TimeRange, Failure> {
    let micros = |name: &str| {
        let Some(text) = params.get(name) else {
            return Ok::<_, Failure>(None);
        };
        let micros: i64 = text.parse().map_err(|_| {
            wrong(format!(
                "unable to parse param '{name}': expected microseconds, found {text:?}"
            ))
        })?;
        Ok(Some(Timestamp::from_nanos(micros.saturating_mul(1_000))))
    };
    let end = micros("end")?.unwrap_or(now);
    let lookback = params.get("lookback").and_then(go_duration);
    let lookback = lookback.unwrap_or(Duration::from_hours(1));
    Ok(TimeRange {
        start: micros("start")?.unwrap_or(end - lookback),
        end,
    })
}

/// `1.5s`, `1h30m`, `100us`, as Go writes durations; days, which Jaeger's page sends, too.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let scale = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * scale;
        rest = after;
    }
    let is_some = !text.trim().is_empty();
    is_some.then(|| Duration::try_from_secs_f64(seconds).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: Result<&str, &str>) {
        let found = SearchAsked::read(&Params::parse(query), Timestamp::from_secs(10_000));
        let found = found
            .map(|asked| asked.query)
            .map_err(|failure| failure.message);
        match expected {
            Ok(query) => assert_eq!(found.as_deref(), Ok(query)),
            Err(part) => assert!(found.as_ref().unwrap_err().contains(part), "{found:?}"),
        }
    }

    #[test]
    fn a_search_becomes_a_query() {
        check(
            "service=shop&operation=GET+/x&minDuration=1.5s&maxDuration=2m",
            Ok("service:shop name:\"GET /x\" duration:>=1500000000ns duration:<=120000000000ns"),
        );
        check(
            "service=shop&tags=%7B%22error%22%3A%22true%22%2C%22http.status_code%22%3A500%7D",
            Ok("service:shop status:error http.status_code:500"),
        );
        check(
            "service=shop&tag=span.kind:server&tag=tenant:acme",
            Ok("service:shop kind:server tenant:acme"),
        );
        check("", Err("'service' is required"));
        check("service=a&minDuration=soon", Err("minDuration"));
        check("service=a&tags=%7B", Err("tags"));
        check("service=a&start=now", Err("start"));
    }

    #[test]
    fn times_are_microseconds() {
        let read =
            |query: &str| SearchAsked::read(&Params::parse(query), Timestamp::from_secs(10_000));
        let found = read("service=a&start=5000000&end=6000000&limit=9999")
            .ok()
            .unwrap();
        assert_eq!(
            (found.range.start, found.range.end),
            (Timestamp::from_secs(5), Timestamp::from_secs(6))
        );
        assert_eq!(found.limit, MOST);
        let found = read("service=a&lookback=1h30m").ok().unwrap();
        assert_eq!(found.range.start, Timestamp::from_secs(4_600));
    }
}
