use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use watchfire_schemas::Timestamp;

use crate::api::{Api, ApiError};
use crate::search::Pages;

/// What a record must have to tell of a request from its arrival to its answer.
const ANSWERED: &str = "http.request.method:* url.path:* http.response.status_code:* \
                        http.server.request.duration:*";
/// Services cut longer paths and queries off in their records.
const LONGEST: usize = 1024;
/// What stands in a record in place of a secret.
const REDACTED: &str = "REDACTED";

/// The requests that some records tell of, in the order in which they arrived.
#[derive(Debug, Default)]
pub(super) struct Recording {
    pub(super) requests: Vec<Recorded>,
    pub(super) left_out: BTreeMap<LeftOut, u64>,
    /// How many records there are at least, if not all were read.
    pub(super) unread: Option<u64>,
}

/// A request as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Recorded {
    pub(super) arrived: Timestamp,
    pub(super) method: Method,
    /// Path and query.
    pub(super) uri: Uri,
    /// Its template, or the path where the record has none.
    pub(super) route: String,
    pub(super) status: StatusCode,
    /// As its server saw it.
    pub(super) took: Duration,
}

/// Why a recorded request is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LeftOut {
    /// Of another method than is asked for.
    Method,
    /// A value of the query was a secret, and is not in the record.
    Redacted,
    /// Path or query are longer than records keep.
    CutOff,
    /// The record holds something that is no request.
    Unreadable,
}

/// What we read of a record.
#[derive(Debug, Deserialize)]
struct Line {
    timestamp: Timestamp,
    #[serde(rename = "http.request.method")]
    method: String,
    #[serde(rename = "url.path")]
    path: String,
    #[serde(rename = "url.query")]
    query: Option<String>,
    #[serde(rename = "http.route")]
    route: Option<String>,
    #[serde(rename = "http.response.status_code")]
    status: u16,
    /// In seconds.
    #[serde(rename = "http.server.request.duration")]
    duration: f64,
}

impl Recording {
    /// Reads page by page what a server has, newest first, and puts it into its order.
    pub(super) async fn read(
        api: &Api,
        query: &str,
        (start, end): (Timestamp, Timestamp),
        methods: &[Method],
        limit: u64,
    ) -> Result<Self, ApiError> {
        let query = if query.trim().is_empty() {
            ANSWERED.to_owned()
        } else {
            format!("({query}) {ANSWERED}")
        };
        let mut recording = Self::default();
        let mut pages = Pages::new(api, &query, start, Some(end));
        let mut read = 0;
        while let Some(page) = pages.next(limit - read).await? {
            read += page.records.len() as u64;
            for record in &page.records {
                recording.add(record.get(), methods);
            }
            if page.partial || (read >= limit && page.next.is_some()) {
                recording.unread = Some(page.total.max(read));
            }
            if read >= limit {
                break;
            }
        }
        recording.requests.sort_by_key(|request| request.arrived);
        Ok(recording)
    }

    fn add(&mut self, record: &str, methods: &[Method]) {
        match request(record, methods) {
            Ok(request) => self.requests.push(request),
            Err(why) => *self.left_out.entry(why).or_default() += 1,
        }
    }

    /// What a reader must know to read the outcome rightly.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(total) = self.unread {
            let found = self.requests.len() + self.left_out.values().sum::<u64>() as usize;
            notes.push(format!(
                "{found} of at least {total} records were read, the newest; --limit, --start and --end choose others"
            ));
        }
        for (why, count) in &self.left_out {
            let told = match why {
                LeftOut::Method => "of methods that --methods does not name",
                LeftOut::Redacted => "whose query held a secret, which records do not keep",
                LeftOut::CutOff => "whose path or query is longer than records keep",
                LeftOut::Unreadable => "that cannot be read",
            };
            notes.push(format!("{count} requests are left out {told}"));
        }
        let needs_body = |request: &&Recorded| {
            [Method::POST, Method::PUT, Method::PATCH].contains(&request.method)
        };
        let bodiless = self.requests.iter().filter(needs_body).count();
        if bodiless > 0 {
            notes.push(format!(
                "{bodiless} requests of POST, PUT or PATCH are sent without their bodies, which records do not hold"
            ));
        }
        notes
    }
}

