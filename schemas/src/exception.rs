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

/// The hashes by which occurrences of an exception are told to be of one group, each of 16
/// hexadecimal digits, where there is ground for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExceptionHashes {
    /// Of what the emitter says that it is (`exception.fingerprint`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Of its type and the calls within the application's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Of its type and all calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// Of its type and its message without what varies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The pattern of the log line that told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

impl ExceptionHashes {
    /// Those of which one in common makes two occurrences one group: what the emitter says, the calls
    /// of the application, all calls; the message only where there are no calls.
    pub fn joining(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let has_calls = self.app.is_some() || self.system.is_some();
        let message = self.message.as_ref().filter(|_| !has_calls);
        [
            ("client", self.client.as_ref()),
            ("app", self.app.as_ref()),
            ("system", self.system.as_ref()),
            ("message", message),
        ]
        .into_iter()
        .filter_map(|(kind, hash)| Some((kind, hash?.as_str())))
    }
}
