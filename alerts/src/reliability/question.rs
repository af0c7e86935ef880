use watchfire_schemas::{AlertSeverity, TimeRange};

use super::case::Case;

/// By what incidents are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grouping {
    Service,
    Severity,
    /// The label `team` of its alerts.
    Team,
    /// What a human found to be the cause.
    Cause,
}

/// Which incidents are meant: those whose onset lies in the range. So each belongs to one period
/// only, and long ones are not met more often than short ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Scope {
    pub range: TimeRange,
    pub service: Option<String>,
    pub severity: Option<AlertSeverity>,
    pub team: Option<String>,
    pub cause: Option<String>,
}

impl Grouping {
    pub const ALL: [Self; 4] = [Self::Service, Self::Severity, Self::Team, Self::Cause];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.key() == text)
    }

    pub const fn key(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Severity => "severity",
            Self::Team => "team",
            Self::Cause => "cause",
        }
    }

    /// The groups that an incident is of: each of its services, each of its teams.
    pub(crate) fn keys(self, case: &Case) -> Vec<String> {
        let or_none = |keys: &[String]| match keys {
            [] => vec![format!("no {}", self.key())],
            keys => keys.to_vec(),
        };
        match self {
            Self::Service => or_none(&case.services),
            Self::Severity => vec![case.severity.to_string()],
            Self::Team => or_none(&case.teams),
            Self::Cause => or_none(case.cause.as_slice()),
        }
    }
}

impl Scope {
    /// All incidents of a time.
    pub const fn all(range: TimeRange) -> Self {
        Self {
            range,
            service: None,
            severity: None,
            team: None,
            cause: None,
        }
    }

    pub(crate) fn holds(&self, case: &Case) -> bool {
        let is_of = |wanted: &Option<String>, own: &[String]| {
            wanted.as_ref().is_none_or(|wanted| own.contains(wanted))
        };
        self.range.contains(case.moments.onset)
            && is_of(&self.service, &case.services)
            && is_of(&self.team, &case.teams)
            && is_of(&self.cause, case.cause.as_slice())
            && self.severity.is_none_or(|wanted| case.severity == wanted)
    }
}
