use watchfire_schemas::Timestamp;

/// What a person wants done to an incident, whichever way it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The id of the incident.
    pub incident: String,
    pub who: String,
    pub what: What,
    /// When they did it.
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Acknowledge,
    Unacknowledge,
    Resolve,
    Reopen,
    Assign(String),
    Note(String),
}

/// What a call comes down to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Asks(Asked),
    /// Why nothing is to be done.
    Nothing(String),
}

impl Meaning {
    pub(super) fn nothing(why: &str) -> Self {
        Self::Nothing(why.to_owned())
    }
}

/// Our dedup keys name the incident.
pub(super) fn incident_of(dedup_key: &str) -> Option<&str> {
    dedup_key.strip_prefix("watchfire-")
}
