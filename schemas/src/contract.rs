mod cost;
mod documents;
mod reading;

use std::fmt;

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{FormatRule, LOG_RECORD_V1};
pub use documents::Documents;
pub(crate) use reading::Reading;

/// A compiled JSON Schema that records are held against.
pub struct Contract {
    name: String,
    validator: Validator,
}

/// One way in which a record breaks its contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// The place in the record, as a JSON pointer; empty for the record as a whole.
    pub instance_path: String,
    /// The place in the schema, as a JSON pointer.
    pub schema_path: String,
    /// What is wrong.
    pub message: String,
}

/// Why a text is no usable schema.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Not JSON.
    #[error("the schema is not JSON")]
    NotJson(#[source] serde_json::Error),
    /// JSON, but not a schema.
    #[error("the schema is not valid at {}: {reason}", if .path.is_empty() { "its root" } else { .path.as_str() })]
    NotASchema {
        /// The place in the schema, as a JSON pointer.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

impl CompileError {
    /// The place in the schema, as a JSON pointer.
    pub fn path(&self) -> &str {
        match self {
            Self::NotJson(_) => "",
            Self::NotASchema { path, .. } => path,
        }
    }

    fn at(path: &str, reason: impl Into<String>) -> Self {
        Self::NotASchema {
            path: path.to_owned(),
            reason: reason.into(),
        }
    }
}

impl Contract {
    /// How many violations of one record are told; the rest say the same again.
    pub const MAX_VIOLATIONS: usize = 16;
    /// A pattern that looks around or back is tried so many times before it counts as broken. All
    /// other patterns take time in proportion to the text.
    const MOST_BACKTRACKS: usize = 20_000;
    /// What one compiled pattern may take in memory.
    const MOST_PATTERN_BYTES: usize = 1 << 20;

    /// The contract of a log line, version 1.
    pub fn log_record_v1() -> Self {
        Self::compile("log_record.v1", LOG_RECORD_V1)
            .expect("our own schema is valid, a test holds it")
    }

    /// Compiles a schema of ours. Formats are asserted; nothing is fetched from elsewhere.
    pub fn compile(name: &str, schema: &str) -> Result<Self, CompileError> {
        let schema: Value = serde_json::from_str(schema).map_err(CompileError::NotJson)?;
        Self::build(
            name,
            &schema,
            (Some(FormatRule::Assert), None),
            &Documents::default(),
        )
    }

    /// Compiles a schema of anybody: draft 2020-12, or draft 7 if its `$schema` says so. `$ref`
    /// may lead into `documents`; nothing is fetched from elsewhere. `format` is held as `formats`
    /// says, else as the draft has it. Relative references start from `address`, if it is known
    /// by one besides its `$id`. A schema that could take for ever is refused.
    pub fn build(
        name: &str,
        schema: &Value,
        (formats, address): (Option<FormatRule>, Option<&str>),
        documents: &Documents,
    ) -> Result<Self, CompileError> {
        cost::check(schema, documents)?;
        let patterns = PatternOptions::fancy_regex()
            .backtrack_limit(Self::MOST_BACKTRACKS)
            .size_limit(Self::MOST_PATTERN_BYTES);
        let mut options = jsonschema::options()
            .with_pattern_options(patterns)
            .with_retriever(documents.clone());
        // A meta-schema that was registered names its vocabularies; it is looked up there.
        let registry = documents.registry_of_meta_schema(schema)?;
        options = match &registry {
            Some(registry) => options.with_registry(registry),
            None => options.with_draft(draft(schema)?),
        };
        if let Some(address) = address {
            options = options.with_base_uri(address);
        }
        if let Some(rule) = formats {
            options = options.should_validate_formats(rule == FormatRule::Assert);
        }
        let validator = options.build(schema).map_err(|error| refused(&error))?;
        Ok(Self {
            name: name.to_owned(),
            validator,
        })
    }

    /// Its name with its version: `log_record.v1`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a record keeps it. The quick way; [`Self::violations`] says what is wrong.
    pub fn is_kept_by(&self, record: &Value) -> bool {
        self.validator.is_valid(record)
    }

    /// How a record breaks it; empty if it keeps it. At most [`Self::MAX_VIOLATIONS`].
    pub fn violations(&self, record: &Value) -> Vec<Violation> {
        let violations = self.validator.iter_errors(record).map(|error| Violation {
            instance_path: error.instance_path().to_string(),
            schema_path: error.schema_path().to_string(),
            message: shortened(&error.to_string()),
        });
        violations.take(Self::MAX_VIOLATIONS).collect()
    }
}

/// By `$schema`; 2020-12 where nothing is said.
fn draft(schema: &Value) -> Result<Draft, CompileError> {
    let Some(said) = schema.get("$schema") else {
        return Ok(Draft::Draft202012);
    };
    let said = said.as_str().unwrap_or_default();
    match said.trim_end_matches('#') {
        "https://json-schema.org/draft/2020-12/schema" => Ok(Draft::Draft202012),
        "http://json-schema.org/draft-07/schema" | "https://json-schema.org/draft-07/schema" => {
            Ok(Draft::Draft7)
        }
        _ => Err(CompileError::at(
            "/$schema",
            format!(
                "expected https://json-schema.org/draft/2020-12/schema or \
                 http://json-schema.org/draft-07/schema#, found {said:?}"
            ),
        )),
    }
}

fn refused(error: &ValidationError<'_>) -> CompileError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    let reason = format!("{error}{}", cause.unwrap_or_default());
    CompileError::at(&error.instance_path().to_string(), shortened(&reason))
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.instance_path.is_empty() {
            "the record"
        } else {
            &self.instance_path
        };
        write!(f, "{place}: {}", self.message)
    }
}

/// A message quotes the value that it is about, which can be as long as the record.
fn shortened(message: &str) -> String {
    const MOST: usize = 300;
    match message.char_indices().nth(MOST) {
        None => message.to_owned(),
        Some((end, _)) => format!("{}…", &message[..end]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn valid() -> Value {
        json!({"timestamp": "2026-11-22T05:57:27Z", "severity": "INFO", "service.name": "a", "message": "m"})
    }

    /// Sets `key` of a valid record to `value` and expects a violation there, or none.
    fn check(key: &str, value: Value, expected: Option<(&str, &str)>) {
        let mut record = valid();
        match value {
            Value::Null => drop(record.as_object_mut().unwrap().remove(key)),
            value => record[key] = value,
        }
        let violations = Contract::log_record_v1().violations(&record);
        let found = violations
            .first()
            .map(|v| (v.instance_path.as_str(), v.schema_path.as_str()));
        assert_eq!(found, expected, "{key}: {violations:?}");
    }

    #[test]
    fn the_log_record_contract_says_what_is_wrong_and_where() {
        check("anything", json!({"a": [1, null]}), None);
        check("http.response.status_code", json!(503), None);
        check("timestamp", Value::Null, Some(("", "/required")));
        check("message", Value::Null, Some(("", "/required")));
        check(
            "timestamp",
            json!("yesterday"),
            Some(("/timestamp", "/properties/timestamp/format")),
        );
        check(
            "severity",
            json!("error"),
            Some(("/severity", "/properties/severity/enum")),
        );
        check(
            "message",
            json!(5),
            Some(("/message", "/properties/message/type")),
        );
        check(
            "service.name",
            json!(""),
            Some(("/service.name", "/properties/service.name/minLength")),
        );
        check(
            "trace_id",
            json!("xyz"),
            Some(("/trace_id", "/properties/trace_id/pattern")),
        );
        check(
            "trace_id",
            json!("0".repeat(32)),
            Some(("/trace_id", "/properties/trace_id/not")),
        );
        check(
            "exception.type",
            json!(1),
            Some(("/exception.type", "/properties/exception.type/type")),
        );
        check(
            "http.response.status_code",
            json!("503"),
            Some((
                "/http.response.status_code",
                "/properties/http.response.status_code/type",
            )),
        );
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        assert!(matches!(
            Contract::compile("x", "{"),
            Err(CompileError::NotJson(_))
        ));
        assert!(matches!(
            Contract::compile("x", r#"{"type": 5}"#),
            Err(CompileError::NotASchema { .. })
        ));
        let remote = r#"{"$ref": "https://example.com/other.json"}"#;
        assert!(
            Contract::compile("x", remote).is_err(),
            "nothing is fetched from elsewhere"
        );
    }
}
