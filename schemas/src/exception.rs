use serde::{Deserialize, Serialize};

/// An exception, by OpenTelemetry's attributes `exception.type`, `.message` and `.stacktrace`.
/// At least one of type and message is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Exception {
    /// The class of the exception, or what names the kind of failure.
    #[serde(
        rename = "exception.type",
        default,
        skip_serializing_if = "String::is_empty"
    )]
    pub kind: String,
    /// What it says.
    #[serde(
        rename = "exception.message",
        default,
        skip_serializing_if = "String::is_empty"
    )]
    pub message: String,
    /// The stack trace in the form of the language that threw it; empty if there is none.
    #[serde(
        rename = "exception.stacktrace",
        default,
        skip_serializing_if = "String::is_empty"
    )]
    pub stacktrace: String,
}
