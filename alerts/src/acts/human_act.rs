//! What a human can do to an incident, read strictly: what is wrong is told with its name.

use watchfire_schemas::{AlertSeverity, Timestamp};

use crate::{ActError, CauseKind};

/// How long a note or a reason may be.
const MAX_TEXT: usize = 10_000;
const MAX_NAME: usize = 200;
const MAX_URL: usize = 2_000;

/// Who acts, and through what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub name: String,
    pub through: Channel,
}

/// Where an act was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Channel {
    Console,
    Api,
    /// At the destination of this name, which knows of it already: it is not told.
    Destination(String),
}

impl Actor {
    pub fn new(name: impl Into<String>, through: Channel) -> Self {
        Self {
            name: name.into(),
            through,
        }
    }

    /// The destination that hears no echo.
    pub(crate) fn knows(&self) -> Option<&str> {
        match &self.through {
            Channel::Destination(name) => Some(name),
            Channel::Console | Channel::Api => None,
        }
    }
}

/// One thing that a human does to an incident.
#[derive(Debug, Clone, PartialEq)]
pub enum HumanAct {
    /// Takes the incident on. To acknowledge again changes nothing.
    Acknowledge,
    /// Gives it back: nobody has it.
    Unacknowledge,
    /// Closes it. To resolve again changes nothing.
    Resolve,
    /// Opens what was resolved; from then on only a human closes it.
    Reopen,
    /// Says when it began; no estimate moves that again.
    SetOnset {
        at: Timestamp,
        why: String,
    },
    /// An alert that is graver than all there were raises it again.
    SetSeverity(AlertSeverity),
    Note(String),
    /// A pull request, a post-mortem, a chat: a web address and what it is.
    Link {
        url: String,
        text: String,
    },
    SetCause {
        kind: CauseKind,
        text: String,
    },
    /// Who works on it; none takes the name off.
    Assign(Option<String>),
    /// It is the same failure as another incident, which takes everything over.
    Merge {
        into: String,
    },
    /// These alerts, by their ids, are a failure of their own.
    Split {
        alerts: Vec<String>,
    },
}

impl HumanAct {
    /// The act with its texts trimmed, or what is wrong with it.
    pub(super) fn checked(self) -> Result<Self, ActError> {
        Ok(match self {
            Self::SetOnset { at, why } => Self::SetOnset {
                at,
                why: text("onset.reason", &why, MAX_TEXT)?,
            },
            Self::Note(note) => Self::Note(text("note", &note, MAX_TEXT)?),
            Self::Link { url, text: shown } => {
                let url = text("link.url", &url, MAX_URL)?;
                if !(url.starts_with("https://") || url.starts_with("http://")) {
                    return Err(invalid("link.url", "expected a web address"));
                }
                let shown = match shown.trim() {
                    "" => url.clone(),
                    shown => text("link.text", shown, MAX_NAME)?,
                };
                Self::Link { url, text: shown }
            }
            Self::SetCause { kind, text: words } => {
                if words.chars().count() > MAX_TEXT {
                    return Err(invalid("cause.text", "is longer than 10000 characters"));
                }
                let text = words.trim().to_owned();
                Self::SetCause { kind, text }
            }
            Self::Assign(Some(name)) => Self::Assign(Some(text("assignee", &name, MAX_NAME)?)),
            Self::Merge { into } => Self::Merge {
                into: text("merge.into", &into, MAX_NAME)?,
            },
            Self::Split { alerts } if alerts.is_empty() => {
                return Err(invalid("split.alerts", "name at least one alert"));
            }
            other => other,
        })
    }
}

/// A name that can stand beside an act.
pub(crate) fn name(member: &'static str, who: &str) -> Result<String, ActError> {
    text(member, who, MAX_NAME)
}

pub(crate) fn text(member: &'static str, text: &str, most: usize) -> Result<String, ActError> {
    let text = text.trim();
    match text.chars().count() {
        0 => Err(invalid(member, "is required")),
        length if length > most => Err(invalid(
            member,
            &format!("is longer than {most} characters"),
        )),
        _ => Ok(text.to_owned()),
    }
}

pub(crate) fn invalid(member: &'static str, reason: &str) -> ActError {
    ActError::Invalid {
        member,
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(act: HumanAct, expected: &str) {
        let error = act.checked().map_err(|error| error.to_string());
        assert_eq!(error.unwrap_err(), expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        check(HumanAct::Note("  ".to_owned()), "note: is required");
        check(
            HumanAct::Link {
                url: "javascript:alert(1)".to_owned(),
                text: String::new(),
            },
            "link.url: expected a web address",
        );
        check(
            HumanAct::Split { alerts: Vec::new() },
            "split.alerts: name at least one alert",
        );
        check(
            HumanAct::Assign(Some("a".repeat(201))),
            "assignee: is longer than 200 characters",
        );
    }
}
