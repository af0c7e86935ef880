//! The query string of a request, read once and complained about by name.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use http::Uri;
use http::request::Parts;
use watchfire_schemas::Timestamp;

/// A parameter that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub(crate) struct BadParam {
    pub(crate) name: &'static str,
    pub(crate) reason: String,
}

impl BadParam {
    pub(crate) fn new(name: &'static str, reason: impl Into<String>) -> Self {
        Self {
            name,
            reason: reason.into(),
        }
    }
}

/// The parameters of a query string. Of a name that comes twice the first value counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    fn from_uri(uri: &Uri) -> Self {
        Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map(|Query(pairs)| Self(pairs))
            .unwrap_or_default()
    }

    /// As if a URL had said them.
    pub(crate) fn from_pairs(pairs: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self(pairs.iter().map(owned).collect())
    }

    #[cfg(test)]
    pub(crate) fn parse(query: &str) -> Self {
        Self::from_uri(&format!("/?{query}").parse().unwrap())
    }

    /// A parameter's value; an empty one is as good as none.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// All values of a parameter that may come several times.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|(other, _)| other == name);
        found.map(|(_, value)| value.trim()).collect()
    }

    /// A parameter's value even if it is empty; none if it is not there.
    pub(crate) fn given(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.trim().to_owned())
    }

    /// The values of a parameter that is a list, parted by commas.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        let items = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_owned()
    }

    /// RFC 3339, the same without its zone (UTC, as a form sends it), or seconds since the epoch.
    pub(crate) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, BadParam> {
        self.get(name)
            .map(|text| {
                read_time(text).ok_or_else(|| {
                    BadParam::new(
                        name,
                        "expected an RFC 3339 time such as 2026-11-22T05:57:27Z, or seconds since 1970",
                    )
                })
            })
            .transpose()
    }

    /// A number of things, clamped to `0..=most`.
    pub(crate) fn count(
        &self,
        name: &'static str,
        default: usize,
        most: usize,
    ) -> Result<usize, BadParam> {
        let Some(text) = self.get(name) else {
            return Ok(default);
        };
        match text.parse::<i64>() {
            Ok(count) => Ok(usize::try_from(count).unwrap_or(0).min(most)),
            Err(_) => Err(BadParam::new(name, "expected a whole number")),
        }
    }

    /// A limit, clamped to `1..=most`.
    pub(crate) fn limit(&self, default: usize, most: usize) -> Result<usize, BadParam> {
        let Some(text) = self.get("limit") else {
            return Ok(default);
        };
        match text.parse::<i64>() {
            Ok(limit) => Ok(usize::try_from(limit).unwrap_or(1).clamp(1, most)),
            Err(_) => Err(BadParam::new("limit", "expected a whole number")),
        }
    }
}

/// A time as a person or a form writes it.
pub(crate) fn read_time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<f64>() {
        let is_plausible = seconds.is_finite() && seconds.abs() < 9e9;
        return is_plausible.then(|| Timestamp::from_millis((seconds * 1e3).round() as i64));
    }
    let zoned = [text.to_owned(), format!("{text}Z"), format!("{text}:00Z")];
    zoned.iter().find_map(|text| text.parse().ok())
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::from_uri(&parts.uri))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_clamped_and_times_read() {
        let limit = |query: &str| Params::parse(query).limit(100, 1000);
        assert_eq!(limit(""), Ok(100));
        assert_eq!(limit("limit=5000000"), Ok(1000));
        assert_eq!(limit("limit=-5"), Ok(1));
        assert_eq!(limit("limit=many").unwrap_err().name, "limit");
        assert_eq!(
            read_time("1795327047.5").map(|at| at.to_string()),
            Some("2026-11-22T05:57:27.500Z".to_owned())
        );
        assert_eq!(read_time("1e300"), None);
        assert_eq!(read_time("2026-11-22"), None);
    }
}
