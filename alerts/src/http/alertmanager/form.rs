//! Fields of a request's body, held to their schema.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value};
use watchfire_schemas::{Timestamp, TimestampError};

use super::answer::failed;

/// Why a body is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    code: u16,
    reason: String,
}

impl Wrong {
    fn missing(path: &str) -> Self {
        Self {
            code: 602,
            reason: format!("{path} in body is required"),
        }
    }

    fn kind(path: &str, expected: &str) -> Self {
        Self {
            code: 601,
            reason: format!("{path} in body must be of type {expected}"),
        }
    }

    pub(super) fn unreadable(what: &str, error: &serde_json::Error) -> Self {
        Self {
            code: 400,
            reason: format!("parsing {what} body from \"\" failed, because {error}"),
        }
    }

    pub(super) fn too_few(path: &str) -> Self {
        Self {
            code: 612,
            reason: format!("{path} in body should have at least 1 items"),
        }
    }

    pub(super) fn into_response(self) -> Response {
        let status = match self.code {
            400 => StatusCode::BAD_REQUEST,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        failed(status, self.code, &self.reason)
    }
}

/// An object at a place in the body.
pub(super) struct Fields<'v> {
    path: String,
    object: &'v Map<String, Value>,
}

impl<'v> Fields<'v> {
    pub(super) fn of(path: &str, value: &'v Value) -> Result<Self, Wrong> {
        let object = value.as_object();
        Ok(Self {
            path: path.to_owned(),
            object: object.ok_or_else(|| Wrong::kind(path, "object"))?,
        })
    }

    fn path(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    /// None also where it is null.
    fn value(&self, name: &str) -> Option<&'v Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn needed(&self, name: &str) -> Result<&'v Value, Wrong> {
        self.value(name)
            .ok_or_else(|| Wrong::missing(&self.path(name)))
    }

    fn optional<T>(
        &self,
        name: &str,
        kind: &str,
        read: impl FnOnce(&'v Value) -> Option<T>,
    ) -> Result<Option<T>, Wrong> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let wrong = || Wrong::kind(&self.path(name), kind);
        read(value).map(Some).ok_or_else(wrong)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<&'v str>, Wrong> {
        self.optional(name, "string", Value::as_str)
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Wrong> {
        self.optional(name, "boolean", Value::as_bool)
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'v Vec<Value>>, Wrong> {
        self.optional(name, "array", Value::as_array)
    }

    /// Go's zero time counts as none.
    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, Wrong> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        if text.is_empty() || text.starts_with("0001-01-01T00:00:00") {
            return Ok(None);
        }
        let wrong = |_| Wrong {
            code: 400,
            reason: format!(
                "{}: {text:?} is not a time as RFC 3339 writes it",
                self.path(name)
            ),
        };
        match text.parse() {
            // As good as never, or always.
            Err(TimestampError::OutOfRange) if *text < *"1970" => Ok(Some(Timestamp::MIN)),
            Err(TimestampError::OutOfRange) => Ok(Some(Timestamp::MAX)),
            read => read.map(Some).map_err(wrong),
        }
    }

    /// Texts by their names.
    pub(super) fn pairs(&self, name: &str) -> Result<Vec<(&'v str, &'v str)>, Wrong> {
        let Some(object) = self.optional(name, "object", Value::as_object)? else {
            return Ok(Vec::new());
        };
        let pair = |(key, value): (&'v String, &'v Value)| {
            let wrong = || Wrong::kind(&format!("{}.{key}", self.path(name)), "string");
            Ok((key.as_str(), value.as_str().ok_or_else(wrong)?))
        };
        object.iter().map(pair).collect()
    }
}