/// The request that a record tells of.
fn request(record: &str, methods: &[Method]) -> Result<Recorded, LeftOut> {
    let unreadable = |_| LeftOut::Unreadable;
    let line: Line = serde_json::from_str(record).map_err(unreadable)?;
    let method: Method = line.method.parse().map_err(|_| LeftOut::Unreadable)?;
    if !methods.contains(&method) {
        return Err(LeftOut::Method);
    }
    let query = line.query.unwrap_or_default();
    if line.path.len() >= LONGEST || query.len() >= LONGEST {
        return Err(LeftOut::CutOff);
    }
    if query.contains(REDACTED) {
        return Err(LeftOut::Redacted);
    }
    let text = if query.is_empty() {
        line.path.clone()
    } else {
        format!("{}?{query}", line.path)
    };
    if !text.starts_with('/') {
        return Err(LeftOut::Unreadable);
    }
    let took = Duration::try_from_secs_f64(line.duration).map_err(|_| LeftOut::Unreadable)?;
    Ok(Recorded {
        // A record is written when the answer is there.
        arrived: line.timestamp - took,
        method,
        uri: text.parse().map_err(|_| LeftOut::Unreadable)?,
        route: line.route.unwrap_or(line.path),
        status: StatusCode::from_u16(line.status).map_err(|_| LeftOut::Unreadable)?,
        took,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const METHODS: [Method; 2] = [Method::GET, Method::HEAD];

    fn record(changes: &[(&str, Value)]) -> String {
        let mut record = json!({
            "id": "1", "timestamp": "2026-11-22T05:00:02.5Z", "severity": "INFO",
            "service.name": "gateway", "message": "GET /api/places/{id} answered 200",
            "http.request.method": "GET", "url.path": "/api/places/7", "http.route": "/api/places/{id}",
            "http.response.status_code": 200, "http.server.request.duration": 0.5,
        });
        for (key, value) in changes {
            record[*key] = value.clone();
        }
        record.to_string()
    }

    fn read(changes: &[(&str, Value)]) -> Result<Recorded, LeftOut> {
        request(&record(changes), &METHODS)
    }

    #[test]
    fn a_record_tells_when_the_request_arrived_and_what_it_was() {
        let request = read(&[("url.query", json!("lang=de&page[size]=5"))]).unwrap();
        assert_eq!(request.arrived.to_string(), "2026-11-22T05:00:02Z");
        assert_eq!(request.uri, "/api/places/7?lang=de&page[size]=5");
        assert_eq!(
            (request.route.as_str(), request.status.as_u16()),
            ("/api/places/{id}", 200)
        );
        let plain = read(&[("http.route", Value::Null)]).unwrap();
        assert_eq!(
            (plain.route.as_str(), plain.uri.to_string().as_str()),
            ("/api/places/7", "/api/places/7")
        );
    }

    #[test]
    fn what_cannot_be_sent_is_left_out_with_the_reason() {
        let check = |key: &str, value: Value, why: LeftOut| {
            assert_eq!(read(&[(key, value.clone())]), Err(why), "{key} {value}");
        };
        check("http.request.method", json!("POST"), LeftOut::Method);
        check("url.query", json!("a=1&token=REDACTED"), LeftOut::Redacted);
        check("url.query", json!("x".repeat(1024)), LeftOut::CutOff);
        check("url.path", json!("places"), LeftOut::Unreadable);
        check("url.path", json!("/a b"), LeftOut::Unreadable);
        check(
            "http.server.request.duration",
            json!(-1.0),
            LeftOut::Unreadable,
        );
        check("http.response.status_code", json!(9), LeftOut::Unreadable);
        let mut recording = Recording::default();
        recording.add(&record(&[("http.request.method", json!("POST"))]), &METHODS);
        recording.add(
            &record(&[("http.request.method", json!("POST"))]),
            &[Method::POST],
        );
        let notes = recording.notes().join("\n");
        assert!(
            notes.contains("1 requests are left out of methods"),
            "{notes}"
        );
        assert!(
            notes.contains("1 requests of POST, PUT or PATCH"),
            "{notes}"
        );
    }
}
