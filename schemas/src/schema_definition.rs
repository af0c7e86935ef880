//! A schema as somebody registers it: which records it is for, what happens to those that break
//! it, and the JSON Schema itself. Plain data; what it compiles to is a contract.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::Timestamp;

/// What is registered. The same shape in the API, in the data directory and in lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SchemaDefinition {
    /// What it is called; with the version it is its identity.
    pub name: String,
    /// Which of the versions that live side by side.
    #[serde(default)]
    pub version: SchemaVersion,
    /// It is for records with this `event_name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_name: Option<String>,
    /// It is for records of this service. With an `event_name` as well, both must fit; with
    /// neither, it is a document that others may refer to and judges nothing itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What happens to a record that breaks it.
    #[serde(default)]
    pub policy: SchemaPolicy,
    /// It speaks of the value of this key (dotted path) rather than of the whole record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Whether `format` is held, where it is not to be as the draft has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formats: Option<FormatRule>,
    /// By what address others refer to it; its `$id` if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// Whether it judges. One that does not is kept, so that what it said can be read.
    #[serde(default = "yes")]
    pub active: bool,
    /// When it came.
    #[serde(default)]
    pub registered_at: Timestamp,
    /// The JSON Schema: draft 2020-12, or draft 7 by its `$schema`.
    pub schema: Value,
}

/// What happens to a record that breaks its contract. From mild to strict.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum SchemaPolicy {
    /// It is accepted, counted and marked.
    Warn,
    /// It is kept apart, with the reason, and can be replayed.
    #[default]
    Quarantine,
    /// It is refused; the answer says which and why.
    Reject,
}

/// Whether `format` is an assertion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FormatRule {
    /// A value that has not its format breaks the contract. The default of draft 7.
    Assert,
    /// It says something about the value and holds nobody to it. The default of 2020-12.
    Annotate,
}

/// A version: numbers with dots are ordered as numbers, anything else as text. Empty: not said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
pub struct SchemaVersion(String);

/// Why a definition cannot be registered, before its schema is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct DefinitionError {
    /// Which field.
    pub field: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl SchemaDefinition {
    /// The longest name, version, event name or service.
    pub const MOST_NAME: usize = 256;

    /// How it is called with its version: `order.v2`.
    pub fn id(&self) -> String {
        format!("{}.v{}", self.name, self.version)
    }

    /// Whether it judges no record and is there to be referred to.
    pub fn is_shared(&self) -> bool {
        self.event_name.is_none() && self.service.is_none()
    }

    /// By what address others refer to it.
    pub fn address(&self) -> Option<&str> {
        let own = || self.schema.get("$id").and_then(Value::as_str);
        self.uri.as_deref().or_else(own)
    }

    /// Checks all but the schema.
    pub fn check(&self) -> Result<(), DefinitionError> {
        check_name("name", &self.name)?;
        check_name("version", self.version.as_str())?;
        let texts = [
            ("event_name", &self.event_name),
            ("service", &self.service),
            ("at", &self.at),
        ];
        for (field, text) in texts {
            let Some(text) = text else { continue };
            if text.is_empty() || text.len() > Self::MOST_NAME {
                return Err(DefinitionError {
                    field,
                    reason: format!("expected 1 to {} bytes", Self::MOST_NAME),
                });
            }
        }
        if self.name == "log_record" {
            return Err(DefinitionError {
                field: "name",
                reason: "log_record is the contract of every line; refine it under another name"
                    .to_owned(),
            });
        }
        Ok(())
    }
}

/// A name is part of a file name, of a path and of a label.
fn check_name(field: &'static str, name: &str) -> Result<(), DefinitionError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fits = (1..=128).contains(&name.len())
        && name.bytes().all(is_plain)
        && name.as_bytes()[0].is_ascii_alphanumeric();
    if fits {
        return Ok(());
    }
    Err(DefinitionError {
        field,
        reason: format!(
            "expected 1 to 128 of a-z A-Z 0-9 . _ - that begin with a letter or digit, found {name:?}"
        ),
    })
}

impl SchemaPolicy {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

impl SchemaVersion {
    /// A version; a leading `v` is not part of it.
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        let bare = text
            .strip_prefix('v')
            .filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
        Self(bare.unwrap_or(text).to_owned())
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The one after it, by its first number.
    #[must_use]
    pub fn next(&self) -> Self {
        let first = self.0.split('.').next().unwrap_or_default();
        let number: u64 = first.parse().unwrap_or(0);
        Self(number.saturating_add(1).to_string())
    }
}

impl Ord for SchemaVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        let parts = |text: &str| -> Option<Vec<u64>> {
            text.split('.').map(|part| part.parse().ok()).collect()
        };
        match (parts(&self.0), parts(&other.0)) {
            (Some(a), Some(b)) => a.cmp(&b).then_with(|| self.0.cmp(&other.0)),
            // A version that is no number is older than any that is.
            (Some(_), None) => Ordering::Greater,
            (None, Some(_)) => Ordering::Less,
            (None, None) => self.0.cmp(&other.0),
        }
    }
}

impl PartialOrd for SchemaVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A number is as good as a text.
impl<'de> Deserialize<'de> for SchemaVersion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self::new(&text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err(serde::de::Error::custom("expected a version: 2 or \"2.1\"")),
        }
    }
}

const fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_ordered_as_numbers() {
        let mut versions = ["10", "9", "1.10", "1.9", "beta", "2"].map(SchemaVersion::new);
        versions.sort();
        let told: Vec<&str> = versions.iter().map(SchemaVersion::as_str).collect();
        assert_eq!(told, ["beta", "1.9", "1.10", "2", "9", "10"]);
        assert_eq!(SchemaVersion::new("v2.7").next(), SchemaVersion::new("3"));
        assert_eq!(SchemaVersion::default().next(), SchemaVersion::new("1"));
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let read = |value| serde_json::from_value::<SchemaDefinition>(value);
        let given = json!({"name": "order", "version": 2, "service": "shop", "schema": true});
        let definition = read(given).unwrap();
        assert_eq!(definition.id(), "order.v2");
        assert_eq!(definition.policy, SchemaPolicy::Quarantine);
        assert!(definition.active && !definition.is_shared());
        assert_eq!(definition.check(), Ok(()));
        let again = serde_json::to_value(&definition).unwrap();
        assert_eq!(read(again).unwrap(), definition);
        assert!(read(json!({"name": "a", "schema": {}, "event": "typo"})).is_err());
    }

    #[test]
    fn names_are_plain() {
        let check = |name: &str, version: &str| {
            let given = json!({"name": name, "version": version, "schema": {}});
            let definition: SchemaDefinition = serde_json::from_value(given).unwrap();
            definition.check().err().map(|error| error.field)
        };
        assert_eq!(check("order.placed-1", "1"), None);
        assert_eq!(check("../order", "1"), Some("name"));
        assert_eq!(check("", "1"), Some("name"));
        assert_eq!(check("a", "1/2"), Some("version"));
        assert_eq!(check("log_record", "2"), Some("name"));
    }
}
