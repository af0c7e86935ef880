use serde::{Deserialize, Serialize};

use crate::{Attributes, Timestamp};

/// A change to a running system, as it stands on the time axis beside failures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// Given by us.
    #[serde(default)]
    pub id: String,
    /// When it took effect.
    pub at: Timestamp,
    /// What kind of change.
    #[serde(default)]
    pub kind: ChangeKind,
    /// The service that it changed.
    pub service: String,
    /// What was done, in a few words.
    pub summary: String,
    /// The version that came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Who or what did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Anything else.
    #[serde(default, skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

/// What kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// A new version.
    #[default]
    Deploy,
    /// A feature flag.
    Flag,
    /// Configuration.
    Config,
}

impl ChangeKind {
    /// Its name in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deploy => "deploy",
            Self::Flag => "flag",
            Self::Config => "config",
        }
    }
}
