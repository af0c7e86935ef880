//! What the console needs to know of contracts, and may do with them. The collector keeps them;
//! the binary joins the two.

use std::fmt;

use watchfire_schemas::{ReplayReport, ReplayRequest, SchemaDefinition, SchemaVersion, Timestamp};

/// The registered schemas and the replay of what they refused. Implemented by the binary. The
/// calls that change something wait for the disk, so they are made on a thread that may block.
pub trait ContractSource: Send + Sync + fmt::Debug {
    /// By name and version.
    fn schemas(&self) -> Vec<SchemaEntry>;

    /// Registers a schema, or changes the policy, the scope or the activity of one.
    fn register(&self, definition: SchemaDefinition) -> Result<SchemaEntry, ContractRefusal>;

    /// Forgets a schema.
    fn remove(&self, name: &str, version: &SchemaVersion) -> Result<(), ContractRefusal>;

    /// The records that a schema's policy rejected since start. `schema` is its name with its
    /// version.
    fn rejected(&self, schema: &str) -> Rejected;

    /// Starts to judge quarantined lines again; its number.
    fn start_replay(&self, request: ReplayRequest) -> Result<u64, ContractRefusal>;

    /// The last replays, newest first.
    fn replays(&self) -> Vec<ReplayReport>;
}

/// A registered schema and where it came from.
#[derive(Debug, Clone, PartialEq)]
pub struct SchemaEntry {
    pub definition: SchemaDefinition,
    /// It is in the configuration, so it can be changed only there.
    pub is_configured: bool,
}

/// What is remembered of records that are not kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rejected {
    /// How many by place.
    pub paths: Vec<(String, u64)>,
    /// How many by service.
    pub services: Vec<(String, u64)>,
    /// The last few, newest first.
    pub samples: Vec<RefusedSample>,
}

/// A record that was rejected.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedSample {
    pub at: Timestamp,
    pub service: String,
    pub path: String,
    pub message: String,
    pub line: String,
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ContractRefusal {
    /// What was sent is no schema, or no definition of one.
    #[error("{reason}")]
    Invalid {
        /// The place in the schema, as a JSON pointer, if it is about the schema.
        path: Option<String>,
        reason: String,
    },
    #[error("{0}")]
    Conflict(String),
    #[error("there is no schema {0}")]
    NotFound(String),
    #[error("{0}")]
    Unavailable(String),
}
